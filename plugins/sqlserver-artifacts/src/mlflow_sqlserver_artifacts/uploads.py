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
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    Rows = dict[bytes, Row[Any]]

# Bytes of chunks that one transaction holds: enough to make its end cheap, few enough that locks,
# logs and a repetition stay small.
TRANSACTION_BYTES = 32 << 20


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
        group: list[Chunk] = []
        held = sent = 0
        for chunk in reader:
            group.append(chunk)
            held += len(chunk.data)
            if held >= _group_bytes(database):
                _send(database, content_id, group, first=sent == 0, what=what)
                sent += len(group)
                group, held = [], 0
        summary = reader.summary
    if summary is None:  # the iteration above ends with a summary or an error
        raise errors.internal(f"{what}: its stream had no end")
    new = NewFile(path, content_id, summary)
    if sent == 0:
        store_small(database, [new], group, what=what)
        return summary
    if group:
        _send(database, content_id, group, first=False, what=what)

    def finish(connection: Connection) -> list[bytes]:
        if _is_done(connection, database, [new]):
            return []  # a repetition: the first attempt's commit had reached the database
        return _point(connection, database, [new], uploaded=True)

    replaced = database.write(finish, what=what)
    _settle(database, [new], replaced)
    return summary


def store_small(
    database: Database, new: Sequence[NewFile], pieces: Sequence[Chunk], *, what: str
) -> None:
    """Store files and all their chunks in one transaction; `pieces` in the order of `new`."""
    rows = _chunk_rows(new, pieces)
    attempts = 0

    def step(connection: Connection) -> list[bytes]:
        nonlocal attempts
        attempts += 1
        if attempts > 1 and _is_done(connection, database, new):
            return []
        _insert_chunks(connection, database, rows)
        return _point(connection, database, new, uploaded=False)

    _settle(database, new, database.write(step, what=what))


def _settle(database: Database, new: Sequence[NewFile], replaced: Sequence[bytes]) -> None:
    folders.heal(database, [file.path for file in new])
    garbage.purge(database, replaced)


def _group_bytes(database: Database) -> int:
    return min(TRANSACTION_BYTES, database.limits.bytes * 4)


def _send(
    database: Database, content_id: bytes, group: Sequence[Chunk], *, first: bool, what: str
) -> None:
    attempts = 0
    start, end = group[0].number, group[-1].number + 1

    def step(connection: Connection) -> None:
        nonlocal attempts
        attempts += 1
        if attempts > 1:
            # The first attempt's connection may have broken after its commit.
            connection.execute(statements.delete_chunk_range(content_id, start, end))
            if first:
                connection.execute(statements.forget_pending([content_id]))
        now = now_milliseconds()
        if first:
            row = {"content_id": content_id, "state": UPLOADING, "touched_at": now}
            connection.execute(statements.insert_rows(pending, [row]))
        elif connection.execute(statements.touch_upload(content_id, now)).rowcount == 0:
            raise errors.unavailable(_collected(what))
        rows = [_chunk_row(content_id, chunk) for chunk in group]
        _insert_chunks(connection, database, rows)

    database.write(step, what=what)


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
        connection.execute(statements.insert_rows(entries, rows))
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
        connection.execute(statements.insert_rows(chunks, batch))


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
