"""Engines: one pooled SQLAlchemy engine for each database and process. The only user of drivers.

MLflow builds a repository for each call, so the engines live here, outside of it. A forked child
must not speak on its parent's connections: it finds no engine under its own process id and makes
one, after the inherited sockets were dropped without a word to the server.
"""

from __future__ import annotations

import importlib.util
import os
import struct
import threading
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, create_engine, event
from sqlalchemy.pool import QueuePool

from mlflow_plugin_core import errors
from mlflow_sqlserver_artifacts.options import Driver, driver_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Engine

    from mlflow_sqlserver_artifacts.credentials import Credentials
    from mlflow_sqlserver_artifacts.location import SqlLocation
    from mlflow_sqlserver_artifacts.settings import SqlSettings

# Azure SQL cuts idle connections after 30 minutes and Entra tokens live for an hour or more: a
# connection older than this is replaced, which also fetches a fresh token.
_RECYCLE_SECONDS = 1_500
# ODBC attribute of Microsoft's driver (msodbcsql.h) that takes the token of Microsoft Entra ID.
_SQL_COPT_SS_ACCESS_TOKEN = 1256
_ENTRA_SCOPE = "https://database.windows.net/.default"
_SQL_ATTR_LOGIN_TIMEOUT = 103  # sqlext.h

_engines: dict[tuple[object, ...], Engine] = {}
_answered: weakref.WeakSet[Engine] = weakref.WeakSet()
_lock = threading.Lock()


@dataclass(frozen=True)
class Target:
    """All that decides which engine is used; equal targets share one."""

    location: SqlLocation
    settings: SqlSettings
    credentials: Credentials
    driver_options: Mapping[str, str]

    def key(self) -> tuple[object, ...]:
        """Return what has to differ for another engine; the artifact root has not."""
        place = self.location
        own = self.settings
        return (
            os.getpid(),
            place.dialect,
            place.driver,
            place.host,
            place.port,
            place.database,
            self.credentials.username,
            self.credentials.password,
            tuple(sorted(self.driver_options.items())),
            own.workers,
            own.connect_timeout,
            own.statement_timeout,
            own.entra,
            own.table_schema,
        )


def engine_for(target: Target) -> Engine:
    """Return the process's engine for a target; opens no connection yet.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE with the pip command where the driver is missing.
    """
    key = target.key()
    with _lock:
        engine = _engines.get(key)
        if engine is None:
            engine = _engines[key] = _create(target)
        return engine


def has_answered(engine: Engine) -> bool:
    """Tell whether a connection to this database was ever made in this process."""
    return engine in _answered


def dispose_engines() -> None:
    """Close the connections of this process; the next use opens new ones."""
    with _lock:
        for engine in _engines.values():
            engine.dispose()
        _engines.clear()


def _drop_inherited() -> None:
    global _lock  # noqa: PLW0603  # another thread of the parent may have held it at the fork
    _lock = threading.Lock()
    for engine in _engines.values():
        engine.dispose(close=False)
    _engines.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_inherited)


def _create(target: Target) -> Engine:
    location, settings = target.location, target.settings
    driver = driver_of(location)
    _require(driver, location)
    engine = create_engine(
        _url(target, driver),
        poolclass=QueuePool,
        pool_size=settings.workers,
        max_overflow=settings.workers,
        pool_timeout=settings.connect_timeout + settings.statement_timeout,
        pool_pre_ping=location.dialect != "sqlite",
        pool_recycle=_RECYCLE_SECONDS,
        # Parameters are file contents, and could be secrets: no error text quotes them.
        hide_parameters=True,
        connect_args=_connect_arguments(target, driver),
        **_engine_arguments(location.dialect),
    )
    # One INSERT with many VALUES for a list of rows: `executemany` is one round trip a row with some
    # drivers and one a MB with others. SQLite has no wire, and its executemany is the fastest.
    engine.dialect.use_insertmanyvalues_wo_returning = location.dialect != "sqlite"
    if location.dialect == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    if driver.name == "pyodbc":
        event.listen(engine, "connect", _limit_pyodbc(settings.statement_timeout))
    if driver.name == "pymysql":
        event.listen(engine, "connect", _relax_pymysql(settings.statement_timeout))
    if settings.entra:
        event.listen(engine, "do_connect", _add_entra_token)
    if settings.table_schema:
        engine = engine.execution_options(schema_translate_map={None: settings.table_schema})
    if location.dialect != "sqlite":
        event.listen(engine.pool, "connect", lambda *_: _answered.add(engine))
    return engine


