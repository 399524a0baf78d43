"""What an artifact service can do, as verbs: the contract between a plugin's store and the core.

A plugin writes one subclass of `BlobStore` bound to one artifact root and gets a whole MLflow
artifact repository from `mlflow_plugin_core.artifacts.BlobArtifactRepository`:

    class FolderStore(BlobStore):
        workers = 4

        def __init__(self, root: Path) -> None:
            self.root = root

        def stat(self, path: str) -> Blob | None: ...
        def list_folder(self, path: str) -> Iterable[Blob]: ...
        def put_file(self, source: Path, path: str) -> None: ...
        def put_stream(self, stream: BinaryIO, path: str) -> None: ...
        def get_file(self, blob: Blob, destination: Path) -> None: ...
        def get_range(self, path: str, start: int, length: int) -> bytes: ...
        def delete(self, path: str) -> None: ...

Every path is what `artifact_paths.normalize` returns: POSIX, relative, "" for the root. A store
raises `MlflowException` with the right error code (see `errors.py`) and repeats by itself what is
safe to repeat (see `retries.py`).
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Blob:
    """One entry of a listing.

    Attributes:
        path: Path relative to the artifact root.
        size: Bytes; None for a folder.
        is_folder: Whether it is a folder.
        handle: Whatever the store wants back in `get_file`, so that it need not look it up again.
    """

    path: str
    size: int | None = None
    is_folder: bool = False
    handle: object = field(default=None, repr=False, compare=False)


class Upload(NamedTuple):
    """One local file on its way in.

    Attributes:
        source: The local file.
        path: Where it lands, relative to the artifact root.
        size: Bytes when the upload was planned; the file may have changed since.
    """

    source: Path
    path: str
    size: int


class Download(NamedTuple):
    """One blob on its way out, to a destination that was checked already."""

    blob: Blob
    destination: Path


class BlobStore(Protocol):
    """Verbs of an artifact service below one root; thread-safe.

    Attributes:
        workers: How many transfers may run at once; the bound of threads and of memory.
    """

    workers: int

    @abstractmethod
    def stat(self, path: str) -> Blob | None:
        """Describe one path, or None if nothing is there."""

    @abstractmethod
    def list_folder(self, path: str) -> Iterable[Blob]:
        """List one level; nothing for a file or for a path that is not there."""

    @abstractmethod
    def put_file(self, source: Path, path: str) -> None:
        """Store a local file; readers see the old content or the new, never a mix."""

    @abstractmethod
    def put_stream(self, stream: BinaryIO, path: str) -> None:
        """Store what a stream yields until its end, holding only a few parts of it in memory."""

    @abstractmethod
    def get_file(self, blob: Blob, destination: Path) -> None:
        """Fetch a file, verify its size and digest, and move it into place at the end."""

    @abstractmethod
    def get_range(self, path: str, start: int, length: int) -> bytes:
        """Read `length` bytes from byte `start`; fewer at the end of the file."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Delete one file; succeeds when nothing is there."""

    def delete_root(self) -> None:
        """Remove what is left of a root that was emptied; most services have no folders to remove."""
        return  # a protocol's method of a docstring alone counts as abstract

    def delete_all(self, path: str) -> None:
        """Delete a file, a folder with all it holds, or everything for ""; nothing there is fine.

        Override it where a service can do so with fewer requests.
        """
        if path:
            blob = self.stat(path)
            if blob is None:
                return
            if not blob.is_folder:
                self.delete(path)
                return
        self.delete_many(self._with_all_below(path))
        if not path:
            self.delete_root()

    def _with_all_below(self, path: str) -> Iterator[Blob]:
        yield from self.list_all(path)
        if path:
            yield Blob(path, is_folder=True)

    def list_all(self, path: str) -> Iterator[Blob]:
        """Yield every entry below a folder, a folder before what it holds."""
        for blob in self.list_folder(path):
            yield blob
            if blob.is_folder:
                yield from self.list_all(blob.path)

    def put_many(self, uploads: Iterable[Upload], on_done: Callable[[int], None]) -> None:
        """Store many files; `on_done` is told how many just ended. Override for batches."""
        from mlflow_plugin_core import transfer

        def put(upload: Upload) -> None:
            self.put_file(upload.source, upload.path)

        transfer.run_all(
            put,
            uploads,
            workers=self.workers,
            describe=lambda upload: upload.path,
            on_done=lambda _upload, _result: on_done(1),
        )

    def get_many(self, downloads: Iterable[Download], on_done: Callable[[int], None]) -> None:
        """Fetch many files; `on_done` is told how many just ended. Override for batches."""
        from mlflow_plugin_core import transfer

        def get(download: Download) -> None:
            self.get_file(download.blob, download.destination)

        transfer.run_all(
            get,
            downloads,
            workers=self.workers,
            describe=lambda download: download.blob.path,
            on_done=lambda _download, _result: on_done(1),
        )

    def delete_many(self, blobs: Iterable[Blob]) -> None:
        """Delete files (and folders where the service has them). Override for batches."""
        from mlflow_plugin_core import transfer

        transfer.run_all(
            lambda blob: self.delete(blob.path),
            (blob for blob in blobs if not blob.is_folder),
            workers=self.workers,
            describe=lambda blob: blob.path,
        )
