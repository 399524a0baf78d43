"""What a tracking server may connect to and open on behalf of its users.

A location is text that any user of a tracking server can store. MLflow 3.17 keeps servers from
connecting to hosts that such texts name (advisory GHSA-mr9f-g8qf-4w4j), but only for its own
schemes. Plugins keep the same policy here, on every supported MLflow: inside a server process only
the hosts of the server's own `--default-artifact-root` and `--artifacts-destination` are connected
to, unless the operator allows the scheme. Clients are not restricted.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_plugin_core import errors, uris

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlflow.exceptions import MlflowException

ALLOWED_SCHEMES = "MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES"
# `mlflow server` exports both to its workers, in every version from 2.22 to 3.17.
_ROOT = "_MLFLOW_SERVER_ARTIFACT_ROOT"
_DESTINATION = "_MLFLOW_SERVER_ARTIFACT_DESTINATION"


def in_server_process(environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether this code runs on a tracking server's behalf."""
    found = os.environ if environ is None else environ
    return _ROOT in found or _DESTINATION in found


def check_host(
    location: uris.Location,
    *,
    default_port: int | None,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Refuse a host that a server's operator did not choose.

    Args:
        location: What is about to be connected to.
        default_port: The service's port where a location names none.
        environ: For tests; the process's environment by default.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE with what the operator can set.
    """
    found = os.environ if environ is None else environ
    if not in_server_process(found):
        return
    if is_scheme_allowed(location.scheme, found):
        return
    wanted = _target(location, default_port)
    for name in (_ROOT, _DESTINATION):
        own = found.get(name, "")
        if "://" in own and wanted == _target(uris.parse(own), default_port):
            return
    message = errors.explain(
        "The tracking server does not connect to this artifact location",
        location=location,
        why="its host is not that of the server's own artifact storage",
        remedy=f"the operator can set {ALLOWED_SCHEMES}={wanted[0]} for the server",
    )
    raise errors.invalid_parameter(message)


def is_scheme_allowed(scheme: str, environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether the operator allowed every host for a scheme, with or without its `+driver`."""
    found = os.environ if environ is None else environ
    allowed = {item.strip().lower() for item in found.get(ALLOWED_SCHEMES, "").split(",")}
    return bool({scheme.lower(), scheme.partition("+")[0].lower()} & allowed)


def _target(location: uris.Location, default_port: int | None) -> tuple[str, str, int | None]:
    base = location.scheme.partition("+")[0].lower()
    host = (location.host or "").lower()
    return base, host, location.port or default_port


def check_folder(
    path: str | os.PathLike[str],
    *,
    setting: str,
    allowed: Sequence[str | os.PathLike[str]],
    environ: Mapping[str, str] | None = None,
) -> None:
    """Refuse a local file or folder that a server's operator did not name.

    Args:
        path: What is about to be opened; symlinks are resolved.
        setting: The setting that lists the allowed folders, for the message.
        allowed: Those folders, and what belongs to the server's own locations.
        environ: For tests; the process's environment by default.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE with what the operator can set.
    """
    if not in_server_process(environ):
        return
    wanted = Path(path).resolve()
    for folder in allowed:
        base = Path(folder).resolve()
        if base == wanted or base in wanted.parents:
            return
    raise refusal(
        str(path),
        why="it does not lie in a folder that the server's operator named",
        remedy=f"the operator can add {str(wanted.parent)!r} to {setting} for the server",
    )


def refusal(location: object, *, why: str, remedy: str) -> MlflowException:
    """Return the INVALID_PARAMETER_VALUE for a location that a server's operator did not choose.

    Args:
        location: What was asked for; redacted.
        why: What it differs in from what the operator chose.
        remedy: What the operator can set.
    """
    message = errors.explain(
        "The tracking server does not open this artifact location",
        location=location,
        why=why,
        remedy=remedy,
    )
    return errors.invalid_parameter(message)


def server_locations(environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the server's own artifact root and destination, as far as they are set."""
    found = os.environ if environ is None else environ
    return [value for name in (_ROOT, _DESTINATION) if (value := found.get(name))]
