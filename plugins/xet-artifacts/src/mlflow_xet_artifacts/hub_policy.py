"""Which repositories a tracking server opens when a location that a user stored asks for one.

The Hub itself is always the one of the operator's HF_ENDPOINT: no location can name another, so the
server's token goes nowhere else. But that token may open more than its operator wants to show: only
the repositories of the server's own storage, and those that MLFLOW_XET_ALLOWED_REPOS names, are
opened.
"""

from __future__ import annotations

import fnmatch
from contextlib import suppress
from typing import TYPE_CHECKING

from mlflow.exceptions import MlflowException

from mlflow_plugin_core import host_policy
from mlflow_xet_artifacts import hub_location

if TYPE_CHECKING:
    from mlflow_xet_artifacts.hub_location import HubLocation
    from mlflow_xet_artifacts.settings import XetHubSettings

_SETTING = "MLFLOW_XET_ALLOWED_REPOS"


def check(place: HubLocation, settings: XetHubSettings) -> None:
    """Refuse what the operator of this server did not choose; a client may open everything.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE with what the operator can set.
    """
    if not host_policy.in_server_process() or host_policy.is_scheme_allowed(hub_location.SCHEME):
        return
    if any((own.repo_type, own.repo) == (place.repo_type, place.repo) for own in _own_locations()):
        return
    patterns = [item.strip() for item in settings.allowed_repos.split(",") if item.strip()]
    if any(fnmatch.fnmatchcase(place.repo, pattern) for pattern in patterns):
        return
    raise host_policy.refusal(
        place,
        why=f"{place.repo} is not the repository of the server's own artifact storage",
        remedy=f"the operator can add {place.repo} to {_SETTING} for the server",
    )


def _own_locations() -> list[HubLocation]:
    found = []
    for uri in host_policy.server_locations():
        if uri.startswith(f"{hub_location.SCHEME}:"):
            # One that cannot be read says so where it is used, and allows nothing here.
            with suppress(MlflowException):
                found.append(hub_location.parse(uri))
    return found
