"""The databases' errors as MLflow's: what failed, where, why, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exc

from mlflow_plugin_core import errors
from mlflow_sqlserver_artifacts import faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow.exceptions import MlflowException

    from mlflow_sqlserver_artifacts.faults import Fault
    from mlflow_sqlserver_artifacts.location import SqlLocation

    _Answer = tuple[Callable[..., MlflowException], str]

_LONGEST_REASON = 500

_NO_DRIVER = (
    "install Microsoft's ODBC driver, or set driver= to a name that `odbcinst -q -d` lists, or use "
    "mssql+mssqlpython, which brings its own"
)
_LOADS_NO_DRIVER = (
    "install the system libraries that mssql-python's own driver loads: libltdl7, libkrb5-3 and "
    "libgssapi-krb5-2 on Debian"
)
_CERTIFICATE = {
    "mssql": "the server's TLS certificate is not trusted here (ODBC Driver 18 encrypts by "
    "default): install its authority, or add TrustServerCertificate=yes to the location if the "
    "network is trusted",
    "postgresql": "install the authority of the server's TLS certificate, or name its file by "
    "sslrootcert",
    "mysql": "name the file of the authority that signed the server's TLS certificate by ssl_ca",
}
_DENIED = (
    "grant the user SELECT, INSERT, UPDATE and DELETE on the tables that "
    "`mlflow-sqlserver-artifacts ddl` prints; a read-only database can only be read"
)


def translate(
    error: BaseException, what: str, location: SqlLocation, *, connect_timeout: int | None = None
) -> MlflowException:
    """Return MLflow's error for a database's, with the cause kept and no secret in its text.

    Args:
        error: The database's.
        what: What failed.
        location: Where.
        connect_timeout: How long was waited, where no connection could be made.
    """
    fault = faults.read(error)
    make, remedy = (
        _by_meaning(fault) or _by_words(fault) or _by_class(error, fault, connect_timeout)
    )
    message = errors.explain(
        what, location=location.uri, why=fault.text[:_LONGEST_REASON], remedy=remedy
    )
    return make(message, cause=error)


def _by_meaning(fault: Fault) -> _Answer | None:
    if fault.says("no driver"):
        own = "failed to load the driver" in fault.text.lower()
        return errors.invalid_parameter, _LOADS_NO_DRIVER if own else _NO_DRIVER
    # First, for SQL Server adds "Login failed" (18456) to a database that cannot be opened.
    if fault.says("no database"):
        return (
            errors.not_found,
            "create the database first (the plugin makes only tables), and give the user access",
        )
    if fault.says("login"):
        return errors.unauthenticated, "check user and password of this server"
    if fault.says("denied"):
        return errors.permission_denied, _DENIED
    if fault.says("full"):
        return errors.unavailable, "make room; what was stored before is untouched"
    return None


def _by_words(fault: Fault) -> _Answer | None:
    if fault.is_certificate:
        return errors.invalid_parameter, _CERTIFICATE.get(fault.family, "")
    if "unable to open database file" in fault.text:
        return errors.not_found, "the folder of the SQLite file has to exist"
    return None


def _by_class(error: BaseException, fault: Fault, connect_timeout: int | None) -> _Answer:
    if fault.is_timeout and connect_timeout is not None:
        remedy = (
            f"nobody answered within {connect_timeout} s (connect_timeout sets it): check host, "
            "port and firewall"
        )
        return errors.unavailable, remedy
    if fault.is_timeout:
        return errors.unavailable, "statement_timeout sets the wait; is the database overloaded?"
    if connect_timeout is not None and isinstance(error, exc.DBAPIError):
        return errors.unavailable, "check host and port, and that the server runs"
    if faults.is_transient(error) or isinstance(error, exc.OperationalError):
        return errors.unavailable, "try again when the database answers"
    return errors.internal, ""
