"""Files on their way in: chunks first, then one short transaction that makes them visible.

A large file's chunks go in under a new content id that only `pending` knows, in transactions of a
few MiB. Then one transaction points the entry to the new content and puts the old one on the
pending list. A reader sees the old file or the new; a killed upload leaves the old file and some
chunks that `gc` finds. Small files need no such care: many of them go in one transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from mlflow_plugin_core import artifact_paths, errors
from mlflow_sqlserver_artifacts import folders, garbage, statements
from mlflow_sqlserver_artifacts.chunking import Chunk, ChunkReader, Summary
from mlflow_sqlserver_artifacts.database import Database, now_milliseconds
from mlflow_sqlserver_artifacts.keys import new_content_id, path_key
from mlflow_sqlserver_artifacts.schema import UPLOADING, chunks, entries, pending

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, Row

    Rows = dict[bytes, Row[Any]]

# Bytes of chunks that one transaction holds: enough to make its end cheap, few enough that locks,
# logs and a repetition stay small. They are kept in memory until then, to be sent again.
TRANSACTION_BYTES = 32 << 20
# SQLite pays three fsyncs a transaction and repeats none that has begun, so nothing is kept: it goes
# on while the stream keeps up, and makes way for other writers after so many bytes.
_SQLITE_TRANSACTION_BYTES = 128 << 20
_PATIENCE_SECONDS = 0.05


class NewFile(NamedTuple):
    """A content that is in the database, or about to be, and the path it is for."""

    path: str
    content_id: bytes
    summary: Summary


def store_stream(database: Database, stream: BinaryIO, path: str, chunk_size: int) -> Summary:
    """Store a stream under an absolute path; holds a few chunks in memory.

    Raises:
        MlflowException: What the database says; the path keeps what it had.
    """
    content_id = new_content_id()
    what = f"Cannot store {path!r}"
    with ChunkReader(stream, chunk_size) as reader:
        sent = 0
        while True:
            group = _next_group(reader, _group_bytes(database))
            if reader.summary is not None:
                break
            sent += _send(database, content_id, group, reader, what=what)
    summary = reader.summary
    new = NewFile(path, content_id, summary)
    if sent == 0:
        settle(database, [path], store_small(database, [new], group, what=what))
        return summary
    if group:
        _send(database, content_id, group, reader, what=what)

    def finish(connection: Connection) -> list[bytes]:
        if _is_done(connection, database, [new]):
            return []  # a repetition: the first attempt's commit had reached the database
        return _point(connection, database, [new], uploaded=True)

    settle(database, [path], database.write(finish, what=what))
    return summary


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
        _insert_chunks(connection, database, rows)
        return _point(connection, database, new, uploaded=False)

    return database.write(step, what=what)


def settle(database: Database, paths: Sequence[str], replaced: Sequence[bytes]) -> None:
    """Do what follows a commit: see that the folders are there, remove what was replaced."""
    folders.heal(database, paths)
    garbage.purge(database, replaced)


def _next_group(reader: ChunkReader, limit: int) -> list[Chunk]:
    group: list[Chunk] = []
    held = 0
    while held < limit and (chunk := reader.take()) is not None:
        group.append(chunk)
        held += len(chunk.data)
    return group


def _group_bytes(database: Database) -> int:
    if database.dialect == "sqlite":
        return database.limits.bytes
    return min(TRANSACTION_BYTES, database.limits.bytes * 4)


def _send(
    database: Database,
    content_id: bytes,
    group: Sequence[Chunk],
    reader: ChunkReader,
    *,
    what: str,
) -> int:
    """Store the chunks of one transaction; returns how many."""
    attempts = taken = 0
    start, end = group[0].number, group[-1].number + 1

    def step(connection: Connection) -> int:
        nonlocal attempts, taken
        attempts += 1
        if taken:
            raise errors.unavailable(errors.explain(what, why="the database stayed locked"))
        if attempts > 1:
            # The first attempt's connection may have broken after its commit.
            connection.execute(statements.delete_chunk_range(content_id, start, end))
            if start == 0:
                connection.execute(statements.forget_pending([content_id]))
        now = now_milliseconds()
        if start == 0:
            row = {"content_id": content_id, "state": UPLOADING, "touched_at": now}
            connection.execute(statements.insert_rows(pending), [row])
        elif connection.execute(statements.touch_upload(content_id, now)).rowcount == 0:
            raise errors.unavailable(_collected(what))
        _insert_chunks(connection, database, [_chunk_row(content_id, chunk) for chunk in group])
        if database.dialect == "sqlite":
            for chunk in _more(reader):
                taken += 1
                _insert_chunks(connection, database, [_chunk_row(content_id, chunk)])
        return len(group) + taken

    return database.write(step, what=what)


def _more(reader: ChunkReader) -> Iterator[Chunk]:
    held = 0
    while held < _SQLITE_TRANSACTION_BYTES:
        # A stream that stalls must not keep other writers out. One that breaks says so again outside
        # of the transaction, where nobody takes it for an error of the database.
        try:
            chunk = reader.take(timeout=_PATIENCE_SECONDS)
        except Exception:  # noqa: BLE001
            return
        if chunk is None:
            return
        held += len(chunk.data)
        yield chunk


def _point(
    connection: Connection, database: Database, new: Sequence[NewFile], *, uploaded: bool
) -> list[bytes]:
    """Make new contents visible; returns the contents that they replaced, now pending."""
    by_key = {path_key(file.path): file for file in sorted(new)}
    found = _lock(connection, database, by_key)
    folders.ensure(connection, database, [file.path for file in new])
    for key, row in found.items():
        if row.is_folder:
            raise errors.invalid_parameter(f"Cannot store {by_key[key].path!r}: it is a folder")
    if uploaded:
        (file,) = new
        if connection.execute(statements.finish_upload(file.content_id)).rowcount == 0:
            raise errors.unavailable(_collected(f"Cannot store {file.path!r}"))
    replaced = [row.content_id for row in found.values() if row.content_id]
    now = now_milliseconds()
    if replaced:
        garbage.declare(connection, database, replaced)
        for key in found:
            connection.execute(statements.point_entry(), _new_values(key, by_key[key], now))
    fresh = [_entry_row(key, file, now) for key, file in by_key.items() if key not in found]
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


def _insert_chunks(
    connection: Connection, database: Database, rows: Sequence[dict[str, Any]]
) -> None:
    for batch in statements.batches(rows, database.limits, size=lambda row: len(row["data"])):
        connection.execute(statements.insert_rows(chunks), batch)


def _chunk_rows(new: Sequence[NewFile], pieces: Sequence[Chunk]) -> list[dict[str, Any]]:
    remaining = iter(pieces)
    return [
        _chunk_row(file.content_id, next(remaining))
        for file in new
        for _ in range(file.summary.chunks)
    ]


def _chunk_row(content_id: bytes, chunk: Chunk) -> dict[str, Any]:
    return {
        "content_id": content_id,
        "number": chunk.number,
        "crc32": chunk.crc32,
        "data": chunk.data,
    }


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


def _new_values(key: bytes, file: NewFile, now: int) -> dict[str, Any]:
    return {
        "key": key,
        "new_content_id": file.content_id,
        "new_size": file.summary.size,
        "new_sha256": file.summary.sha256,
        "new_chunk_size": file.summary.chunk_size,
        "new_chunks": file.summary.chunks,
        "new_modified_at": now,
    }


def _collected(what: str) -> str:
    return errors.explain(
        what,
        why="gc took this upload for abandoned and removed its chunks",
        remedy="log the file again; run gc with a longer --older-than",
    )
