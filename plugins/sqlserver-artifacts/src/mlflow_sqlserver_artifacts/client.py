"""Engines: one pooled SQLAlchemy engine for each database and process. The only user of drivers.

MLflow builds a repository for each call, so the engines live here, outside of it. A forked child
must not speak on its parent's connections: it finds no engine under its own process id and makes
one, and keeps the inherited ones untouched, for closing them would speak to the server as well.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, exc
from sqlalchemy.pool import QueuePool

from mlflow_plugin_core import errors
from mlflow_sqlserver_artifacts import connecting, drivers
from mlflow_sqlserver_artifacts.credentials import uses_entra
from mlflow_sqlserver_artifacts.options import driver_of
from mlflow_sqlserver_artifacts.sign_in import token_scope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Engine

    from mlflow_sqlserver_artifacts.credentials import Credentials
    from mlflow_sqlserver_artifacts.location import SqlLocation
    from mlflow_sqlserver_artifacts.settings import SqlSettings

# Azure SQL cuts idle connections after 30 minutes and Entra tokens live for an hour or more: a
# connection older than this is replaced, which also fetches a fresh token.
_RECYCLE_SECONDS = 1_500
# ODBC attribute of Microsoft's driver (msodbcsql.h) that takes the token of Microsoft Entra ID.
_SQL_COPT_SS_ACCESS_TOKEN = 1256
# What SQLAlchemy adds where there is no user, and the driver refuses together with a token.
_INTEGRATED_SECURITY = ";Trusted_Connection=Yes"

_engines: dict[tuple[object, ...], Engine] = {}
# A parent's engines, in its forked child: kept and never used. A connection that is finalised says
# goodbye on the socket, which is the parent's too.
_inherited: list[Engine] = []
_entra_credentials: dict[int, Any] = {}
_answered: weakref.WeakSet[Engine] = weakref.WeakSet()
_lock = threading.Lock()


@dataclass(frozen=True)
class Target:
    """All that decides which engine is used; equal targets share one."""

    location: SqlLocation
    settings: SqlSettings
    credentials: Credentials
    driver_options: Mapping[str, str]

    @property
    def entra(self) -> bool:
        """Whether each connection sends a token of Microsoft Entra ID."""
        return uses_entra(self.location, self.settings)

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
            # How long a writer of SQLite waits for another one.
            own.retry_timeout if place.dialect == "sqlite" else None,
            self.entra,
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
    """Close the connections of this process, and forget who it is; the next use begins anew."""
    with _lock:
        for engine in _engines.values():
            engine.dispose()
        _engines.clear()
        _entra_credentials.clear()


def _drop_inherited() -> None:
    global _lock  # noqa: PLW0603  # another thread of the parent may have held it at the fork
    _lock = threading.Lock()
    _inherited.extend(_engines.values())
    _engines.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_inherited)


def _create(target: Target) -> Engine:
    location, settings = target.location, target.settings
    driver = driver_of(location)
    drivers.require(driver, location)
    engine = create_engine(
        connecting.url(target, driver),
        poolclass=QueuePool,
        pool_size=settings.workers,
        max_overflow=settings.workers,
        pool_timeout=settings.connect_timeout + settings.statement_timeout,
        pool_pre_ping=location.dialect != "sqlite",
        pool_recycle=_RECYCLE_SECONDS,
        # Parameters are file contents, and could be secrets: no error text quotes them.
        hide_parameters=True,
        connect_args=connecting.arguments(target, driver),
        **_engine_arguments(location.dialect),
    )
    # One INSERT with many VALUES for a list of rows: `executemany` is one round trip a row with some
    # drivers and one a MB with others. SQLite has no wire, and its executemany is the fastest.
    engine.dialect.use_insertmanyvalues_wo_returning = location.dialect != "sqlite"
    if location.dialect == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        event.listen(engine, "checkout", _same_sqlite_file(location.database))
    if driver.name in {"pyodbc", "mssqlpython"}:
        event.listen(engine, "connect", _limit_statements(settings.statement_timeout))
    if driver.name == "pymysql":
        event.listen(engine, "connect", _relax_pymysql(settings.statement_timeout))
    if target.entra:
        _entra_credential()  # azure-identity that is not installed speaks now
        event.listen(engine, "do_connect", _add_entra_token(token_scope(location.host)))
    if settings.table_schema:
        engine = engine.execution_options(schema_translate_map={None: settings.table_schema})
    if location.dialect != "sqlite":
        event.listen(engine.pool, "connect", lambda *_: _answered.add(engine))
    return engine


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


def _same_sqlite_file(path: str) -> Callable[[Any, Any, object], None]:
    def compare(_connection: object, record: Any, _proxy: object) -> None:  # noqa: ANN401
        # A file that was removed or replaced lives on in connections that opened it: what they
        # write is lost.
        found = _identity(path)
        if record.info.setdefault("file", found) != found:
            raise exc.DisconnectionError

    return compare


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _limit_statements(seconds: int) -> Callable[[Any, object], None]:
    def set_timeout(connection: Any, _record: object) -> None:  # noqa: ANN401
        connection.timeout = seconds

    return set_timeout


def _relax_pymysql(seconds: int) -> Callable[[Any, object], None]:
    def set_timeouts(connection: Any, _record: object) -> None:  # noqa: ANN401
        # Private names, and PyMySQL has no public ones: both are read before every packet.
        connection._read_timeout = connection._write_timeout = seconds or None  # noqa: SLF001
        _keep_alive(connection._sock)  # noqa: SLF001

    return set_timeouts


def _keep_alive(open_socket: socket.socket) -> None:
    # PyMySQL turns it on, at the system's pace: two hours on Linux. macOS and Windows name it
    # otherwise and keep theirs.
    for name, seconds in (
        ("TCP_KEEPIDLE", connecting.KEEP_ALIVE.idle),
        ("TCP_KEEPINTVL", connecting.KEEP_ALIVE.interval),
        ("TCP_KEEPCNT", connecting.KEEP_ALIVE.probes),
        ("TCP_USER_TIMEOUT", connecting.KEEP_ALIVE.seconds * 1000),
    ):
        if hasattr(socket, name) and open_socket.family != getattr(socket, "AF_UNIX", None):
            open_socket.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), seconds)


def _add_entra_token(scope: str) -> Callable[[object, object, list[Any], dict[str, Any]], None]:
    def add(
        _dialect: object, _record: object, positional: list[Any], named: dict[str, Any]
    ) -> None:
        token = _fetch_token(scope).encode("utf-16-le")
        attributes = dict(named.get("attrs_before", {}))
        attributes[_SQL_COPT_SS_ACCESS_TOKEN] = struct.pack("<I", len(token)) + token
        named["attrs_before"] = attributes
        positional[0] = positional[0].replace(_INTEGRATED_SECURITY, "")

    return add


def _fetch_token(scope: str) -> str:
    from azure.core.exceptions import AzureError

    try:
        return str(_entra_credential().get_token(scope).token)
    except AzureError as error:
        message = errors.explain(
            "Cannot get a Microsoft Entra token",
            why=" ".join(str(error).split())[:500],
            remedy="run where the machine's identity is known, or sign in with `az login`",
        )
        raise errors.unauthenticated(message, cause=error) from error


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
