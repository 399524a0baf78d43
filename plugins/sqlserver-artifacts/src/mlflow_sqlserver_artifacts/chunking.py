"""Cuts a stream into chunks and counts what went through. No database.

Reading and hashing run in a thread of their own, at most `_AHEAD_BYTES` ahead: `hashlib` lets go of
the interpreter lock, so they cost the sending thread next to nothing.
"""

from __future__ import annotations

import hashlib
import queue
import threading
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typing_extensions import Self

_AHEAD_BYTES = 8 << 20


@dataclass(frozen=True)
class Chunk:
    """One piece of a content, in its order."""

    number: int
    data: bytes
    crc32: int


@dataclass(frozen=True)
class Summary:
    """What a whole content turned out to be."""

    size: int
    sha256: bytes
    chunk_size: int
    chunks: int


def make_chunk(number: int, data: bytes) -> Chunk:
    """Return a chunk with its checksum."""
    return Chunk(number, data, zlib.crc32(data))


def summarize(data: bytes, chunk_size: int) -> Summary:
    """Return the summary of a content that is in memory, in one chunk or none."""
    return Summary(len(data), hashlib.sha256(data).digest(), chunk_size, min(len(data), 1))


def read_again(path: Path, chunk_size: int, first: int, end: int) -> Iterator[Chunk]:
    """Yield the chunks `first` to `end - 1` of a local file; fewer where it has become shorter."""
    with path.open("rb") as stream:
        stream.seek(first * chunk_size)
        for number in range(first, end):
            data = _read_fully(stream, chunk_size)
            if not data:
                return
            yield make_chunk(number, data)


class ChunkReader:
    """Iterates over a stream's chunks; `summary` is there once the iteration has ended.

    Use it as a context manager: leaving it early stops the reading thread.
    """

    def __init__(self, stream: BinaryIO, chunk_size: int) -> None:
        self.chunk_size = chunk_size
        self._stream = stream
        ahead = max(2, _AHEAD_BYTES // chunk_size)
        self._queue: queue.Queue[Chunk | Summary | BaseException] = queue.Queue(ahead)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._produce, name="mlflow-sql-read", daemon=True)
        self._failure: BaseException | None = None
        self.summary: Summary | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stopped.set()
        while self._thread.is_alive():
            # The thread may be waiting for room in the queue.
            try:
                self._queue.get(timeout=0.05)
            except queue.Empty:
                # Or in a read of a stream that never yields: it is a daemon, let it go.
                break

    def __iter__(self) -> Iterator[Chunk]:
        while (chunk := self.take()) is not None:
            yield chunk

    def take(self, timeout: float | None = None) -> Chunk | None:
        """Return the next chunk; None at the end, or when none came within `timeout` seconds.

        Raises:
            Exception: What reading the stream raised; again each time it is asked.
        """
        if self._failure is not None:
            raise self._failure
        if self.summary is not None:
            return None
        try:
            item = self._queue.get(timeout=timeout)
        except queue.Empty:
            return None
        if isinstance(item, BaseException):
            self._failure = item
            raise item
        if isinstance(item, Summary):
            self.summary = item
            return None
        return item

    def _produce(self) -> None:
        digest = hashlib.sha256()
        size = number = 0
        try:
            while not self._stopped.is_set():
                data = _read_fully(self._stream, self.chunk_size)
                if not data:
                    self._queue.put(Summary(size, digest.digest(), self.chunk_size, number))
                    return
                digest.update(data)
                self._queue.put(make_chunk(number, data))
                size += len(data)
                number += 1
        except BaseException as error:  # noqa: BLE001  # handed to the thread that iterates
            self._queue.put(error)


def _read_fully(stream: BinaryIO, size: int) -> bytes:
    """Read exactly `size` bytes, fewer only at the end: sockets and pipes return what they have."""
    data = stream.read(size)
    if len(data) in (0, size):
        return data
    parts = [data]
    missing = size - len(data)
    while missing and (data := stream.read(missing)):
        parts.append(data)
        missing -= len(data)
    return b"".join(parts)