def _require(driver: Driver, location: SqlLocation) -> None:
    if importlib.util.find_spec(driver.module) is None:
        message = errors.explain(
            f"The driver {driver.module!r} is not installed",
            location=location.uri,
            remedy=f"pip install {driver.install}",
        )
        raise errors.invalid_parameter(message)
    if driver.name == "mssqlpython":
        try:
            importlib.import_module("sqlalchemy.dialects.mssql.mssqlpython")
        except ImportError as error:
            message = errors.explain(
                "mssql+mssqlpython needs SQLAlchemy 2.1",
                location=location.uri,
                why="older ones have no such dialect, and MLflow before 3.9 needs an older one",
                remedy="use mssql+pyodbc, or MLflow 3.9 and 'sqlalchemy>=2.1'",
            )
            raise errors.invalid_parameter(message, cause=error) from error


def _url(target: Target, driver: Driver) -> URL:
    location = target.location
    query = dict(target.driver_options)
    if location.dialect == "mssql" and driver.name == "pyodbc":
        query.setdefault("driver", "ODBC Driver 18 for SQL Server")
        query.setdefault("LongAsMax", "Yes")
    return URL.create(
        f"{location.dialect}+{driver.name}",
        username=target.credentials.username,
        password=target.credentials.password,
        host=location.host,
        port=location.port,
        database=location.database,
        query=query,
    )


def _connect_arguments(target: Target, driver: Driver) -> dict[str, Any]:
    settings = target.settings
    connect, statement = settings.connect_timeout, settings.statement_timeout
    if driver.name == "pysqlite":
        # `timeout` is how long a writer waits for another one.
        return {"timeout": settings.retry_timeout or connect, "check_same_thread": False}
    if driver.name in {"psycopg", "psycopg2"}:
        arguments: dict[str, Any] = {"connect_timeout": connect, "keepalives_idle": 30}
        if statement:  # PgBouncer refuses `options`: statement_timeout=0 leaves it out
            arguments["options"] = f"-c statement_timeout={statement * 1000}"
            arguments["tcp_user_timeout"] = statement * 1000
        return arguments
    if driver.name == "pymysql":
        # connect_timeout ends with TCP's handshake: a server that accepts and then says nothing is
        # given up by the read time-out, which `_relax_pymysql` sets to the statement's afterwards.
        return {"connect_timeout": connect, "read_timeout": connect, "write_timeout": connect}
    if driver.name == "pymssql":
        return {"login_timeout": connect, "timeout": statement}
    if driver.name == "mssqlpython":
        return {"timeout": statement, "attrs_before": {_SQL_ATTR_LOGIN_TIMEOUT: connect}}
    return {"timeout": connect}  # pyodbc: the login time-out


def _engine_arguments(dialect: str) -> dict[str, Any]:
    if dialect == "sqlite":
        return {}
    # MySQL's REPEATABLE READ locks gaps between keys, so that two writers of new rows deadlock.
    return {"isolation_level": "READ COMMITTED"}


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401  # a DBAPI's
    # The driver would begin transactions by itself, and too late: see `_begin_sqlite`.
    connection.isolation_level = None
    # Pages of 1 MiB chunks would otherwise be kept in memory until the transaction ends.
    connection.execute("PRAGMA cache_spill = ON")


def _begin_sqlite(connection: Any) -> None:  # noqa: ANN401  # SQLAlchemy's event signature
    # A transaction that reads first and then writes fails at once when another one wrote in
    # between (SQLITE_BUSY_SNAPSHOT, no waiting helps): writers say so from the start.
    writes = connection.get_execution_options().get("mlflow_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _limit_pyodbc(seconds: int) -> Any:  # noqa: ANN401  # SQLAlchemy's event signature
    def set_timeout(connection: Any, _record: object) -> None:  # noqa: ANN401
        connection.timeout = seconds

    return set_timeout


def _relax_pymysql(seconds: int) -> Any:  # noqa: ANN401  # SQLAlchemy's event signature
    def set_timeouts(connection: Any, _record: object) -> None:  # noqa: ANN401
        # Private names, and PyMySQL has no public ones: both are read before every packet.
        connection._read_timeout = connection._write_timeout = seconds or None  # noqa: SLF001

    return set_timeouts


def _add_entra_token(
    _dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]
) -> None:
    token = _entra_credential().get_token(_ENTRA_SCOPE).token.encode("utf-16-le")
    attributes = dict(parameters.get("attrs_before", {}))
    attributes[_SQL_COPT_SS_ACCESS_TOKEN] = struct.pack("<I", len(token)) + token
    parameters["attrs_before"] = attributes


_entra_credentials: dict[int, Any] = {}


def _entra_credential() -> Any:  # noqa: ANN401  # azure-identity is optional and untyped here
    # One credential a process: it holds the token until shortly before it expires.
    found = _entra_credentials.get(os.getpid())
    if found is None:
        try:
            from azure.identity import DefaultAzureCredential
        except ImportError as error:
            message = errors.explain(
                "entra=true needs azure-identity",
                remedy="pip install 'mlflow-sqlserver-artifacts[entra]'",
            )
            raise errors.invalid_parameter(message, cause=error) from error
        found = _entra_credentials[os.getpid()] = DefaultAzureCredential()
    return found
