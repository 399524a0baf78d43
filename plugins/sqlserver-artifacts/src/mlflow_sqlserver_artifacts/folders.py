"""Folder rows: listing needs them, writers create them, and two at once must not lose one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_core import artifact_paths, errors
from mlflow_sqlserver_artifacts import statements
from mlflow_sqlserver_artifacts.database import Database, now_milliseconds
from mlflow_sqlserver_artifacts.keys import path_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection


def ensure(connection: Connection, database: Database, paths: Iterable[str]) -> None:
    """Create the folders above some files where they are missing.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE where one of them is a file.
    """
    wanted = _ancestors(paths)
    found = _find(connection, database, wanted)
    missing = {key: path for key, path in wanted.items() if key not in found}
    if not missing:
        return
    _insert(connection, database, missing)
    # Another writer may have stored a file under one of these names in the meantime.
    _find(connection, database, missing)


def heal(database: Database, paths: Iterable[str]) -> None:
    """Bring back folders that were deleted while files were stored in them.

    A writer that saw the folder and a deleter that saw it empty do not block each other. Both look
    again after their commit, so whoever comes last puts the folder back: a file never ends up
    where no listing finds it.
    """
    files = list(paths)
    wanted = _ancestors(files)

    def count(connection: Connection) -> int:
        return len(_find(connection, database, wanted))

    if wanted and database.read(count, what="Cannot check the folders", missing=0) < len(wanted):

        def repair(connection: Connection) -> None:
            keys = [path_key(path) for path in files]
            still_there = {
                row.path
                for batch in statements.batches(keys, database.limits, columns=1)
                for row in connection.execute(statements.find_entries(batch))
            }
            ensure(connection, database, still_there)

        database.write(repair, what="Cannot restore the folders")


def _ancestors(paths: Iterable[str]) -> dict[bytes, str]:
    folders = {folder for path in paths for folder in artifact_paths.ancestors(path)}
    # In the order of the keys: two writers that insert the same folders wait for each other
    # instead of deadlocking.
    return dict(sorted((path_key(folder), folder) for folder in folders))


def _find(connection: Connection, database: Database, wanted: dict[bytes, str]) -> set[bytes]:
    found: set[bytes] = set()
    for batch in statements.batches(list(wanted), database.limits, columns=1):
        for row in connection.execute(statements.find_entries(batch)):
            if not row.is_folder:
                message = f"Cannot store anything below {wanted[row.path_key]!r}: it is a file"
                raise errors.invalid_parameter(message)
            found.add(row.path_key)
    return found


def _insert(connection: Connection, database: Database, missing: dict[bytes, str]) -> None:
    rows = [_row(key, path) for key, path in missing.items()]
    limits = statements.SINGLE_ROW if database.dialect == "mssql" else database.limits
    for batch in statements.batches(rows, limits):
        connection.execute(statements.insert_missing_entries(database.dialect, batch))


def _row(key: bytes, path: str) -> dict[str, Any]:
    return {
        "path_key": key,
        "parent_key": path_key(artifact_paths.parent(path)),
        "path": path,
        "is_folder": 1,
        "content_id": None,
        "size": None,
        "sha256": None,
        "chunk_size": None,
        "chunks": None,
        "modified_at": now_milliseconds(),
    }
