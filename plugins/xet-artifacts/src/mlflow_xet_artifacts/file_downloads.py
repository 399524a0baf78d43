"""Downloads: verified against the digest of what was stored, in place only when they are whole."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, BinaryIO

from mlflow.exceptions import MlflowException

from mlflow_plugin_core import errors, local_files, transfer
from mlflow_xet_artifacts import file_chunks, file_errors, file_index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from mlflow_xet_artifacts.file_database import FileDatabase
    from mlflow_xet_artifacts.file_index import Part, Stored

Wanted = tuple[str, "Stored", "Path"]
Span = tuple["Part", int, int]

# So much is read in one opening of the chunk store: others may use it between two of them.
_OPEN_BYTES = 256 << 20


def fetch(database: FileDatabase, path: str, stored: Stored, destination: Path) -> None:
    """Fetch one file.

    Raises:
        MlflowException: INTERNAL_ERROR where the store's bytes are not what was stored or the disk
            is full; RESOURCE_DOES_NOT_EXIST where the file was deleted meanwhile.
    """
    if stored.is_small:
        fetch_small(database, [(path, stored, destination)])
        return
    digest = hashlib.sha256()
    with _written(destination) as target:
        read_all(database, path, stored, _sink(target, digest, destination))
        _check(path, stored, digest.digest(), database)


def fetch_small(database: FileDatabase, wanted: Sequence[Wanted]) -> None:
    """Fetch files whose bytes the index holds, in one read of it."""
    for path, stored, destination in wanted:
        with database.reading() as connection:
            data = file_index.data_of(connection, stored.id)
        if data is None:
            raise _gone(path)
        _check(path, stored, hashlib.sha256(data).digest(), database)
        with _written(destination) as target:
            target.write(data)


def fetch_several(database: FileDatabase, wanted: Sequence[Wanted], workers: int) -> None:
    """Fetch files of one part each through one opening of the chunk store."""
    parts = {path: _parts(database, path, stored) for path, stored, _ in wanted}

    def use(read: Callable[[Part, int, int], Iterator[bytes]]) -> None:
        def fetch_one(item: Wanted) -> None:
            path, stored, destination = item
            digest = hashlib.sha256()
            with _written(destination) as target:
                sink = _sink(target, digest, destination)
                for part in parts[path]:
                    _pump(read, database, path, stored, (part, 0, part.size), sink)
                _check(path, stored, digest.digest(), database)

        transfer.run_all(fetch_one, wanted, workers=workers, describe=lambda item: item[0])

    what = f"Cannot read {wanted[0][0]!r} and {len(wanted) - 1} more"
    file_chunks.read(database, use, what=what)


def read_all(
    database: FileDatabase, path: str, stored: Stored, sink: Callable[[bytes], object]
) -> None:
    """Read a file piece by piece, without a look at its digest."""
    if stored.is_small:
        with database.reading() as connection:
            data = file_index.data_of(connection, stored.id)
        if data is None:
            raise _gone(path)
        sink(data)
        return
    spans = [(part, 0, part.size) for part in _parts(database, path, stored)]
    _read(database, path, stored, spans, sink)


def fetch_range(
    database: FileDatabase, path: str, stored: Stored, start: int, length: int
) -> bytes:
    """Return a part of a file; fewer bytes at its end."""
    end = min(start + length, stored.size)
    if start >= end:
        return b""
    if stored.is_small:
        with database.reading() as connection:
            data = file_index.data_of(connection, stored.id)
        if data is None:
            raise _gone(path)
        return data[start:end]
    pieces: list[bytes] = []
    spans = []
    offset = 0
    for part in _parts(database, path, stored):
        low, high = max(start - offset, 0), min(end - offset, part.size)
        if low < high:
            spans.append((part, low, high))
        offset += part.size
    _read(database, path, stored, spans, pieces.append)
    return b"".join(pieces)


def _read(
    database: FileDatabase,
    path: str,
    stored: Stored,
    spans: Sequence[Span],
    sink: Callable[[bytes], object],
) -> None:
    for group in transfer.batched(
        spans, max_items=len(spans), max_bytes=_OPEN_BYTES, size=lambda span: span[2] - span[1]
    ):

        def use(
            read: Callable[[Part, int, int], Iterator[bytes]], group: Sequence[Span] = group
        ) -> None:
            for span in group:
                _pump(read, database, path, stored, span, sink)

        file_chunks.read(database, use, what=f"Cannot read {path!r}")


def _pump(
    read: Callable[[Part, int, int], Iterator[bytes]],
    database: FileDatabase,
    path: str,
    stored: Stored,
    span: Span,
    sink: Callable[[bytes], object],
) -> None:
    part, start, end = span
    count = 0
    try:
        for block in read(part, start, end):
            sink(block)
            count += len(block)
    except (RuntimeError, OSError) as error:  # hf_xet's: the sink explains its own
        _parts(database, path, stored)  # where `gc` was faster, it is gone and not damaged
        raise file_errors.unreadable_content(error, path, database.folder) from error
    if count != end - start:
        # hf_xet yields nothing, and raises nothing, for a content that it does not have.
        _parts(database, path, stored)
        why = f"hf_xet gave {count} bytes of {end - start}"
        raise file_errors.damaged(path, database.folder, why)


def _parts(database: FileDatabase, path: str, stored: Stored) -> list[Part]:
    with database.reading() as connection:
        parts = file_index.parts_of(connection, stored.id)
    if sum(part.size for part in parts) != stored.size:
        raise _gone(path)
    return parts


def _sink(target: BinaryIO, digest: hashlib._Hash, destination: Path) -> Callable[[bytes], None]:
    def write(block: bytes) -> None:
        try:
            target.write(block)
        except OSError as error:
            raise file_errors.explained(error, "Cannot write", destination) from error
        digest.update(block)

    return write


class _written:  # noqa: N801  # used like a function
    """`local_files.atomic_write`, with the disk's errors explained."""

    def __init__(self, destination: Path) -> None:
        self._destination = destination
        self._file = local_files.atomic_write(destination)

    def __enter__(self) -> BinaryIO:
        try:
            return self._file.__enter__()
        except OSError as error:
            raise file_errors.explained(error, "Cannot write", self._destination) from error

    def __exit__(self, *exc_info: object) -> None:
        try:
            self._file.__exit__(*exc_info)  # type: ignore[arg-type]
        except MlflowException:
            raise
        except OSError as error:
            raise file_errors.explained(error, "Cannot write", self._destination) from error


def _check(path: str, stored: Stored, found: bytes, database: FileDatabase) -> None:
    if found != stored.sha256:
        why = f"its SHA-256 is {found.hex()}, and {stored.sha256.hex()} was stored"
        raise file_errors.damaged(path, database.folder, why)


def _gone(path: str) -> Exception:
    message = errors.explain(
        f"No such artifact: '{path}'", why="it was deleted or replaced while it was read"
    )
    return errors.not_found(message)
