"""Signing in to SQL Server without a password: which way is asked for, and for which servers.

A token, unlike a password, is fetched for whoever asks: a location that names a strange server
would send it the machine's identity. So tokens go to Microsoft's own clouds, where only they are
of use, and to the one server that the operator named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_plugin_core import errors
from mlflow_sqlserver_artifacts.credentials import is_configured_server, uses_entra

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow_sqlserver_artifacts.credentials import Credentials
    from mlflow_sqlserver_artifacts.location import SqlLocation
    from mlflow_sqlserver_artifacts.settings import SqlSettings

# Which servers of Microsoft's take a token, and what it has to be made for.
_CLOUDS = {
    ".database.windows.net": "https://database.windows.net/.default",
    ".database.fabric.microsoft.com": "https://database.windows.net/.default",
    ".database.chinacloudapi.cn": "https://database.chinacloudapi.cn/.default",
    ".database.usgovcloudapi.net": "https://database.usgovcloudapi.net/.default",
    ".database.cloudapi.de": "https://database.cloudapi.de/.default",
}
_DEFAULT_SCOPE = _CLOUDS[".database.windows.net"]


def check(
    location: SqlLocation,
    settings: SqlSettings,
    credentials: Credentials,
    driver_options: Mapping[str, str],
) -> None:
    """Refuse ways to sign in that exclude each other, and tokens for a strange server.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE with which one to leave out, or what to set.
    """
    method = driver_options.get("Authentication", "")
    entra = uses_entra(location, settings)
    ways = [
        *(["entra"] if entra else []),
        *(["Authentication"] if method else []),
        *(["Trusted_Connection"] if _is_on(driver_options.get("Trusted_Connection")) else []),
    ]
    if entra and credentials.username is not None:
        ways.append("a user name")
    if len(ways) > 1:
        message = errors.explain(
            f"{' and '.join(ways)} exclude each other",
            location=location.uri,
            why="each is a way to sign in",
            remedy="keep one of them",
        )
        raise errors.invalid_parameter(message)
    if (entra or method.lower().startswith("activedirectory")) and not _may_get_token(
        location, settings
    ):
        message = errors.explain(
            "No Microsoft Entra token is sent to this server",
            location=location.uri,
            why="it is none of Azure's, and a location could name a server that collects tokens",
            remedy=f"set MLFLOW_SQLSERVER_HOST={location.server} if it is yours",
        )
        raise errors.invalid_parameter(message)


def token_scope(host: str | None) -> str:
    """Return what a token for this server has to be made for."""
    return _cloud_of(host) or _DEFAULT_SCOPE


def _may_get_token(location: SqlLocation, settings: SqlSettings) -> bool:
    return _cloud_of(location.host) is not None or is_configured_server(location, settings)


def _cloud_of(host: str | None) -> str | None:
    name = (host or "").lower().rstrip(".")
    return next((scope for suffix, scope in _CLOUDS.items() if name.endswith(suffix)), None)


def _is_on(value: str | None) -> bool:
    return (value or "").lower() in {"yes", "true", "1", "sspi"}
