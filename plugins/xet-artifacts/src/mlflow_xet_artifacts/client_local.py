"""Every call to hf_xet's local store, and nothing else. Its caller holds the store's lock."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import hf_xet  # type: ignore[import-untyped]

from mlflow_xet_artifacts import file_memory
from mlflow_xet_artifacts.file_index import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

# A file up to this size goes to hf_xet as one piece, and hf_xet works on several of them at once.
_WHOLE = 8 << 20
# A download asks for so much at once: hf_xet's own look-ahead is of the size of the whole file.
_WINDOW = 32 << 20
_PAUSE = 0.002
_OPENING = 30.0

_guard = threading.Lock()
_sessions: dict[int, hf_xet.XetSession] = {}


class Source:
    """A content on its way in: its size as planned, and its bytes block by block."""

    def __init__(self, size: int, blocks: Iterator[bytes]) -> None:
        self.size = size
        self.blocks = blocks


class Upload:
    """Several contents in one commit of hf_xet: none of them counts before its end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._commit: Any = None
        self._fed = 0

    def progress(self) -> object:
        """Return what differs while the upload goes on."""
        commit = self._commit
        done = commit.progress() if commit is not None else None
        return self._fed, done and (done.total_bytes_completed, done.total_transfer_bytes_completed)

    def cancel(self) -> None:
        """Stop as soon as possible."""
        if (commit := self._commit) is not None:
            commit.abort()

    def run(self, sources: Iterable[Source]) -> list[Part]:
        """Store contents; what is stored at once is held in memory, up to three times 64 MiB of it.

        Returns:
            By what each of them is found again, in their order.
        """
        try:
            with _opened(_session().new_upload_commit, self._folder) as self._commit:
                handles = [self._feed(source) for source in sources]
            return [Part(info.hash, info.file_size) for info in (take() for take in handles)]
        finally:
            self._commit = None

    def _feed(self, source: Source) -> Callable[[], Any]:
        if source.size <= _WHOLE:
            data = b"".join(source.blocks)
            upload = self._commit.start_upload_bytes(data, sha256=hf_xet.SKIP_SHA256)
            self._fed += len(data)
            return lambda: upload.result().xet_info
        stream = self._commit.start_upload_stream(sha256=hf_xet.SKIP_SHA256)
        for block in source.blocks:
            stream.write(block)
            self._fed += len(block)
        info = stream.finish().xet_info
        return lambda: info


class Reading:
    """Several contents read from one opening of hf_xet's store; thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._group: Any = None
        self._read = 0

    def progress(self) -> object:
        """Return what differs while bytes come."""
        return self._read

    def cancel(self) -> None:
        """Stop what is being read: a stream itself refuses to be stopped while it is waited for."""
        if (group := self._group) is not None:
            group.abort()

    @contextmanager
    def opened(self) -> Iterator[Callable[[Part, int, int], Iterator[bytes]]]:
        """Yield the function that reads bytes `start` to `end` of a part, as far as there are any."""
        try:
            with _opened(_session().new_download_stream_group, self._folder) as self._group:
                yield self._blocks
        finally:
            self._group = None

    def _blocks(self, part: Part, start: int, end: int) -> Iterator[bytes]:
        info = hf_xet.XetFileInfo(part.hash, part.size)
        for low in range(start, end, _WINDOW):
            high = min(end, low + _WINDOW)
            for block in self._group.download_stream(info, start=low, end=high):
                self._read += len(block)
                yield block


@contextmanager
def _opened(make: Callable[..., Any], folder: Path) -> Iterator[Any]:
    """Open hf_xet's store, and see that nothing here keeps it open afterwards.

    A commit or group that ended by an error is closed when the last reference to it goes: another
    process that opens the store meanwhile is told that it is open already, and tries again.
    """
    deadline = time.monotonic() + _OPENING
    while True:
        try:
            found = make(endpoint=f"local://{folder}")
            break
        except RuntimeError as error:
            if "already open" not in str(error) or time.monotonic() >= deadline:
                raise
        time.sleep(_PAUSE)
    with file_memory.giving_back(), found:
        yield found


def _session() -> hf_xet.XetSession:
    """Return this process's session: one that was made before a fork has lost its threads."""
    with _guard:
        found = _sessions.get(os.getpid())
        if found is None:
            found = hf_xet.XetSession(config())
            _sessions[os.getpid()] = found
        return found


def config() -> hf_xet.XetConfig:
    """Return hf_xet's configuration: bounded buffers, and what the user's environment says."""
    found = hf_xet.XetConfig()
    wanted = file_memory.bounds(known=found.keys(), environ=os.environ)
    return found.with_config(wanted)


def _reset_after_fork() -> None:
    global _guard  # noqa: PLW0603  # another thread of the parent may have held it
    _guard = threading.Lock()


os.register_at_fork(after_in_child=_reset_after_fork)

__all__ = ["Reading", "Source", "Upload", "config"]
