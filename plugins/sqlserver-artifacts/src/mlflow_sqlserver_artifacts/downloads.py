"""Files on their way out: verified by their digest, then moved into place.

A whole file is verified by its SHA-256. The checksums of single chunks serve parts of files, and
tell which chunk it is when a digest differs.
"""

from __future__ import annotations

import hashlib
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from mlflow.exceptions import MlflowException

from mlflow_plugin_core import errors, local_files
from mlflow_sqlserver_artifacts import statements
from mlflow_sqlserver_artifacts.keys import path_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from sqlalchemy import Connection, Row

    from mlflow_sqlserver_artifacts.database import Database

# Bytes that one statement reads; those of the one before are being hashed meanwhile.
_READ_BYTES = 4 << 20
# A path that is replaced again and again while it is read: give up at some point.
_RESTARTS = 20


@dataclass(frozen=True)
class StoredFile:
    """What the entry of a file says about its content."""

    path: str
    content_id: bytes
    size: int
    sha256: bytes
    chunk_size: int
    chunks: int


class _ReplacedError(Exception):
    """The content went away while it was read: the file was replaced or deleted."""


def fetch_file(database: Database, stored: StoredFile, destination: Path) -> None:
    """Write a file to `destination`, whole and verified, or not at all.

    Raises:
        MlflowException: INTERNAL_ERROR naming the path and the chunk where bytes are damaged,
            RESOURCE_DOES_NOT_EXIST where the file was deleted meanwhile.
    """
    for _ in range(_RESTARTS):
        try:
            with local_files.atomic_write(destination) as target:
                _copy(database, stored, target)
        except _ReplacedError:
            # Readers see the old bytes or the new: these were the old, so begin with the new.
            current = find_file(database, stored.path)
            if current is None:
                message = f"{stored.path!r} was deleted while it was being read"
                raise errors.not_found(message) from None
            if current.content_id == stored.content_id:
                raise _damaged(stored, "chunks are missing") from None
            stored = current
        else:
            return
    raise _replaced_again_and_again(stored.path)


def find_file(database: Database, path: str) -> StoredFile | None:
    """Read the entry of a file; None where there is none."""

    def step(connection: Connection) -> StoredFile | None:
        row = connection.execute(statements.find_entries([path_key(path)])).first()
        return None if row is None or row.is_folder else stored_file(row)

    return database.read(step, what=f"Cannot look up {path!r}", missing=None)


def stored_file(row: Row[tuple[object, ...]]) -> StoredFile:
    """Return the file that a row of entries describes."""
    return StoredFile(row.path, row.content_id, row.size, row.sha256, row.chunk_size, row.chunks)


def fetch_small(
    database: Database, files: Sequence[tuple[StoredFile, Path]]
) -> tuple[list[tuple[StoredFile, Path]], list[tuple[str, Exception]]]:
    """Write many files of one chunk with one statement.

    Returns:
        Those that have to be read alone, as a file that was replaced since it was listed; and what
        failed, by path.
    """

    def step(connection: Connection) -> dict[bytes, tuple[int, bytes]]:
        ids = [stored.content_id for stored, _ in files]
        rows = connection.execute(statements.read_single_chunks(ids))
        return {row.content_id: (row.crc32, row.data) for row in rows if row.number == 0}

    found: dict[bytes, tuple[int, bytes]] = database.read(
        step, what=f"Cannot read {len(files)} files", missing={}
    )
    left: list[tuple[StoredFile, Path]] = []
    failures: list[tuple[str, Exception]] = []
    for stored, destination in files:
        if stored.content_id not in found:
            left.append((stored, destination))
            continue
        try:
            _write_small(stored, *found[stored.content_id], destination)
        except (MlflowException, OSError) as error:
            failures.append((stored.path, error))
    return left, failures


