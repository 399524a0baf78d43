"""Gives the space of deleted artifacts back: hf_xet cannot delete, so what lives is copied and swapped.

The copy is a new chunk folder beside the old one, `chunks-2` beside `chunks-1`. It counts from the
moment when one transaction of the index writes its number, in which the index is also seen to name
nothing that was not copied. A `gc` that is killed leaves a folder that counts for nothing, and the
next one removes it. Others work on meanwhile: they wait for one batch at most.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from mlflow_plugin_core import errors, transfer
from mlflow_xet_artifacts import (
    file_chunks,
    file_errors,
    file_index,
    file_ledger,
    file_lock,
    file_watch,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from mlflow_xet_artifacts.client_local import Source
    from mlflow_xet_artifacts.file_database import FileDatabase
    from mlflow_xet_artifacts.file_index import Part

_BATCH_CONTENTS, _BATCH_BYTES = 500, 512 << 20
# A smaller commit leaves more of hf_xet's files, and a larger one takes more memory: the whole process
# 323 MiB with 64 MiB, and 258 with these.
_COMMIT_BYTES = 32 << 20
_DEAD = "FROM contents WHERE id NOT IN (SELECT content FROM entries)"
_FOLDER = re.compile(r"^chunks-(\d+)$")


class Report(NamedTuple):
    """What was done.

    Attributes:
        contents: How many contents no path pointed to.
        before: Bytes of the store on the disk at the beginning.
        after: The same at the end.
        rewritten: Whether the chunks were copied.
    """

    contents: int
    before: int
    after: int
    rewritten: bool


class _Live(NamedTuple):
    """A content that has to be copied."""

    id: int
    sha256: bytes
    size: int


def collect(database: FileDatabase, *, full: bool, advance: Callable[[int, int], None]) -> Report:
    """Remove what no artifact points to.

    Args:
        database: The store.
        full: Copy the chunks even where no larger content was deleted since: this also removes what
            killed uploads left.
        advance: Told the bytes that were copied, and those that there are.

    Raises:
        MlflowException: TEMPORARILY_UNAVAILABLE where another one runs; INTERNAL_ERROR where a
            content is damaged, and then nothing was swapped; what the disk says.
    """
    if not database.exists():
        return Report(0, 0, 0, rewritten=False)
    with file_lock.held(database.folder / "gc.lock", time.monotonic()) as lock:
        if lock is None:
            message = errors.explain(
                "Cannot collect garbage", location=database.folder, why="another gc runs there"
            )
            raise errors.unavailable(message)
        with database.explained("Cannot collect garbage"):
            before = stored_bytes(database)
            _remove_other_folders(database)
            contents, larger = _forget_small(database)
            if rewritten := bool(full or larger):
                try:
                    contents += _Copy(database, advance).run()
                except BaseException:
                    # Half a copy fills the disk for nothing. What stays of it goes by the next gc.
                    with suppress(Exception):
                        _remove_other_folders(database)
                    raise
                _remove_other_folders(database)
            _shrink(database)
            return Report(contents, before, stored_bytes(database), rewritten)


def stored_bytes(database: FileDatabase) -> int:
    """Return the bytes of all files of the store."""
    total = 0
    for folder, _, names in os.walk(database.folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118
            except FileNotFoundError:  # a temporary file of a writer
                continue
    return total


def _remove_other_folders(database: FileDatabase) -> None:
    # In nobody's use: only `gc` makes others, and one gc runs at a time.
    with file_chunks.current(database) as generation:
        found = [each for each in database.folder.iterdir() if _FOLDER.match(each.name)]
        current = file_chunks.folder_of(database, generation)
    for folder in found:
        if folder != current:
            shutil.rmtree(folder)


def _forget_small(database: FileDatabase) -> tuple[int, int]:
    # The larger ones are only counted: were they gone before their chunks are, a copy that fails
    # would leave nothing by which the next gc sees that there is something to do.
    with database.writing() as connection:
        larger = connection.execute(f"SELECT count(*) {_DEAD} AND data IS NULL").fetchone()[0]
        removed = connection.execute(f"DELETE {_DEAD} AND data IS NOT NULL").rowcount
    return removed, larger


def _shrink(database: FileDatabase) -> None:
    with database.resting() as connection:
        connection.execute("PRAGMA incremental_vacuum").fetchall()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


class _Copy:
    """A new generation of the chunk folder, until it is the one that counts."""

    def __init__(self, database: FileDatabase, advance: Callable[[int, int], None]) -> None:
        self._database = database
        self._advance = advance
        self._copied: dict[int, list[Part]] = {}
        self._bytes = 0

    def run(self) -> int:
        """Copy and swap; returns how many larger contents were dead."""
        with file_chunks.current(self._database) as old:
            self._target = file_chunks.folder_of(self._database, old + 1)
        with self._database.reading() as connection:
            live = self._missing(connection)
        total = sum(each.size for each in live)
        for batch in transfer.batched(
            live, max_items=_BATCH_CONTENTS, max_bytes=_BATCH_BYTES, size=lambda each: each.size
        ):
            with file_chunks.current(self._database):
                self._copy(batch, file_chunks.folder_of(self._database, old))
            self._bytes += sum(each.size for each in batch)
            self._advance(self._bytes, max(total, self._bytes))
        return self._swap(old)

    def _swap(self, old: int) -> int:
        # Uploads stand still from here on, so what came meanwhile can be caught up with.
        with file_chunks.current(self._database):
            with self._database.reading() as connection:
                late = self._missing(connection)
            if late:
                self._copy(late, file_chunks.folder_of(self._database, old))
            # Without a larger content there was nothing to copy.
            self._target.mkdir(exist_ok=True)
            file_ledger.sync(self._database.folder)
            with self._database.writing() as connection:
                # An upload that had ended before the lock was taken may have been named just now:
                # its chunks are in the old folder alone.
                missing = self._missing(connection)
                removed = 0 if missing else self._write(connection, old + 1)
        return self._swap(old) if missing else removed

    def _write(self, connection: sqlite3.Connection, generation: int) -> int:
        removed = connection.execute(f"DELETE {_DEAD} AND data IS NULL").rowcount
        connection.executemany(
            "UPDATE parts SET hash = ? WHERE content = ? AND number = ?",
            [
                (part.hash, content, number)
                for content, parts in self._copied.items()
                for number, part in enumerate(parts)
            ],
        )
        connection.execute("UPDATE meta SET value = ? WHERE key = 'generation'", (generation,))
        return removed

    def _missing(self, connection: sqlite3.Connection) -> list[_Live]:
        query = (
            "SELECT id, sha256, size FROM contents WHERE data IS NULL"
            " AND id IN (SELECT content FROM entries) ORDER BY id"
        )
        rows = (_Live(row[0], bytes(row[1]), row[2]) for row in connection.execute(query))
        return [row for row in rows if row.id not in self._copied]

    def _copy(self, batch: Sequence[_Live], source: Path) -> None:
        from mlflow_xet_artifacts.client_local import Reading, Upload

        with self._database.reading() as connection:
            parts = {each.id: file_index.parts_of(connection, each.id) for each in batch}
        reading, upload = Reading(source), Upload(self._target)
        what = "Cannot copy what lives"
        self._target.mkdir(parents=True, exist_ok=True)

        def copy() -> list[Part]:
            with reading.opened() as read:
                commits = transfer.batched(
                    self._sources(batch, parts, read),
                    max_items=_BATCH_CONTENTS,
                    max_bytes=_COMMIT_BYTES,
                    size=lambda source: source.size,
                )
                return [part for commit in commits for part in upload.run(commit)]

        def cancel() -> None:
            reading.cancel()
            upload.cancel()

        try:
            with file_ledger.recorded(self._target):
                copied = file_watch.run(
                    copy,
                    progress=lambda: (reading.progress(), upload.progress()),
                    cancel=cancel,
                    timeout=self._database.settings.stall_timeout,
                    what=what,
                )
        except (OSError, RuntimeError) as error:
            raise file_errors.explained(error, what, self._database.folder) from error
        remaining = iter(copied)
        for each in batch:
            self._copied[each.id] = [next(remaining) for _ in parts[each.id]]

    def _sources(
        self,
        batch: Sequence[_Live],
        parts: dict[int, list[Part]],
        read: Callable[[Part, int, int], Iterator[bytes]],
    ) -> Iterator[Source]:
        from mlflow_xet_artifacts.client_local import Source

        def blocks(content: _Live, part: Part, digest: hashlib._Hash) -> Iterator[bytes]:
            for block in read(part, 0, part.size):
                digest.update(block)
                yield block
            # The parts are read one after another: what was read so far ends with the last of them.
            if part is parts[content.id][-1] and digest.digest() != content.sha256:
                raise self._damaged(content)

        for each in batch:
            digest = hashlib.sha256()
            for part in parts[each.id]:
                yield Source(part.size, blocks(each, part, digest))

    def _damaged(self, content: _Live) -> Exception:
        query = "SELECT path FROM entries WHERE content = ? ORDER BY path"
        with self._database.reading() as connection:
            paths = [row[0] for row in connection.execute(query, (content.id,))]
        why = (
            f"what is read is not what was stored under {content.sha256.hex()}; nothing was swapped"
        )
        return file_errors.damaged(", ".join(paths) or "(deleted)", self._database.folder, why)
