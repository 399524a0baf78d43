"""Files on their way in: chunks first, then one short transaction that makes them visible.

A large file's chunks go in under a new content id that only `pending` knows; `sending.py` does
that. Then one transaction points the entry to the new content and puts the old one on the pending
list. A reader sees the old file or the new; a killed upload leaves the old file and some chunks
that `gc` finds. Small files need no such care: many of them go in one transaction.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from mlflow.exceptions import MlflowException

from mlflow_plugin_core import artifact_paths, errors
from mlflow_sqlserver_artifacts import folders, garbage, statements
from mlflow_sqlserver_artifacts.chunking import Chunk, ChunkReader, Summary
from mlflow_sqlserver_artifacts.database import Database, now_milliseconds
from mlflow_sqlserver_artifacts.keys import new_content_id, path_key
from mlflow_sqlserver_artifacts.schema import entries
from mlflow_sqlserver_artifacts.sending import Sender, chunk_row, collected, insert_chunks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sqlalchemy import Connection, Row

    Rows = dict[bytes, Row[Any]]

_logger = logging.getLogger(__name__)


class NewFile(NamedTuple):
    """A content that is in the database, or about to be, and the path it is for."""

    path: str
    content_id: bytes
    summary: Summary


def store_stream(
    database: Database,
    stream: BinaryIO,
    path: str,
    chunk_size: int,
    *,
    source: Path | None = None,
) -> None:
    """Store a stream under an absolute path; holds a few chunks in memory.

    Args:
        database: Where to.
        stream: The bytes.
        path: Absolute path in the database.
        chunk_size: Bytes in each chunk but the last.
        source: The local file that the stream reads, where it is one: it can be read again.

    Raises:
        MlflowException: What the database says; the path keeps what it had.
        Exception: What reading the stream raises.
    """
    content_id = new_content_id()
    what = f"Cannot store {path!r}"
    with ChunkReader(stream, chunk_size) as reader:
        sender = Sender(database, content_id, reader, source, what)
        group = sender.first_group()
        if reader.summary is not None:
            new = NewFile(path, content_id, reader.summary)
            settle(database, [path], store_small(database, [new], group, what=what))
            return
        summary = sender.send_all(group)
    new = NewFile(path, content_id, summary)

    def finish(connection: Connection) -> list[bytes]:
        if _is_done(connection, database, [new]):
            return []  # a repetition: the first attempt's commit had reached the database
        return _point(connection, database, [new], uploaded=True)

    settle(database, [path], database.write(finish, what=what))


def store_small(
    database: Database, new: Sequence[NewFile], pieces: Sequence[Chunk], *, what: str
) -> list[bytes]:
    """Store files and all their chunks in one transaction; `pieces` in the order of `new`.

    Returns:
        The contents that they replaced: `settle` has to follow, once for many transactions.
    """
    rows = _chunk_rows(new, pieces)
    attempts = 0

    def step(connection: Connection) -> list[bytes]:
        nonlocal attempts
        attempts += 1
        if attempts > 1 and _is_done(connection, database, new):
            return []
        insert_chunks(connection, database, rows)
        return _point(connection, database, new, uploaded=False)

    return database.write(step, what=what)


def settle(database: Database, paths: Sequence[str], replaced: Sequence[bytes]) -> None:
    """Do what follows a commit: see that the folders are there, remove what was replaced.

    The files are stored: where this fails, a warning says what is left to do, and no error.
    """
    try:
        folders.heal(database, paths)
    except MlflowException as error:
        _logger.warning("Cannot check the folders of what was just stored: %s", error.message)
    garbage.try_purge(database, replaced)


def _point(
    connection: Connection, database: Database, new: Sequence[NewFile], *, uploaded: bool
) -> list[bytes]:
    """Make new contents visible; returns those that they replaced and that are now pending."""
    by_key = {path_key(file.path): file for file in sorted(new)}
    found = _lock(connection, database, by_key)
    folders.ensure(connection, database, [file.path for file in new])
    for key, row in found.items():
        if row.is_folder:
            raise errors.invalid_parameter(f"Cannot store {by_key[key].path!r}: it is a folder")
    if uploaded:
        (file,) = new
        if connection.execute(statements.finish_upload(file.content_id)).rowcount == 0:
            raise errors.unavailable(collected(f"Cannot store {file.path!r}"))
    replaced: list[bytes] = []
    if found:
        replaced = garbage.discard(connection, database, list(found.values()))
        for keys in statements.batches(list(found), database.limits, columns=1):
            connection.execute(statements.delete_entries(keys))
    now = now_milliseconds()
    fresh = [_entry_row(key, file, now) for key, file in by_key.items()]
    for rows in statements.batches(fresh, database.limits):
        connection.execute(statements.insert_rows(entries), rows)
    return replaced


def _lock(connection: Connection, database: Database, by_key: dict[bytes, NewFile]) -> Rows:
    return {
        row.path_key: row
        for keys in statements.batches(sorted(by_key), database.limits, columns=1)
        for row in connection.execute(statements.lock_entries(keys))
    }


def _is_done(connection: Connection, database: Database, new: Sequence[NewFile]) -> bool:
    by_key = {path_key(file.path): file for file in new}
    found = _lock(connection, database, by_key)
    return len(found) == len(by_key) and all(
        row.content_id == by_key[key].content_id for key, row in found.items()
    )


def _chunk_rows(new: Sequence[NewFile], pieces: Sequence[Chunk]) -> list[dict[str, Any]]:
    remaining = iter(pieces)
    return [
        chunk_row(file.content_id, next(remaining))
        for file in new
        for _ in range(file.summary.chunks)
    ]


def _entry_row(key: bytes, file: NewFile, now: int) -> dict[str, Any]:
    return {
        "path_key": key,
        "parent_key": path_key(artifact_paths.parent(file.path)),
        "path": file.path,
        "is_folder": 0,
        "content_id": file.content_id,
        "size": file.summary.size,
        "sha256": file.summary.sha256,
        "chunk_size": file.summary.chunk_size,
        "chunks": file.summary.chunks,
        "modified_at": now,
    }
