"""What a tracking server opens when a location that a user stored asks for it.

The server's own storage is open, at any artifact root of its bucket. Another bucket of the same
account is not the operator's choice, and a location could reach it with the operator's key: it
needs a profile that the operator listed, or the core's word for the whole scheme. An endpoint that
a location names has to be listed as well.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from mlflow.exceptions import MlflowException

from mlflow_oss_artifacts import location
from mlflow_plugin_core import host_policy

if TYPE_CHECKING:
    from mlflow_oss_artifacts.location import OssLocation
    from mlflow_oss_artifacts.settings import OssSettings

# Options that decide how fast and how large, not where to and as whom.
_HARMLESS = frozenset(
    {"workers", "part_size", "memory", "connect_timeout", "read_timeout", "retry_timeout"}
)
_LISTED = {"endpoint": "server_endpoints", "profile": "server_profiles"}


def check(place: OssLocation, settings: OssSettings) -> None:
    """Refuse what the operator of this server did not choose.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE with what the operator can set.
    """
    chosen = _options(place)
    own = [other for other in _own_locations() if other.bucket == place.bucket]
    if any(_options(other) == chosen for other in own):
        return
    for name, setting in _LISTED.items():
        value = chosen.pop(name, None)
        if value is not None and value not in _listed(getattr(settings, setting)):
            variable = f"MLFLOW_OSS_{setting.upper()}"
            raise _refused(
                place,
                f"its {name} {value!r} is not one that the server's operator listed",
                f"the operator can set {variable}={value} for the server",
            )
    # A listed profile is a key that the operator made for users' buckets.
    if (place.query.get("profile") and not place.key_id) or host_policy.is_scheme_allowed("oss"):
        return
    allowed = f"{host_policy.ALLOWED_SCHEMES}=oss"
    if not own:
        raise _refused(
            place,
            f"its bucket {place.bucket!r} is not that of the server's own artifact storage",
            f"the operator can set {allowed} for the server",
        )
    if chosen and all(_left(other) != chosen for other in own):
        raise _refused(
            place,
            f"it differs from the server's own location in: {', '.join(sorted(chosen))}",
            f"write it as the server's own location is, or the operator can set {allowed}",
        )


def _left(place: OssLocation) -> dict[str, str]:
    return {name: value for name, value in _options(place).items() if name not in _LISTED}


def _options(place: OssLocation) -> dict[str, str]:
    found = {name: value for name, value in place.query.items() if name not in _HARMLESS}
    if place.key_id:
        found["access key"] = place.key_id
    return found


def _listed(names: str) -> set[str]:
    return {name.strip() for name in names.split(",")} - {""}


def _own_locations() -> list[OssLocation]:
    found = []
    for uri in host_policy.server_locations():
        if uri.startswith("oss:"):
            # One that cannot be read says so where it is used, and allows nothing here.
            with suppress(MlflowException):
                found.append(location.parse(uri))
    return found


def _refused(place: OssLocation, why: str, remedy: str) -> Exception:
    return host_policy.refusal(place.uri, why=why, remedy=remedy)
