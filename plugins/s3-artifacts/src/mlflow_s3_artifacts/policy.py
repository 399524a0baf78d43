"""What a tracking server opens when a location that a user stored asks for it.

The server's own storage is open, at any artifact root below it: MLflow appends paths to the
location that the operator chose and keeps its query. Everything else that differs from that
location could reach another service or bucket with the server's credentials, read its files, or
take the protection off the wire, and needs the operator's word.
"""

from __future__ import annotations

import os
import urllib.parse
from contextlib import suppress
from typing import TYPE_CHECKING

from mlflow.exceptions import MlflowException

from mlflow_plugin_core import host_policy, uris
from mlflow_s3_artifacts import location

if TYPE_CHECKING:
    from mlflow_s3_artifacts.location import S3Location
    from mlflow_s3_artifacts.settings import S3Settings

# Options that decide how fast and how large, not where to, as whom and by which protection.
_HARMLESS = frozenset(
    {
        "workers",
        "part_size",
        "memory",
        "connect_timeout",
        "read_timeout",
        "retry_timeout",
        "fast",
        "checksum",
        "addressing",
        "region",
    }
)
# They name files, variables or protection of the server's own machine; a user's location may not.
_OPERATORS = ("sse_customer_key", "ca_bundle", "verify_tls")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "MLFLOW_S3_ENDPOINT_URL")


def is_own(place: S3Location) -> bool:
    """Tell whether a location lies in what the server was started with as its own storage."""
    return any(not _differences(place, own) for own in _own_locations())


def check(place: S3Location, settings: S3Settings) -> None:
    """Refuse what the operator of this server did not choose.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE with what the operator can set.
    """
    default_port = location.DEFAULT_PORTS[place.scheme]
    for name in _OPERATORS:
        if name in place.query:
            raise _refuse(
                place, f"it sets {name}", f"the operator can set {_variable(name)} for the server"
            )
    host_policy.check_host(uris.parse(place.uri), default_port=default_port)
    profile = place.query.get("profile")
    allowed = {name.strip() for name in settings.profiles.split(",")}
    if profile and profile not in allowed:
        raise _refuse(
            place,
            f"it names the profile {profile!r}",
            f"the operator can add it to {_variable('profiles')} for the server",
        )
    if host_policy.is_scheme_allowed(place.scheme):
        return
    found = [_differences(place, own) for own in _own_locations() if own.server == place.server]
    left = [sorted(set(names) - ({"profile"} if profile else set())) for names in found]
    nearest = min(left, key=len) if left else ["host"]
    if nearest:
        raise _refuse(
            place,
            "it is on the host of the server's own artifact storage, and differs from that in: "
            + ", ".join(nearest),
            "write it as the server's own location is, or the operator can set "
            f"{host_policy.ALLOWED_SCHEMES}={place.scheme} for the server",
        )


def may_use_ambient_credentials(place: S3Location) -> bool:
    """Tell whether the credentials of the server itself are for this location's host.

    They are for the hosts of its own storage, for the endpoint that its environment names, and for
    Amazon S3's own hosts, by TLS, where it names none.
    """
    if any(own.server == place.server for own in _own_locations()):
        return True
    named = [value for name in _ENDPOINTS if (value := os.environ.get(name))]
    if not named:
        return place.is_amazon and place.scheme == "s3+https"
    return any(_server_of(url) == place.server for url in named)


def may_have_customer_key(place: S3Location, settings: S3Settings) -> bool:
    """Tell whether the key of `sse=customer` is for this location's host.

    Unlike a secret key it is sent in clear, and locations are stored by others: one that names
    their host would get it. So this holds for clients too.
    """
    named = {host.strip().lower() for host in settings.sse_customer_hosts.split(",")}
    host, port = place.server
    return bool(named & {host, f"{host}:{port}"}) or may_use_ambient_credentials(place)


def _server_of(url: str) -> tuple[str, int]:
    parts = urllib.parse.urlsplit(url)
    return (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))


def _own_locations() -> list[S3Location]:
    found = []
    for uri in host_policy.server_locations():
        if uri.partition(":")[0].lower() in location.SCHEMES:
            # One that cannot be read says so where it is used, and allows nothing here.
            with suppress(MlflowException):
                found.append(location.parse(uri))
    return found


def _differences(place: S3Location, own: S3Location) -> list[str]:
    """Name what a location has other than the server's own one, artifact root and user aside."""
    parts = [
        ("scheme", place.scheme, own.scheme),
        ("host", place.server, own.server),
        ("bucket", place.bucket, own.bucket),
    ]
    options, chosen = _options(place), _options(own)
    names = sorted(options.keys() | chosen.keys())
    return [
        *(name for name, given, wanted in parts if given != wanted),
        *(name for name in names if options.get(name) != chosen.get(name)),
    ]


def _options(place: S3Location) -> dict[str, str]:
    return {name: value for name, value in place.query.items() if name not in _HARMLESS}


def _variable(name: str) -> str:
    return f"MLFLOW_S3_ARTIFACTS_{name.upper()}"


def _refuse(place: S3Location, why: str, remedy: str) -> Exception:
    return host_policy.refusal(place.uri, why=why, remedy=remedy)


__all__ = ["check", "is_own", "may_have_customer_key", "may_use_ambient_credentials"]
