"""The SQLite part of what the servers that are this package's own keep."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Database"]


class Database:
    """Tables in a file; each call is one transaction.

    Attributes:
        lock: Held by whoever needs several calls to see the same state.
    """

    def __init__(self, path: Path, tables: str) -> None:
        """Open what is there, or begin.

        Args:
            path: The file.
            tables: Statements that make the tables where they are missing.
        """
        self.lock = threading.RLock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # What was written is with the operating system: a killed server loses nothing.
        self._database.executescript(
            f"PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;{tables}"
        )

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a statement.

        Args:
            statement: SQL.
            values: Its parameters.

        Returns:
            Its rows.
        """
        with self.lock:
            return self._database.execute(statement, values).fetchall()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all that happens meanwhile at once or not at all; others wait."""
        with self.lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
