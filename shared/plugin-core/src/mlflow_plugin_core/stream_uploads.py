"""Uploads straight from a stream, for `mlflow server --serve-artifacts`.

The server asks by isinstance which of MLflow's optional mixins a repository has, so a plugin
inherits `StreamUploads` only when its service can take a stream of unknown length.
"""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, BinaryIO

from mlflow_plugin_core import artifact_paths

try:
    from mlflow.store.artifact.artifact_repo import StreamUploadMixin
except ImportError:  # MLflow before 3.17: its server writes a temporary file and logs that

    class StreamUploadMixin:  # type: ignore[no-redef]
        """Stands in where MLflow has no such mixin."""


if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator
    from concurrent.futures import Future

    from mlflow_plugin_core.blob_store import BlobStore


class StreamUploads(StreamUploadMixin):
    """Adds both stream methods to a `BlobArtifactRepository`; name it before the repository."""

    _store: BlobStore

    def log_artifact_from_stream(
        self, stream: BinaryIO, artifact_file_name: str, artifact_path: str | None = None
    ) -> None:
        """Store what a blocking stream yields; nothing is visible until the stream has ended."""
        self._store.put_stream(stream, _target(artifact_file_name, artifact_path))

    async def log_artifact_from_async_stream(
        self,
        chunks: AsyncIterable[bytes],
        artifact_file_name: str,
        artifact_path: str | None = None,
    ) -> None:
        """Store what an asynchronous stream yields, without blocking its event loop."""
        path = _target(artifact_file_name, artifact_path)
        reader = _AsyncReader(chunks, asyncio.get_running_loop())
        try:
            await asyncio.to_thread(self._store.put_stream, io.BufferedReader(reader), path)
        except asyncio.CancelledError:
            # A client that went away cancels the request: the thread must see an error rather
            # than an end of file, or half an artifact would be stored as a whole one.
            reader.cancel()
            raise


class _AsyncReader(io.RawIOBase):
    """A blocking file object over an asynchronous iterator that lives in an event loop."""

    def __init__(self, chunks: AsyncIterable[bytes], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._chunks: AsyncIterator[bytes] = aiter(chunks)
        self._loop = loop
        self._rest = memoryview(b"")
        self._next: Future[bytes | None] | None = None
        self._cancelled = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            chunk = self._fetch()
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def cancel(self) -> None:
        self._cancelled = True
        if self._next is not None:
            self._next.cancel()

    def _fetch(self) -> bytes | None:
        if self._cancelled:
            message = "The upload was cancelled before its stream ended."
            raise ConnectionAbortedError(message)
        self._next = asyncio.run_coroutine_threadsafe(self._advance(), self._loop)
        return self._next.result()

    async def _advance(self) -> bytes | None:
        # StopAsyncIteration cannot cross a future, so the end is None.
        return await anext(self._chunks, None)


def _target(artifact_file_name: str, artifact_path: str | None) -> str:
    folder = artifact_paths.normalize(artifact_path)
    name = artifact_paths.name(artifact_paths.normalize(artifact_file_name))
    return artifact_paths.normalize(artifact_paths.join(folder, name))
