"""`XetFileStore`: the verbs of `BlobStore`, on one local store and below one artifact root."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from mlflow_plugin_core import artifact_paths, errors, transfer
from mlflow_plugin_core.blob_store import Blob, BlobStore
from mlflow_xet_artifacts import file_batches, file_downloads, file_index, file_uploads
from mlflow_xet_artifacts.file_index import Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from mlflow_plugin_core.blob_store import Download, Upload
    from mlflow_xet_artifacts.file_database import FileDatabase
    from mlflow_xet_artifacts.file_downloads import Wanted
    from mlflow_xet_artifacts.file_index import Entry

# One opening of the chunk store for so many files: others may use it between two of them.
_GROUP_FILES, _GROUP_BYTES = 500, 256 << 20


class XetFileStore(BlobStore):
    """Artifacts in a local folder that keeps each chunk once; thread-safe, opens nothing itself."""

    def __init__(self, database: FileDatabase, root: str) -> None:
        self.database = database
        self.workers = database.settings.workers
        self.root = root

    def stat(self, path: str) -> Blob | None:
        """Describe one path."""
        entry = self._find(path)
        return None if entry is None else self._blob(entry)

    def list_folder(self, path: str) -> Iterable[Blob]:
        """List one level."""
        if not self.database.exists():
            return []
        with self.database.reading() as connection:
            found = list(file_index.children(connection, self._absolute(path)))
        return [self._blob(entry) for entry in found]

    def list_all(self, path: str) -> Iterator[Blob]:
        """Yield everything below a folder, a folder before what it holds, as of one moment."""
        if not self.database.exists():
            return
        with self.database.reading() as connection:
            found = list(file_index.below(connection, self._absolute(path)))
        seen: set[str] = set()
        for entry in found:
            blob = self._blob(entry)
            for folder in artifact_paths.ancestors(blob.path):
                if folder not in seen and len(folder) > len(path):
                    seen.add(folder)
                    yield Blob(folder, is_folder=True)
            yield blob

    def put_file(self, source: Path, path: str) -> None:
        """Store a local file."""
        file_uploads.store_file(self.database, source, self._absolute(path))

    def put_stream(self, stream: BinaryIO, path: str) -> None:
        """Store a stream; what the path held stays readable until the stream has ended."""
        file_uploads.store_stream(self.database, stream, self._absolute(path))

    def put_many(self, uploads: Iterable[Upload], on_done: Callable[[int], None]) -> None:
        """Store many files in batches."""
        absolute = (each._replace(path=self._absolute(each.path)) for each in uploads)
        file_batches.store_many(self.database, absolute, on_done)

    def get_file(self, blob: Blob, destination: Path) -> None:
        """Fetch one file."""
        file_downloads.fetch(self.database, blob.path, self._stored(blob), destination)

    def get_range(self, path: str, start: int, length: int) -> bytes:
        """Read a part of a file without the rest of it."""
        stored = self._stored(Blob(path))
        return file_downloads.fetch_range(self.database, path, stored, start, length)

    def get_many(self, downloads: Iterable[Download], on_done: Callable[[int], None]) -> None:
        """Fetch many files in groups."""
        wanted: list[Wanted] = [
            (each.blob.path, self._stored(each.blob), each.destination) for each in downloads
        ]
        transfer.run_all(
            self._get_group,
            _groups(wanted),
            workers=1,
            describe=lambda group: group[0][0],
            on_done=lambda group, _: on_done(len(group)),
        )

    def _get_group(self, group: list[Wanted]) -> None:
        if group[0][1].is_small:
            file_downloads.fetch_small(self.database, group)
        elif len(group) == 1:
            file_downloads.fetch(self.database, *group[0])
        else:
            file_downloads.fetch_several(self.database, group, self.workers)

    def delete(self, path: str) -> None:
        """Delete one file: from the index only, its chunks stay until `gc`."""
        self._remove([self._absolute(path)])

    def delete_many(self, blobs: Iterable[Blob]) -> None:
        """Delete files in one transaction; folders are what lies below them."""
        self._remove([self._absolute(blob.path) for blob in blobs if not blob.is_folder])

    def _remove(self, paths: list[str]) -> None:
        if paths and self.database.exists():
            with self.database.writing() as connection:
                file_index.remove(connection, paths)

    def _find(self, path: str) -> Entry | None:
        if not self.database.exists():
            return None
        with self.database.reading() as connection:
            return file_index.find(connection, self._absolute(path))

    def _stored(self, blob: Blob) -> Stored:
        if isinstance(blob.handle, Stored):
            return blob.handle
        entry = self._find(blob.path)
        if entry is None or entry.stored is None:
            raise errors.not_found(f"No such artifact: '{blob.path}'")
        return entry.stored

    def _absolute(self, path: str) -> str:
        return artifact_paths.join(self.root, path)

    def _blob(self, entry: Entry) -> Blob:
        path = entry.path[len(self.root) + 1 :] if self.root else entry.path
        if entry.stored is None:
            return Blob(path, is_folder=True)
        return Blob(path, entry.stored.size, handle=entry.stored)


def _groups(wanted: list[Wanted]) -> Iterator[list[Wanted]]:
    for is_small in (True, False):
        yield from transfer.batched(
            (each for each in wanted if each[1].is_small is is_small),
            max_items=_GROUP_FILES,
            max_bytes=_GROUP_BYTES,
            size=lambda each: each[1].size,
        )
