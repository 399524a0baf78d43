"""One database: transactions that are repeated where that is safe, and the tables in it."""

from __future__ import annotations

import threading
import time
import weakref
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mlflow.exceptions import MlflowException
from sqlalchemy import exc

from mlflow_plugin_core import retries
from mlflow_sqlserver_artifacts import client, faults, schema_setup
from mlflow_sqlserver_artifacts.errors import translate
from mlflow_sqlserver_artifacts.statements import LIMITS, Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection, Engine, Executable

    from mlflow_sqlserver_artifacts.client import Target

T = TypeVar("T")

# Two writers of one path: one of them loses, and finds the other's row when it tries again.
_DUPLICATE_WAIT_SECONDS = 0.01
# They do so even where nothing else is repeated: losing once is no fault of the database.
_DUPLICATES_ONLY = retries.RetryPolicy(attempts=20, timeout=10.0)
# A server that restarts is back after a few seconds: longer pauses would only add to its absence.
_LONGEST_WAIT_SECONDS = 3.0


class Database:
    """Runs steps against one database; thread-safe."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.dialect = target.location.dialect
        self.limits: Limits = LIMITS[self.dialect]
        seconds = target.settings.retry_timeout
        self._repeats = seconds > 0
        self._policy = (
            retries.RetryPolicy(
                attempts=None, timeout=float(seconds), wait_max=_LONGEST_WAIT_SECONDS
            )
            if seconds
            else _DUPLICATES_ONLY
        )
        self._lock = threading.Lock()

    @property
    def engine(self) -> Engine:
        """The process's engine; asked for each time, since the process may have forked."""
        return client.engine_for(self.target)

    def read(self, step: Callable[[Connection], T], *, what: str, missing: T) -> T:
        """Run a step that only reads; `missing` where nobody has made the tables yet."""
        if self.dialect == "sqlite" and not Path(self.target.location.database).exists():
            return missing  # opening the file would create it
        engine = self.engine
        try:
            if engine in _checked:
                return self._run(step, what=what, writes=False)
            return self._run(self._checking(step, engine), what=what, writes=False)
        except MlflowException as error:
            if _says_missing_table(error):
                return missing
            raise

    def _checking(
        self, step: Callable[[Connection], T], engine: Engine
    ) -> Callable[[Connection], T]:
        """Look at the version of the tables before the first step that an engine takes."""

        def checked(connection: Connection) -> T:
            if schema_setup.check(connection, self.target.location):
                _checked.add(engine)
            return step(connection)

        return checked

    def write(self, step: Callable[[Connection], T], *, what: str) -> T:
        """Run a step in one transaction; it must be safe to repeat after an unknown outcome."""
        self.prepare()
        try:
            return self._run(step, what=what, writes=True)
        except MlflowException as error:
            if not _says_missing_table(error):
                raise
        # Somebody dropped the tables, or restored the database to a time before them.
        _prepared.discard(self.engine)
        self.prepare()
        return self._run(step, what=what, writes=True)

    def change(self, statement: Executable, *, what: str) -> int:
        """Run one statement in a transaction of its own; returns how many rows it changed."""

        def step(connection: Connection) -> int:
            return connection.execute(statement).rowcount

        return self.write(step, what=what)

    def prepare(self) -> None:
        """Make sure that the tables are there, once for each process and engine."""
        engine = self.engine
        if engine in _prepared:
            return
        with self._lock:
            if engine in _prepared:
                return
            place, table_schema = self.target.location, self.target.settings.table_schema
            self._run(
                lambda connection: schema_setup.ensure(connection, place, table_schema),
                what="Cannot prepare the tables",
                writes=True,
                autocommit=self.dialect == "mysql",
            )
            _prepared.add(engine)
            _checked.add(engine)

    def _run(
        self,
        step: Callable[[Connection], T],
        *,
        what: str,
        writes: bool,
        autocommit: bool = False,
    ) -> T:
        connected = False

        def attempt() -> T:
            nonlocal connected
            connected = False
            with self._transaction(writes=writes, autocommit=autocommit) as connection:
                connected = True
                return step(connection)

        def retryable(error: Exception) -> bool | float:
            if faults.is_duplicate(error):
                return _DUPLICATE_WAIT_SECONDS
            if not self._repeats:
                return False
            if connected:
                return faults.is_transient(error)
            return faults.comes_back(error, answered=client.has_answered(self.engine))

        try:
            return retries.call(attempt, retryable=retryable, policy=self._policy, describe=what)
        except MlflowException:
            raise
        except Exception as error:
            # While they connect, drivers raise what they like: RuntimeError, ValueError.
            if connected and not isinstance(error, exc.SQLAlchemyError | OSError):
                raise
            waited = None if connected else self.target.settings.connect_timeout
            raise translate(error, what, self.target.location, connect_timeout=waited) from error

    @contextmanager
    def _transaction(self, *, writes: bool, autocommit: bool) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            connection.execution_options(mlflow_writes=writes)
            if autocommit:
                connection.execution_options(isolation_level="AUTOCOMMIT")
            with connection.begin():
                yield connection


def _says_missing_table(error: MlflowException) -> bool:
    return error.__cause__ is not None and faults.is_missing_table(error.__cause__)


# Engines, not databases: a forked child asks again, once.
_prepared: weakref.WeakSet[Engine] = weakref.WeakSet()
_checked: weakref.WeakSet[Engine] = weakref.WeakSet()


def now_milliseconds() -> int:
    """Return the time as the tables keep it: milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000
