"""The databases' errors as MLflow's, and which of them pass by themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlalchemy import exc

from mlflow_plugin_core import errors

if TYPE_CHECKING:
    from mlflow.exceptions import MlflowException

    from mlflow_sqlserver_artifacts.location import SqlLocation

# SQL Server and Azure SQL: deadlock victim 1205, lock time-out 1222, and the transient numbers of
# "Troubleshoot transient connection errors" (Azure SQL documentation), with the socket errors that
# ODBC drivers and FreeTDS report for a lost connection.
_MSSQL = frozenset(
    {1205, 1222, 4221, 10053, 10054, 10060, 10928, 10929, 40143, 40197, 40501, 40540, 40613}
    | {40615, 42108, 42109, 49918, 49919, 49920, 20003, 20004, 20006, 20047}
)
# MySQL and MariaDB: too many connections, lock wait time-out, deadlock, server gone, connection
# lost, aborted, killed, shutting down (MySQL Error Message Reference).
_MYSQL = frozenset({1040, 1053, 1205, 1213, 1927, 2006, 2013, 2055, 4031})
# PostgreSQL: serialization failure, deadlock, too many connections, shutdown, crash, cannot connect
# now, lock not available, and class 08, connection exceptions (Appendix A).
_POSTGRESQL = re.compile(r"40001|40P01|53300|57P01|57P02|57P03|55P03|08...")
_SQLITE_BUSY = ("database is locked", "database table is locked")

_UNIQUE = {"1062", "2601", "2627", "23505"}

_DENIED = {"229", "230", "262", "1044", "1142", "1370", "42501", "attempt to write a readonly"}
_LOGIN = {
    "18456",
    "18452",
    "1045",
    "28P01",
    "28000",
    "authentication failed",
    "no password supplied",
}
_NO_DATABASE = {"4060", "1049", "3D000"}
# What libpq says while it connects has no code.
_NO_DATABASE_WORDS = re.compile(r'database "[^"]*" does not exist')
_FULL = {"1105", "9002", "1021", "1114", "53100", "database or disk is full"}
_TIMEOUT = ("timeout", "timed out", "time-out")


def codes_of(error: BaseException) -> set[str]:
    """Return every code an error carries: SQLSTATE, native number, SQLite's words."""
    origin = getattr(error, "orig", None) or error
    found = {str(getattr(origin, "sqlstate", None) or getattr(origin, "pgcode", None) or "")}
    text = str(origin)
    for argument in getattr(origin, "args", ()):
        if isinstance(argument, int):
            found.add(str(argument))
        elif isinstance(argument, str) and re.fullmatch(r"[0-9A-Z]{5}", argument):
            found.add(argument)
    # ODBC puts the native number in brackets at the end: "… (1205) (SQLExecDirectW)".
    found.update(re.findall(r"\((\d{2,5})\)", text))
    found.update(re.findall(r"\b(?:Msg|error|number:?) (\d{3,5})\b", text, re.IGNORECASE))
    return found - {""}


def is_transient(error: BaseException) -> bool:
    """Tell whether the same step may succeed a little later."""
    if isinstance(error, exc.TimeoutError):  # the pool had no free connection in time
        return True
    if not isinstance(error, exc.DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    text = str(error.orig).lower()
    if any(words in text for words in _SQLITE_BUSY):
        return True
    codes = codes_of(error)
    numbers = {int(code) for code in codes if code.isdigit()}
    if _is_mysql(error):
        return not numbers.isdisjoint(_MYSQL)
    return not numbers.isdisjoint(_MSSQL) or any(_POSTGRESQL.fullmatch(code) for code in codes)


def is_outage(error: BaseException) -> bool:
    """Tell whether a connection could not be made for want of a server, not of rights.

    Drivers have no common code for it: psycopg has none at all for a refused connection.
    """
    return (
        isinstance(error, exc.OperationalError | exc.InterfaceError)
        and codes_of(error).isdisjoint(_LOGIN | _DENIED | _NO_DATABASE)
        and not _mentions(str(error.orig).lower(), _LOGIN)
        and not _NO_DATABASE_WORDS.search(str(error.orig))
        and "certificate" not in str(error.orig).lower()
    )


def is_duplicate(error: BaseException) -> bool:
    """Tell whether another writer inserted the same key first."""
    return isinstance(error, exc.IntegrityError) and (
        not codes_of(error).isdisjoint(_UNIQUE) or "UNIQUE constraint" in str(error.orig)
    )


def is_missing_table(error: BaseException) -> bool:
    """Tell whether the tables are not there."""
    if not isinstance(error, exc.DBAPIError):
        return False
    return "no such table" in str(error.orig) or not codes_of(error).isdisjoint(
        {"208", "1146", "42P01", "42S02"}
    )


def _is_mysql(error: BaseException) -> bool:
    return type(getattr(error, "orig", None)).__module__.startswith(("pymysql", "MySQLdb"))


def translate(error: BaseException, what: str, location: SqlLocation) -> MlflowException:
    """Return MLflow's error for a database's, with the cause kept and no secret in its text."""
    reason = _first_line(getattr(error, "orig", None) or error)
    codes = codes_of(error)
    text = reason.lower()

    def matches(known: set[str]) -> bool:
        return not codes.isdisjoint(known) or _mentions(text, known)

    make, remedy = errors.internal, ""
    if matches(_LOGIN):
        make, remedy = errors.unauthenticated, "check user and password of this server"
    elif "certificate" in text:
        make = errors.invalid_parameter
        remedy = (
            "the server's TLS certificate is not trusted here (ODBC Driver 18 encrypts by "
            "default): install its authority, or add TrustServerCertificate=yes to the location "
            "if the network is trusted"
        )
    elif matches(_DENIED):
        make = errors.permission_denied
        remedy = (
            "grant the user SELECT, INSERT, UPDATE and DELETE on the tables that "
            "`mlflow-sqlserver-artifacts ddl` prints; a read-only database can only be read"
        )
    elif matches(_NO_DATABASE) or _NO_DATABASE_WORDS.search(text):
        make, remedy = errors.not_found, "create the database first; the plugin makes only tables"
    elif "unable to open database file" in text:
        make, remedy = errors.not_found, "the folder of the SQLite file has to exist"
    elif matches(_FULL):
        make, remedy = errors.unavailable, "make room; what was stored before is untouched"
    elif any(word in text for word in _TIMEOUT):
        make = errors.unavailable
        remedy = "check host, port and firewall; connect_timeout and statement_timeout set the wait"
    elif is_transient(error) or isinstance(error, exc.OperationalError):
        make, remedy = errors.unavailable, "try again when the database answers"
    message = errors.explain(what, location=location.uri, why=reason, remedy=remedy)
    return make(message, cause=error)


def _mentions(text: str, known: set[str]) -> bool:
    return any(item in text for item in known if not item.isalnum())


def _first_line(error: object) -> str:
    arguments: tuple[object, ...] = getattr(error, "args", ())
    if len(arguments) > 1 and isinstance(arguments[0], int):  # pymysql: (number, text)
        return f"{arguments[1]} ({arguments[0]})"
    return " ".join(str(error).split())[:500]
