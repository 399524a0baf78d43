"""Chunks of a large file on their way in, in transactions that can be repeated.

What a transaction sent is gone from memory when its connection breaks, so either all of it is kept
until the commit, or it can be read again: a local file can, a stream cannot. So a stream is sent in
transactions of a few MiB, and a file in much longer ones that keep next to nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlflow_plugin_core import errors
from mlflow_sqlserver_artifacts import statements
from mlflow_sqlserver_artifacts.chunking import Chunk, ChunkReader, Summary, read_again
from mlflow_sqlserver_artifacts.database import Database, now_milliseconds
from mlflow_sqlserver_artifacts.schema import UPLOADING, chunks, pending

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

# Bytes of chunks that one statement sends: more gains nothing, and drivers copy them several times.
STATEMENT_BYTES = 4 << 20
# Bytes that are kept for a repetition where nothing can be read again: a tracking server holds as
# many for each upload that passes through it.
KEPT_BYTES = 16 << 20
# A commit waits for the disk, so few of them; but what a broken connection costs has to be sent
# again, and SQLite keeps all other writers out meanwhile: each bound is in bytes and in seconds.
_SERVER_TRANSACTION = (256 << 20, 10.0)
_SQLITE_TRANSACTION = (128 << 20, 1.0)
_SQLITE_PATIENCE_SECONDS = 0.05
# Other writers look every 100 ms whether the lock is free, and would miss a gap of microseconds for
# as long as a large upload lasts.
_SQLITE_GAP_SECONDS = 0.01


def statement_bytes(database: Database) -> int:
    """Return how many bytes of chunks one statement takes."""
    return min(STATEMENT_BYTES, database.limits.bytes)


def next_group(reader: ChunkReader, limit: int) -> list[Chunk]:
    """Take chunks until they hold `limit` bytes or the stream has ended."""
    group: list[Chunk] = []
    held = 0
    while held < limit and (chunk := reader.take()) is not None:
        group.append(chunk)
        held += len(chunk.data)
    return group


def insert_chunks(
    connection: Connection, database: Database, rows: Sequence[dict[str, Any]]
) -> None:
    """Insert rows of chunks, as many to a statement as the dialect allows."""
    for batch in statements.batches(rows, database.limits, size=lambda row: len(row["data"])):
        connection.execute(statements.insert_rows(chunks), batch)


def chunk_row(content_id: bytes, chunk: Chunk) -> dict[str, Any]:
    """Return the row of a chunk."""
    return {
        "content_id": content_id,
        "number": chunk.number,
        "crc32": chunk.crc32,
        "data": chunk.data,
    }


def collected(what: str) -> str:
    """Return the message for an upload whose chunks `gc` has removed."""
    return errors.explain(
        what,
        why="gc took this upload for abandoned and removed its chunks",
        remedy="log the file again; run gc with a longer --older-than",
    )


@dataclass
class Sender:
    """Sends one content.

    Attributes:
        database: Where to.
        content_id: The content's new name.
        reader: The chunks.
        source: The local file they are read from; None for a stream.
        what: What cannot be done when it fails.
    """

    database: Database
    content_id: bytes
    reader: ChunkReader
    source: Path | None
    what: str

    def first_group(self) -> list[Chunk]:
        """Take what the first transaction begins with; all of it where a stream is short."""
        return next_group(self.reader, self._kept_bytes())

    def send_all(self, group: list[Chunk]) -> Summary:
        """Send a first group and all that follows it."""
        while group:
            self._send(group)
            if self.database.dialect == "sqlite":
                time.sleep(_SQLITE_GAP_SECONDS)
            group = next_group(self.reader, self._kept_bytes())
        if self.reader.summary is None:
            message = "unreachable: a reader without chunks has its summary"
            raise AssertionError(message)
        return self.reader.summary

    def _kept_bytes(self) -> int:
        if self.database.dialect == "sqlite" or self.source is not None:
            return statement_bytes(self.database)
        return KEPT_BYTES

    def _send(self, group: Sequence[Chunk]) -> None:
        """Store the chunks of one transaction: a group that is kept, and what is taken meanwhile."""
        attempts = 0
        taken: list[int] = []  # their checksums
        start, end = group[0].number, group[-1].number + 1

        def step(connection: Connection) -> None:
            nonlocal attempts
            attempts += 1
            if attempts > 1:
                # The first attempt's connection may have broken after its commit.
                self._remove(connection, start, end + len(taken))
            self._insert(connection, group)
            following = self._take(taken) if attempts == 1 else self._again(end, taken)
            for more in following:
                self._insert(connection, more)
            # Last: gc waits for this row until the commit.
            self._declare(connection, is_first=start == 0)

        self.database.write(step, what=self.what)

    def _insert(self, connection: Connection, group: Sequence[Chunk]) -> None:
        rows = [chunk_row(self.content_id, chunk) for chunk in group]
        insert_chunks(connection, self.database, rows)

    def _declare(self, connection: Connection, *, is_first: bool) -> None:
        now = now_milliseconds()
        if is_first:
            row = {"content_id": self.content_id, "state": UPLOADING, "touched_at": now}
            connection.execute(statements.insert_rows(pending), [row])
        elif connection.execute(statements.touch_upload(self.content_id, now)).rowcount == 0:
            raise errors.unavailable(collected(self.what))

    def _remove(self, connection: Connection, start: int, end: int) -> None:
        connection.execute(statements.delete_chunk_range(self.content_id, start, end))
        if start == 0:
            connection.execute(statements.forget_pending([self.content_id]))

    def _take(self, taken: list[int]) -> Iterator[list[Chunk]]:
        """Yield what the reader has, as long as this transaction may last."""
        is_sqlite = self.database.dialect == "sqlite"
        if not is_sqlite and self.source is None:
            return
        limit, seconds = _SQLITE_TRANSACTION if is_sqlite else _SERVER_TRANSACTION
        until = time.monotonic() + seconds
        held = 0
        while held < limit and time.monotonic() < until:
            more = self._available() if is_sqlite else self._next()
            if not more:
                return
            taken.extend(chunk.crc32 for chunk in more)
            held += sum(len(chunk.data) for chunk in more)
            yield more

    def _next(self) -> list[Chunk]:
        # A source that breaks says so again outside of the transaction, where nobody takes it for
        # an error of the database.
        try:
            return next_group(self.reader, statement_bytes(self.database))
        except Exception:  # noqa: BLE001
            return []

    def _available(self) -> list[Chunk]:
        # One chunk, and only if it comes soon: a stream that stalls must not keep other writers out.
        try:
            chunk = self.reader.take(timeout=_SQLITE_PATIENCE_SECONDS)
        except Exception:  # noqa: BLE001  # as above
            return []
        return [] if chunk is None else [chunk]

    def _again(self, first: int, taken: Sequence[int]) -> Iterator[list[Chunk]]:
        """Yield what an earlier attempt took, from the source."""
        if not taken:
            return
        if self.source is None:
            message = errors.explain(
                self.what,
                why="the transaction broke, and the stream cannot be read again",
                remedy="log it again",
            )
            raise errors.unavailable(message)
        found = self._checked(
            read_again(self.source, self.reader.chunk_size, first, first + len(taken))
        )
        count = 0
        for chunk, crc32 in zip(found, taken, strict=False):
            if chunk.crc32 != crc32:
                break
            count += 1
            yield [chunk]
        if count < len(taken):
            message = errors.explain(
                self.what,
                why=f"{str(self.source)!r} was changed while it was being read",
                remedy="log it again when nobody writes to it",
            )
            raise errors.bad_request(message)

    def _checked(self, found: Iterable[Chunk]) -> Iterator[Chunk]:
        try:
            yield from found
        except OSError as error:
            message = errors.explain(
                f"{self.what}, whose transaction has to be repeated",
                why=f"{str(self.source)!r} cannot be read again: {error.strerror}",
            )
            raise errors.not_found(message, cause=error) from error
