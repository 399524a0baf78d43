"""The SQLite file of a local store: its tables, and connections to it.

    meta(key, value)                     schema version, generation of the chunk folder
    contents(id, sha256, size, data)     each content once; `data` holds it where it is small
    parts(content, number, hash, size)   a larger content: what hf_xet knows its parts by
    entries(path, content)               which path has which content

A path is pointed to a content in one transaction after the content is on the disk, so a reader sees
the old file or the new one. SQLite's write-ahead log lets readers and one writer work at once.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlflow_plugin_core import errors
from mlflow_xet_artifacts import file_errors, file_mounts
from mlflow_xet_artifacts.file_location import INDEX_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlflow_xet_artifacts.settings import XetFileSettings

SCHEMA_VERSION = 1

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE contents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256 BLOB NOT NULL,
    size INTEGER NOT NULL,
    data BLOB,
    UNIQUE (sha256, size)
);
CREATE TABLE parts (
    content INTEGER NOT NULL REFERENCES contents (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    hash TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (content, number)
) WITHOUT ROWID;
CREATE TABLE entries (
    path TEXT PRIMARY KEY,
    content INTEGER NOT NULL REFERENCES contents (id)
) WITHOUT ROWID;
CREATE INDEX entries_by_content ON entries (content);
CREATE INDEX contents_by_size ON contents (size) WHERE data IS NULL;
"""

_local = threading.local()
# Connections of a process that forked into this one: closing them would disturb the parent's.
_inherited: list[object] = []


class FileDatabase:
    """The index of one store; thread-safe, opens nothing until it is used."""

    def __init__(self, folder: Path, settings: XetFileSettings) -> None:
        self.folder = folder
        self.settings = settings
        self.index = folder / INDEX_NAME

    def exists(self) -> bool:
        """Tell whether anything was ever stored here."""
        return self.index.exists()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that sees one state of the index, as long as the block lasts.

        Raises:
            MlflowException: What SQLite says, explained.
        """
        with self.explained("Cannot read the index"):
            connection = self._connection()
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection whose changes are on the disk when the block has ended, or not at all.

        Raises:
            MlflowException: What SQLite says, explained; TEMPORARILY_UNAVAILABLE where another
                process wrote for longer than `lock_timeout`.
        """
        with self.explained("Cannot write the index"):
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def resting(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection outside of any transaction, for what cannot stand in one."""
        with self.explained("Cannot shrink the index"):
            yield self._connection()

    def _connection(self) -> sqlite3.Connection:
        if getattr(_local, "pid", None) != os.getpid():
            _inherited.append(getattr(_local, "open", None))
            _local.pid, _local.open = os.getpid(), {}
        found = _local.open.get(self.index)
        identity = _identity(self.index)
        if found is not None and identity is not None and found[0] == identity:
            return found[1]  # type: ignore[no-any-return]
        connection = self._connect()
        _local.open[self.index] = (_identity(self.index), connection)
        return connection

    def _connect(self) -> sqlite3.Connection:
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.settings.network_folders:
            file_mounts.check(self.folder)
        connection = sqlite3.connect(
            self.index, timeout=self.settings.lock_timeout, isolation_level=None
        )
        try:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION:
            return
        # Both have to stand before the first table, and neither may stand in a transaction.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        self._check_log(connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        connection.execute("BEGIN EXCLUSIVE")
        try:
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found == 0:
                for statement in _TABLES.split(";"):
                    connection.execute(statement)
                connection.execute("INSERT INTO meta VALUES ('generation', 1)")
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            else:
                self._check_version(found)
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise

    def _check_log(self, mode: str) -> None:
        if mode == "wal":
            return
        message = errors.explain(
            "Cannot make a local Xet store",
            location=self.folder,
            why=f"SQLite keeps no write-ahead log on this file system: it answers {mode!r}",
            remedy="put it on a local disk, and let other machines reach it by a tracking server",
        )
        raise errors.invalid_parameter(message)

    def _check_version(self, found: int) -> None:
        if found == SCHEMA_VERSION:
            return
        message = errors.explain(
            "Cannot open the local Xet store",
            location=self.folder,
            why=f"its index has version {found}, and this plugin knows {SCHEMA_VERSION}",
            remedy="update mlflow-xet-artifacts",
        )
        raise errors.bad_request(message)

    @contextmanager
    def explained(self, what: str) -> Iterator[None]:
        """Turn what SQLite and the disk raise in the block into MLflow's errors."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise file_errors.explained(error, what, self.folder) from error


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116  # runs for each lookup
    except OSError:
        return None
    return found.st_dev, found.st_ino
