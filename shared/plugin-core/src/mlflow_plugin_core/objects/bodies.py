"""What requests send: bytes in memory, or a piece of a local file that is read while it is sent."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from mlflow_plugin_core import errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlflow.exceptions import MlflowException
    from typing_extensions import Self

    from mlflow_plugin_core.objects.plan import Piece

R = TypeVar("R")


class HeldBody(io.BytesIO):
    """Bytes in memory; `read()` from the beginning returns them without a copy."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.size = len(data)


class FileBody(io.RawIOBase):
    """A piece of an open file, read while it is sent; for one thread at a time.

    Attributes:
        size: Bytes of the piece.
        fault: What went wrong while it was read. SDKs wrap errors of bodies as if the connection
            had failed, so who made the request looks here first.
    """

    def __init__(self, stream: io.FileIO, source: Path, start: int, length: int) -> None:
        """Take over an open file, which is closed with the body; `source` is for messages."""
        super().__init__()
        self._source = source
        self._stream = stream
        self._start = start
        self.size = length
        self._position = 0
        self.fault: MlflowException | None = None

    def __enter__(self) -> Self:
        return self

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        super().close()

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be read again."""
        return True

    def tell(self) -> int:
        """Return where it stands within the piece."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move within the piece."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer with what comes next."""
        count = min(len(buffer), self.size - self._position)
        if count <= 0:
            return 0
        try:
            self._stream.seek(self._start + self._position)
            done = self._stream.readinto(memoryview(buffer)[:count])
        except OSError as error:
            self.fault = unreadable(self._source, error)
            raise self.fault from error
        if not done:
            self.fault = changed(self._source)
            raise self.fault
        self._position += done
        return done


def streamed(source: Path, piece: Piece) -> FileBody:
    """Open a piece of a file, to be read while it is sent.

    Raises:
        MlflowException: The file cannot be opened.
    """
    try:
        stream = io.FileIO(source)
    except OSError as error:
        raise unreadable(source, error) from error
    return FileBody(stream, source, piece.start, piece.length)


def held(source: Path, piece: Piece) -> HeldBody:
    """Read a piece of a file.

    Raises:
        MlflowException: The file cannot be read, or has become shorter.
    """
    try:
        with source.open("rb", buffering=0) as stream:
            stream.seek(piece.start)
            data = read_fully(stream, piece.length)
    except OSError as error:
        raise unreadable(source, error) from error
    if len(data) != piece.length:
        raise changed(source)
    return HeldBody(data)


def sending(body: HeldBody | FileBody, request: Callable[[], R]) -> R:
    """Make a request with a body from its beginning; what is wrong with the file comes first."""
    body.seek(0)
    try:
        return request()
    except Exception as error:
        if isinstance(body, FileBody) and body.fault is not None:
            raise body.fault from error
        raise


def read_fully(stream: BinaryIO | io.RawIOBase, length: int) -> bytes:
    """Read so many bytes, fewer only at the end: a raw file may return less than it was asked."""
    data = stream.read(length) or b""
    if not data or len(data) == length:
        return data
    pieces = [data]
    length -= len(data)
    while length > 0 and (data := stream.read(length)):
        pieces.append(data)
        length -= len(data)
    return b"".join(pieces)


def unreadable(source: Path, error: OSError) -> MlflowException:
    """Return the error for a local file that cannot be read."""
    message = errors.explain(f"Cannot read {str(source)!r}", why=error.strerror or error)
    if isinstance(error, FileNotFoundError):
        return errors.not_found(message, cause=error)
    if isinstance(error, PermissionError):
        return errors.permission_denied(message, cause=error)
    return errors.invalid_parameter(message, cause=error)


def changed(source: Path) -> MlflowException:
    """Return the error for a local file that changed while it was sent."""
    message = errors.explain(
        f"Cannot store {str(source)!r}",
        why="it changed while it was being sent, so what arrived is neither its old content nor "
        "its new one",
        remedy="log it again when nothing writes to it, or log a copy",
    )
    return errors.bad_request(message)
