"""MLflow's exceptions with the right error code; each constructor returns one, to be raised.

    MlflowException
    ├── INVALID_PARAMETER_VALUE   invalid_parameter   HTTP 400
    ├── BAD_REQUEST               bad_request         HTTP 400
    ├── UNAUTHENTICATED           unauthenticated     HTTP 401
    ├── PERMISSION_DENIED         permission_denied   HTTP 403
    ├── RESOURCE_DOES_NOT_EXIST   not_found           HTTP 404
    ├── RESOURCE_ALREADY_EXISTS   already_exists      HTTP 400
    ├── TEMPORARILY_UNAVAILABLE   unavailable         HTTP 503
    └── INTERNAL_ERROR            internal            HTTP 500

MLflow is imported inside: these functions are called long after it was loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_plugin_core import uris

if TYPE_CHECKING:
    from mlflow.exceptions import MlflowException


def explain(what: str, *, location: object = "", why: object = "", remedy: str = "") -> str:
    """Return one message in the form that all plugins use, without secrets.

    Args:
        what: What failed.
        location: On which location; redacted.
        why: The reason as the service said it.
        remedy: What the reader can do.
    """
    text = what
    if location:
        text += f" (at {uris.redact_location(location)})"
    if why:
        text += f": {why}"
    if remedy:
        text = f"{text.rstrip('.')}. To fix it: {remedy}"
    return uris.redact(text.rstrip(".") + ".")


def _make(code: str, message: str, cause: BaseException | None) -> MlflowException:
    from mlflow.exceptions import MlflowException
    from mlflow.protos import databricks_pb2

    error = MlflowException(uris.redact(message), error_code=getattr(databricks_pb2, code))
    error.__cause__ = cause
    return error


def invalid_parameter(message: str, *, cause: BaseException | None = None) -> MlflowException:
    """Return an INVALID_PARAMETER_VALUE: what the caller gave cannot be used."""
    return _make("INVALID_PARAMETER_VALUE", message, cause)


def bad_request(message: str, *, cause: BaseException | None = None) -> MlflowException:
    """Return a BAD_REQUEST: the request cannot be served as things stand."""
    return _make("BAD_REQUEST", message, cause)


def unauthenticated(message: str, *, cause: BaseException | None = None) -> MlflowException:
    """Return an UNAUTHENTICATED: the service does not accept the credentials."""
    return _make("UNAUTHENTICATED", message, cause)


def permission_denied(message: str, *, cause: BaseException | None = None) -> MlflowException:
    """Return a PERMISSION_DENIED: the credentials are known and do not suffice."""
    return _make("PERMISSION_DENIED", message, cause)


def not_found(message: str, *, cause: BaseException | None = None) -> MlflowException:
    """Return a RESOURCE_DOES_NOT_EXIST."""
    return _make("RESOURCE_DOES_NOT_EXIST", message, cause)


def already_exists(message: str, *, cause: BaseException | None = None) -> MlflowException:
    """Return a RESOURCE_ALREADY_EXISTS."""
    return _make("RESOURCE_ALREADY_EXISTS", message, cause)


def unavailable(message: str, *, cause: BaseException | None = None) -> MlflowException:
    """Return a TEMPORARILY_UNAVAILABLE: the same call may succeed later."""
    return _make("TEMPORARILY_UNAVAILABLE", message, cause)


def internal(message: str, *, cause: BaseException | None = None) -> MlflowException:
    """Return an INTERNAL_ERROR: something is broken that the caller did not break."""
    return _make("INTERNAL_ERROR", message, cause)
