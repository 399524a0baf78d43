"""What a tracking server opens when a location that a user stored asks for it.

The server's own storage is open, at any artifact root below it: MLflow appends paths to the
location that the operator chose and keeps its query. Everything else that differs from that
location could reach another database with the operator's password, or take the protection off the
wire, and needs the operator's word.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from mlflow.exceptions import MlflowException

from mlflow_plugin_core import host_policy, uris
from mlflow_sqlserver_artifacts import location
from mlflow_sqlserver_artifacts.options import driver_of

if TYPE_CHECKING:
    from mlflow_sqlserver_artifacts.location import SqlLocation
    from mlflow_sqlserver_artifacts.settings import SqlSettings

# Options that decide how fast and how large, not where to, as whom and by which protection.
_HARMLESS = frozenset(
    {"chunk_size", "workers", "connect_timeout", "statement_timeout", "retry_timeout"}
)


def is_own(place: SqlLocation) -> bool:
    """Tell whether a location lies in what the server was started with as its own storage."""
    return any(not _differences(place, own) for own in _own_locations())


def check(place: SqlLocation, settings: SqlSettings) -> None:
    """Refuse what the operator of this server did not choose.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE with what the operator can set.
    """
    if place.host is None:
        host_policy.check_folder(
            place.database,
            setting="MLFLOW_SQLSERVER_SQLITE_FOLDERS",
            allowed=[
                *filter(None, settings.sqlite_folders.split(os.pathsep)),
                *(own.database for own in _own_locations() if own.host is None),
            ],
        )
        return
    host_policy.check_host(
        uris.parse(place.uri), default_port=location.DEFAULT_PORTS[place.dialect]
    )
    if host_policy.is_scheme_allowed(uris.parse(place.uri).scheme):
        return
    found = [_differences(place, own) for own in _own_locations() if own.server == place.server]
    nearest = min(found, key=len) if found else ["host"]
    raise host_policy.refusal(
        place.uri,
        why="it is on the host of the server's own artifact storage, and differs from that in: "
        + ", ".join(nearest),
        remedy="write it as the server's own location is, or the operator can set "
        f"{host_policy.ALLOWED_SCHEMES}={place.dialect} for the server",
    )


def _own_locations() -> list[SqlLocation]:
    found = []
    for uri in host_policy.server_locations():
        if uri.partition(":")[0].partition("+")[0].lower() in location.DIALECTS:
            # One that cannot be read says so where it is used, and allows nothing here.
            with suppress(MlflowException):
                found.append(location.parse(uri))
    return found


def _differences(place: SqlLocation, own: SqlLocation) -> list[str]:
    """Name what a location has other than the server's own one, artifact root and user aside."""
    if place.dialect != own.dialect:
        return ["dialect"]
    if place.host is None or own.host is None:
        return [] if place.database == own.database else ["file"]
    parts = [
        ("host", place.server, own.server),
        ("database", place.database, own.database),
        ("driver", driver_of(place).name, driver_of(own).name),
    ]
    options, chosen = _options(place), _options(own)
    names = sorted(options.keys() | chosen.keys())
    parts += [(name, options.get(name, ""), chosen.get(name, "")) for name in names]
    return [name for name, given, wanted in parts if given != wanted]


def _options(place: SqlLocation) -> dict[str, str]:
    return {
        name.lower(): value for name, value in place.query.items() if name.lower() not in _HARMLESS
    }
