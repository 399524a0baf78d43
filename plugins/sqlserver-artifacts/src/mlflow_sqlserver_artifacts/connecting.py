"""How each driver is told where to connect, for how long to try, and by which certificates. Pure.

The names are the drivers' own; `tests/test_drivers.py` holds what reaches each of them.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import URL

from mlflow_plugin_core import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow_sqlserver_artifacts.client import Target
    from mlflow_sqlserver_artifacts.location import SqlLocation
    from mlflow_sqlserver_artifacts.options import Driver

_SQL_ATTR_LOGIN_TIMEOUT = 103  # sqlext.h
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
_PASSED_APART = "ssl_"  # PyMySQL's, which become one TLS context


class KeepAlive(NamedTuple):
    """When a silent connection is asked for a sign of life, and when it is given up: seconds."""

    idle: int = 30
    interval: int = 10
    probes: int = 3

    @property
    def seconds(self) -> int:
        """How long a server may be gone before a connection to it fails."""
        return self.idle + self.interval * self.probes


KEEP_ALIVE = KeepAlive()


def url(target: Target, driver: Driver) -> URL:
    """Return what SQLAlchemy makes the driver's connection string or keywords of."""
    location = target.location
    query = {
        name: value
        for name, value in target.driver_options.items()
        if not (driver.name == "pymysql" and name.startswith(_PASSED_APART))
    }
    if driver.name == "pyodbc":
        query.setdefault("driver", "ODBC Driver 18 for SQL Server")
        query.setdefault("LongAsMax", "Yes")
    if driver.name == "pymssql":
        # FreeTDS otherwise tries one version after the other, for `login_timeout` each.
        query.setdefault("tds_version", "7.4")
    if "Authentication" in query:
        # SQLAlchemy looks for this spelling, and adds Trusted_Connection=Yes without it.
        query["authentication"] = query.pop("Authentication")
    return URL.create(
        f"{location.dialect}+{driver.name}",
        username=target.credentials.username,
        password=target.credentials.password,
        host=location.host,
        port=location.port,
        database=location.database,
        query=query,
    )


def arguments(target: Target, driver: Driver) -> dict[str, Any]:
    """Return the keywords of the driver's `connect`."""
    settings = target.settings
    connect, statement = settings.connect_timeout, settings.statement_timeout
    if driver.name == "pysqlite":
        # `timeout` is how long a writer waits for another one.
        return {"timeout": settings.retry_timeout or connect, "check_same_thread": False}
    if driver.name in {"psycopg", "psycopg2"}:
        return _postgresql(driver, connect, statement)
    if driver.name == "pymysql":
        # connect_timeout ends with TCP's handshake: a server that accepts and then says nothing is
        # given up by the read time-out, which `client.py` sets to the statement's afterwards.
        found = {"connect_timeout": connect, "read_timeout": connect, "write_timeout": connect}
        context = tls_context(target.location, target.driver_options)
        return found if context is None else {**found, "ssl": context}
    if driver.name == "pymssql":
        return {"login_timeout": connect, "timeout": statement}
    if driver.name == "mssqlpython":
        # Its `timeout` was the statement's in one version and the log-in's in the next.
        return {"attrs_before": {_SQL_ATTR_LOGIN_TIMEOUT: connect}}
    return {"timeout": connect}  # pyodbc: the login time-out


def _postgresql(driver: Driver, connect: int, statement: int) -> dict[str, Any]:
    # The server ends a statement that takes too long. A server that is gone ends nothing: what is
    # sent has to be acknowledged, and who only waits for an answer asks whether it still lives.
    found: dict[str, Any] = {
        "connect_timeout": connect,
        "keepalives_idle": KEEP_ALIVE.idle,
        "keepalives_interval": KEEP_ALIVE.interval,
        "keepalives_count": KEEP_ALIVE.probes,
        "tcp_user_timeout": KEEP_ALIVE.seconds * 1000,
    }
    if statement:
        found["options"] = f"-c statement_timeout={statement * 1000}"
    elif driver.name == "psycopg":
        # Without a limit one speaks to PgBouncer, which refuses `options`, and in transaction mode
        # gives each transaction another server, where a prepared statement is not known.
        found["prepare_threshold"] = None
    return found


def tls_context(location: SqlLocation, options: Mapping[str, str]) -> ssl.SSLContext | None:
    """Return the TLS context for PyMySQL, or None where no option asks for one.

    Built here: PyMySQL's own keywords drop the authority's file or the check of the host name,
    depending on which of them stand together. Who names an authority wants the server's certificate
    checked, and who wants it checked wants its host name checked too, unless an option says no.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE for a file that cannot be read, and for a switch
            that is neither true nor false.
    """
    given = {name for name in options if name.startswith(_PASSED_APART)}
    if not given:
        return None
    authority = options.get("ssl_ca")
    switches = {
        name: _switch(location, options, name)
        for name in ("ssl_verify_cert", "ssl_verify_identity")
    }
    verify = switches["ssl_verify_cert"]
    if verify is None:
        verify = authority is not None or bool(switches["ssl_verify_identity"])
    identity = switches["ssl_verify_identity"]
    try:
        context = ssl.create_default_context(cafile=authority)
        # The certificates that MySQL and MariaDB make for themselves are not that strict.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.check_hostname = verify if identity is None else identity
        context.verify_mode = (
            ssl.CERT_REQUIRED if verify or context.check_hostname else ssl.CERT_NONE
        )
        if "ssl_cert" in options:
            context.load_cert_chain(options["ssl_cert"], options.get("ssl_key"))
    except OSError as error:  # ssl.SSLError is one
        message = errors.explain(
            "Cannot use the TLS files of this location",
            location=location.uri,
            why=error.strerror or str(error),
            remedy=f"check {' and '.join(sorted(given - set(switches)))}",
        )
        raise errors.invalid_parameter(message, cause=error) from error
    return context


def _switch(location: SqlLocation, options: Mapping[str, str], name: str) -> bool | None:
    value = options.get(name, "").lower()
    if not value:
        return None
    if value not in _TRUE | _FALSE:
        message = errors.explain(
            f"Refused the value of option {name!r}",
            location=location.uri,
            remedy="write true or false",
        )
        raise errors.invalid_parameter(message)
    return value in _TRUE
