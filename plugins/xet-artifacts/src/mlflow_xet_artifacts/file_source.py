"""A local file or a spooled stream on its way in: read block by block, digested as it is read."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, BinaryIO

from mlflow_plugin_core import errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlflow.exceptions import MlflowException

BLOCK = 4 << 20


class LocalSource:
    """A seekable stream, and the digest and size of what was read from it.

    What is stored is what was read here, once: a file that changes meanwhile cannot be stored
    under a digest that it never had.
    """

    def __init__(self, stream: BinaryIO, source: Path | None, path: str) -> None:
        self._stream = stream
        self._source = source
        self._path = path
        self.rewind()

    def rewind(self) -> None:
        """Begin again, at the first byte."""
        self._stream.seek(0)
        self._held = b""
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> bytes:
        """Digest of what was read."""
        return self._digest.digest()

    def length(self) -> int:
        """Return how long the stream is now; the next read begins at the first byte."""
        self._stream.seek(0, os.SEEK_END)
        length = self._stream.tell()
        self.rewind()
        return length

    def read(self, count: int) -> bytes:
        """Read so many bytes, fewer only at the end.

        Raises:
            MlflowException: RESOURCE_DOES_NOT_EXIST where a local file cannot be read.
        """
        pieces = []
        while count > 0 and (piece := self._read(count)):
            pieces.append(piece)
            count -= len(piece)
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._digest.update(data)
        self.size += len(data)
        return data

    def has_more(self) -> bool:
        """Tell whether the end is not reached yet."""
        if not self._held:
            self._held = self._read(1)
        return bool(self._held)

    def blocks(self, limit: int) -> Iterator[bytes]:
        """Yield up to so many bytes, in blocks."""
        while limit > 0 and (block := self.read(min(BLOCK, limit))):
            yield block
            limit -= len(block)

    def _read(self, count: int) -> bytes:
        if self._held:
            held, self._held = self._held[:count], self._held[count:]
            return held
        try:
            return self._stream.read(count)
        except OSError as error:
            if self._source is None:
                raise
            raise unreadable(self._source, self._path, error) from error


def unreadable(source: Path, path: str, error: OSError) -> MlflowException:
    """Return the error of a local file that cannot be read."""
    message = errors.explain(
        f"Cannot read {str(source)!r} for {path!r}",
        why=error.strerror,
        remedy="it has to stay, and be readable, until it is logged",
    )
    return errors.not_found(message, cause=error)