def _write_small(stored: StoredFile, crc32: int, data: bytes, destination: Path) -> None:
    if hashlib.sha256(data).digest() != stored.sha256:
        _verify_chunk(stored, 0, crc32, data)
        raise _damaged(stored, "its SHA-256 digest differs")
    with local_files.atomic_write(destination) as target:
        target.write(data)


def fetch_range(database: Database, path: str, start: int, length: int) -> bytes | None:
    """Read bytes `start` to `start + length - 1` of a path, fewer at the end; None where it is not.

    Raises:
        MlflowException: INTERNAL_ERROR naming the path and the chunk where bytes are damaged.
    """
    before = None
    for _ in range(_RESTARTS):
        stored = find_file(database, path)
        if stored is None:
            return None
        if before == stored.content_id:
            raise _damaged(stored, "chunks are missing")
        before = stored.content_id
        with suppress(_ReplacedError):
            return _read_range(database, stored, start, length)
    raise _replaced_again_and_again(path)


def _read_range(database: Database, stored: StoredFile, start: int, length: int) -> bytes:
    end = min(start + length, stored.size)
    if start >= end or start < 0:
        return b""
    first = start // stored.chunk_size
    last = -(-end // stored.chunk_size)
    data = b"".join(_read_group(database, stored, first, last, verified=True))
    return data[start - first * stored.chunk_size :][: end - start]


def _copy(database: Database, stored: StoredFile, target: BinaryIO) -> None:
    digest = hashlib.sha256()
    size = 0
    hashing: Future[None] | None = None
    # Hashing takes as long as reading and writing together, and lets go of the interpreter lock.
    with ThreadPoolExecutor(1, thread_name_prefix="mlflow-sql-digest") as helper:
        for group in _groups(database, stored):
            if hashing is not None:
                hashing.result()  # one group at most waits in memory
            hashing = helper.submit(_hash, digest, group)
            target.writelines(group)
            size += sum(map(len, group))
    if size != stored.size:
        raise _damaged(stored, f"it has {size} bytes and not {stored.size}")
    if digest.digest() != stored.sha256:
        for _ in _groups(database, stored, verified=True):
            pass
        raise _damaged(stored, "its SHA-256 digest differs")


def _hash(digest: hashlib._Hash, group: list[bytes]) -> None:
    for data in group:
        digest.update(data)


def _groups(
    database: Database, stored: StoredFile, *, verified: bool = False
) -> Iterator[list[bytes]]:
    step = max(1, _READ_BYTES // max(1, stored.chunk_size))
    for first in range(0, stored.chunks, step):
        end = min(first + step, stored.chunks)
        yield _read_group(database, stored, first, end, verified=verified)


def _read_group(
    database: Database, stored: StoredFile, first: int, end: int, *, verified: bool
) -> list[bytes]:
    def step(connection: Connection) -> list[Row[tuple[int, int, bytes]]]:
        return list(connection.execute(statements.read_chunks(stored.content_id, first, end)))

    rows: list[Row[tuple[int, int, bytes]]] = database.read(
        step, what=f"Cannot read {stored.path!r}", missing=[]
    )
    if [row.number for row in rows] != list(range(first, end)):
        raise _ReplacedError
    if verified:
        for row in rows:
            _verify_chunk(stored, row.number, row.crc32, row.data)
    return [row.data for row in rows]


def _verify_chunk(stored: StoredFile, number: int, crc32: int, data: bytes) -> None:
    if zlib.crc32(data) != crc32:
        raise _damaged(stored, f"chunk {number} differs from its checksum")


def _replaced_again_and_again(path: str) -> Exception:
    message = f"{path!r} was replaced {_RESTARTS} times while it was being read"
    return errors.unavailable(message)


def _damaged(stored: StoredFile, why: str) -> Exception:
    message = errors.explain(
        f"The stored bytes of {stored.path!r} are damaged",
        why=f"{why} (content {stored.content_id.hex()}, SHA-256 {stored.sha256.hex()})",
        remedy="restore the tables from a backup, or log the file again",
    )
    return errors.internal(message)
