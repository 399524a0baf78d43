"""Deletes entries in batches; their chunks go in the same transaction or, if many, right after."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mlflow_plugin_core import artifact_paths
from mlflow_sqlserver_artifacts import folders, garbage, listing, statements
from mlflow_sqlserver_artifacts.keys import path_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from mlflow_sqlserver_artifacts.database import Database

# Files that one transaction deletes.
_FILES = 500
_WHAT = "Cannot delete the artifacts"


class Doomed(NamedTuple):
    """One entry to delete, by its absolute path."""

    path: str
    is_folder: bool


def delete_entries(database: Database, doomed: Iterable[Doomed]) -> None:
    """Delete files as they come, then the folders from the deepest up.

    A folder into which somebody stored a file in the meantime stays.
    """
    batch: list[str] = []
    emptied: list[str] = []
    for item in doomed:
        if item.is_folder:
            emptied.append(item.path)
            continue
        batch.append(item.path)
        if len(batch) == _FILES:
            _delete_files(database, batch)
            batch = []
    if batch:
        _delete_files(database, batch)
    _delete_folders(database, emptied)


def delete_empty_root(database: Database, root: str) -> None:
    """Delete the folder of a root and those above it, as far as they are empty."""
    if root:
        _delete_folders(database, [*artifact_paths.ancestors(root), root])


def _delete_files(database: Database, paths: Sequence[str]) -> None:
    keys = sorted(path_key(path) for path in paths)

    def step(connection: Connection) -> list[bytes]:
        found = [
            row
            for part in statements.batches(keys, database.limits, columns=1)
            for row in connection.execute(statements.lock_entries(part))
            if not row.is_folder
        ]
        if not found:
            return []
        for part in statements.batches([row.path_key for row in found], database.limits, columns=1):
            connection.execute(statements.delete_entries(part))
        return garbage.discard(connection, database, found)

    garbage.try_purge(database, database.write(step, what=_WHAT))


def _delete_folders(database: Database, paths: Sequence[str]) -> None:
    by_depth: dict[int, list[str]] = {}
    for path in paths:
        by_depth.setdefault(path.count("/"), []).append(path)
    for depth in sorted(by_depth, reverse=True):
        level = by_depth[depth]
        for start in range(0, len(level), _FILES):
            part = level[start : start + _FILES]
            _delete_empty(database, part)
    # A writer that saw one of these folders may have stored a file before it was gone.
    strays = [
        row.path
        for start in range(0, len(paths), _FILES)
        for row in listing.children(database, paths[start : start + _FILES])
    ]
    if strays:
        folders.heal(database, strays)


def _delete_empty(database: Database, paths: Sequence[str]) -> None:
    keys = sorted(path_key(path) for path in paths)

    def step(connection: Connection) -> None:
        occupied = {row[0] for row in connection.execute(statements.occupied_folders(keys))}
        if empty := [key for key in keys if key not in occupied]:
            connection.execute(statements.delete_entries(empty))

    database.write(step, what=_WHAT)
