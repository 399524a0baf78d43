"""Which user and password go to which server.

A password from the environment or from a file belongs to the host it was configured for: a
location is text that any user of a tracking server may write, and must not be able to send the
operator's password to a host of its choice.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mlflow_plugin_core import errors, notices
from mlflow_sqlserver_artifacts.options import driver_of

if TYPE_CHECKING:
    from mlflow_sqlserver_artifacts.location import SqlLocation
    from mlflow_sqlserver_artifacts.settings import SqlSettings

_logger = logging.getLogger(__name__)

_TAKE_A_TOKEN = frozenset({"pyodbc", "mssqlpython"})
# Values of `Authentication` (in lower case) that go with a user and a password.
_TAKE_A_PASSWORD = frozenset(
    {"", "sqlpassword", "activedirectorypassword", "activedirectoryserviceprincipal"}
)
_OFF = frozenset({"", "no", "false", "0"})


class Credentials(NamedTuple):
    """A user name and a password, either of which may be missing."""

    username: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"Credentials(username={self.username!r})"


def find(location: SqlLocation, settings: SqlSettings) -> Credentials:
    """Return the credentials for a location: its own, the environment's, or the file's.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE for USERNAME or PASSWORD without HOST, and for a
            credentials file that cannot be read.
    """
    if location.host is None:
        return Credentials()
    if location.password is not None:
        notices.warn_once(
            f"password-in-location:{location.server}",
            f"The artifact location {location} holds a password: it is stored in the tracking "
            "database and shown in the UI. Leave it out and set MLFLOW_SQLSERVER_HOST, "
            "MLFLOW_SQLSERVER_USERNAME and MLFLOW_SQLSERVER_PASSWORD, or "
            "MLFLOW_SQLSERVER_CREDENTIALS_FILE.",
            _logger,
        )
        return Credentials(location.username, location.password)
    if _signs_in_without_password(location, settings):
        return Credentials(location.username)
    for found in (_from_environment(location, settings), _from_file(location, settings)):
        # A password without a user name is for any user of its server. A location that asks for
        # another user than the one whose password is known does not get it.
        if found and (None in {location.username, found.username} or found[0] == location.username):
            return Credentials(location.username or found.username, found.password)
    return Credentials(location.username)


def is_configured_server(location: SqlLocation, settings: SqlSettings) -> bool:
    """Tell whether a location names the server that MLFLOW_SQLSERVER_HOST does."""
    return settings.host is not None and _names_server(settings.host, location)


def _signs_in_without_password(location: SqlLocation, settings: SqlSettings) -> bool:
    options = {name.lower(): value.lower() for name, value in location.query.items()}
    method = options.get("authentication", "")
    return (
        options.get("trusted_connection", "no") not in _OFF
        or method not in _TAKE_A_PASSWORD
        or uses_entra(location, settings)
    )


def uses_entra(location: SqlLocation, settings: SqlSettings) -> bool:
    """Tell whether a token is sent; the environment's wish is for the drivers that can.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE where a location asks for it and its driver cannot.
    """
    if not settings.entra or driver_of(location).name in _TAKE_A_TOKEN:
        return settings.entra
    if settings.source_of("entra") == "URI parameter":
        message = errors.explain(
            f"The driver {driver_of(location).name!r} takes no Microsoft Entra token",
            location=location.uri,
            remedy="use mssql+pyodbc or mssql+mssqlpython, or leave entra out",
        )
        raise errors.invalid_parameter(message)
    return False


def _from_environment(location: SqlLocation, settings: SqlSettings) -> Credentials | None:
    if settings.username is None and settings.password is None:
        return None
    if settings.host is None:
        message = errors.explain(
            "MLFLOW_SQLSERVER_USERNAME and MLFLOW_SQLSERVER_PASSWORD are set without "
            "MLFLOW_SQLSERVER_HOST",
            why="they are sent only to the server they were configured for",
            remedy=f"set MLFLOW_SQLSERVER_HOST={location.server} if that is the one",
        )
        raise errors.invalid_parameter(message)
    if not is_configured_server(location, settings):
        return None
    password = settings.password
    return Credentials(settings.username, password.get_secret_value() if password else None)


def _from_file(location: SqlLocation, settings: SqlSettings) -> Credentials | None:
    if settings.credentials_file is None:
        return None
    name = f"MLFLOW_SQLSERVER_CREDENTIALS_FILE ({settings.source_of('credentials_file')})"
    path = Path(settings.credentials_file)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        entries = {
            host.strip().lower(): Credentials(entry.get("username"), entry.get("password"))
            for host, entry in content.items()
        }
    except (OSError, ValueError, AttributeError) as error:
        # The error's own text could quote the file, and so a password.
        message = errors.explain(
            f"Cannot read {name}",
            location=str(path),
            why=error.strerror if isinstance(error, OSError) else "it is not the expected JSON",
            remedy='write {"host:port": {"username": "…", "password": "…"}}',
        )
        raise errors.invalid_parameter(message) from None
    if os.name == "posix" and path.stat().st_mode & 0o077:
        notices.warn_once(
            f"credentials-file-mode:{path}",
            f"{name} can be read by other users of this machine: chmod 600 {path}",
            _logger,
        )
    for host in (location.server, location.host or ""):
        if host.lower() in entries:
            return entries[host.lower()]
    return None


def _names_server(host: str, location: SqlLocation) -> bool:
    wanted = host.strip().lower()
    return location.host is not None and wanted in {
        location.host.lower(),
        location.server.lower(),
    }
