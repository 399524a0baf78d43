"""Folders read by equality on the hash of their path: only what lies in them is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_sqlserver_artifacts import statements
from mlflow_sqlserver_artifacts.keys import path_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, Row

    from mlflow_sqlserver_artifacts.database import Database

# Folders whose contents one statement reads.
_FOLDERS = 500


def children(database: Database, folders: Sequence[str]) -> list[Row[Any]]:
    """Return the entries that lie directly in these folders (absolute paths)."""

    def step(connection: Connection) -> list[Row[Any]]:
        keys = [path_key(folder) for folder in folders]
        return list(connection.execute(statements.list_children(keys)))

    return database.read(step, what="Cannot list the artifacts", missing=[])


def descendants(database: Database, folder: str) -> Iterator[Row[Any]]:
    """Yield every entry below a folder, level by level: a folder before what it holds."""
    level = [folder]
    while level:
        following: list[str] = []
        for start in range(0, len(level), _FOLDERS):
            for row in children(database, level[start : start + _FOLDERS]):
                if row.is_folder:
                    following.append(row.path)
                yield row
        level = following
