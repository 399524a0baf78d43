"""`SqlBlobStore`: the verbs of `BlobStore`, on one database and below one artifact root."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from mlflow.exceptions import MlflowException

from mlflow_plugin_core import artifact_paths, errors, transfer
from mlflow_plugin_core.blob_store import Blob, BlobStore
from mlflow_sqlserver_artifacts import deletes, downloads, listing, statements, uploads
from mlflow_sqlserver_artifacts.chunking import make_chunk, summarize
from mlflow_sqlserver_artifacts.database import Database
from mlflow_sqlserver_artifacts.downloads import StoredFile
from mlflow_sqlserver_artifacts.keys import new_content_id, path_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Connection, Row

    from mlflow_plugin_core.blob_store import Download, Upload
    from mlflow_sqlserver_artifacts.client import Target

Failure = tuple[str, Exception]

# Files in one transaction: more would only make a repetition after an error dearer.
_GROUP_FILES = 1_000


class _Group(NamedTuple):
    """Small files that share one transaction, or one file that has its own."""

    uploads: Sequence[Upload]
    is_small: bool

    def __str__(self) -> str:
        first = self.uploads[0].path
        more = len(self.uploads) - 1
        return f"{first} and {more} more" if more else first


class SqlBlobStore(BlobStore):
    """Artifacts as chunked BLOBs; thread-safe, and cheap to make: the engine lives elsewhere."""

    def __init__(self, target: Target) -> None:
        self._database = Database(target)
        self._root = target.location.root
        self._chunk_size = target.settings.chunk_size
        # SQLite has one writer at a time: more threads would only wait for each other.
        self.workers = 1 if target.location.dialect == "sqlite" else target.settings.workers
        self._readers = target.settings.workers

    @property
    def database(self) -> Database:
        """The database below this store, for the operator's commands."""
        return self._database

    def _absolute(self, path: str) -> str:
        return artifact_paths.join(self._root, path) if path else self._root

    def _relative(self, path: str) -> str:
        return path[len(self._root) + 1 :] if self._root else path

    def _blob(self, row: Row[Any]) -> Blob:
        path = self._relative(row.path)
        if row.is_folder:
            return Blob(path, is_folder=True)
        return Blob(path, row.size, handle=downloads.stored_file(row))

    def stat(self, path: str) -> Blob | None:
        """Describe one path by one read of its key."""
        key = path_key(self._absolute(path))

        def step(connection: Connection) -> Blob | None:
            row = connection.execute(statements.find_entries([key])).first()
            return None if row is None else self._blob(row)

        return self._database.read(step, what=f"Cannot look up {path!r}", missing=None)

    def list_folder(self, path: str) -> Iterable[Blob]:
        """List one level."""
        return [self._blob(row) for row in listing.children(self._database, [self._absolute(path)])]

    def list_all(self, path: str) -> Iterator[Blob]:
        """Yield everything below a folder, one statement a level and 500 folders."""
        for row in listing.descendants(self._database, self._absolute(path)):
            yield self._blob(row)

    def put_file(self, source: Path, path: str) -> None:
        """Store a local file chunk by chunk."""
        try:
            with source.open("rb", buffering=0) as stream:
                uploads.store_stream(
                    self._database, stream, self._absolute(path), self._chunk_size, source=source
                )
        except OSError as error:
            raise _unreadable(source, path, error) from error

    def put_stream(self, stream: BinaryIO, path: str) -> None:
        """Store a stream; what the path held stays readable until the stream has ended."""
        uploads.store_stream(self._database, stream, self._absolute(path), self._chunk_size)

    def put_many(self, planned: Iterable[Upload], on_done: Callable[[int], None]) -> None:
        """Store many files: small ones a few MiB to a transaction, large ones as streams."""
        paths: list[str] = []
        replaced: list[bytes] = []

        def put(group: _Group) -> None:
            if group.is_small:
                stored, contents, failures = self._put_small(group)
                paths.extend(stored)
                replaced.extend(contents)
                if failures:
                    raise transfer.SeveralFailedError(failures)
            else:
                self.put_file(group.uploads[0].source, group.uploads[0].path)

        try:
            transfer.run_all(
                put,
                self._plan(planned),
                workers=self.workers,
                on_done=lambda group, _: on_done(len(group.uploads)),
            )
        finally:
            # Once for all of them: a look at the folders after each transaction would double the
            # round trips. After an error too, for what is there.
            uploads.settle(self._database, paths, replaced)

    def _plan(self, uploads: Iterable[Upload]) -> Iterator[_Group]:
        small: list[Upload] = []
        for upload in uploads:
            if upload.size > self._chunk_size:
                yield _Group([upload], is_small=False)
            else:
                small.append(upload)
        limit = self._database.limits.bytes
        for batch in transfer.batched(
            small, max_items=_GROUP_FILES, max_bytes=limit, size=lambda upload: upload.size
        ):
            yield _Group(batch, is_small=True)

    def _put_small(self, group: _Group) -> tuple[list[str], list[bytes], list[Failure]]:
        """Store small files in one transaction; one that cannot be read does not stop the others.

        Returns:
            The paths that were stored, the contents that they replaced and that still have to be
            removed, and what failed, by path.
        """
        new: list[uploads.NewFile] = []
        pieces = []
        failures: list[Failure] = []
        for upload in group.uploads:
            try:
                data = _read_small(upload, self._chunk_size)
                if data is None:
                    self.put_file(upload.source, upload.path)
                    continue
            except MlflowException as error:
                failures.append((upload.path, error))
                continue
            summary = summarize(data, self._chunk_size)
            new.append(uploads.NewFile(self._absolute(upload.path), new_content_id(), summary))
            if data:
                pieces.append(make_chunk(0, data))
        replaced: list[bytes] = []
        if new:
            what = f"Cannot store {group}"
            replaced = uploads.store_small(self._database, new, pieces, what=what)
        return [file.path for file in new], replaced, failures

    def get_file(self, blob: Blob, destination: Path) -> None:
        """Fetch one file."""
        downloads.fetch_file(self._database, self._stored(blob), destination)

    def get_range(self, path: str, start: int, length: int) -> bytes:
        """Read a part of a file without the rest of it."""
        data = downloads.fetch_range(self._database, self._absolute(path), start, length)
        if data is None:
            raise errors.not_found(f"No such artifact: '{path}'")
        return data

    def get_many(self, downloads_: Iterable[Download], on_done: Callable[[int], None]) -> None:
        """Fetch many files: small ones a few MiB to a statement, large ones chunk by chunk."""
        small: list[Download] = []
        large: list[list[Download]] = []
        for download in downloads_:
            if 0 < self._stored(download.blob).chunks <= 1:
                small.append(download)
            else:
                large.append([download])
        batches = transfer.batched(
            small,
            max_items=_GROUP_FILES,
            max_bytes=self._database.limits.bytes,
            size=lambda download: download.blob.size or 0,
        )
        transfer.run_all(
            self._get_group,
            [*large, *batches],
            workers=self._readers,
            describe=lambda group: group[0].blob.path,
            on_done=lambda group, _result: on_done(len(group)),
        )

    def _get_group(self, group: Sequence[Download]) -> None:
        wanted = [(self._stored(item.blob), item.destination) for item in group]
        failures: list[Failure] = []
        if len(wanted) > 1:
            wanted, failures = downloads.fetch_small(self._database, wanted)
        for stored, destination in wanted:
            try:
                downloads.fetch_file(self._database, stored, destination)
            except (MlflowException, OSError) as error:
                failures.append((stored.path, error))
        if failures:
            named = [(self._relative(path), error) for path, error in failures]
            raise transfer.SeveralFailedError(named)

    def _stored(self, blob: Blob) -> StoredFile:
        if isinstance(blob.handle, StoredFile):
            return blob.handle
        stored = downloads.find_file(self._database, self._absolute(blob.path))
        if stored is None:
            raise errors.not_found(f"No such artifact: '{blob.path}'")
        return stored

    def delete(self, path: str) -> None:
        """Delete one file."""
        deletes.delete_entries(
            self._database, [deletes.Doomed(self._absolute(path), is_folder=False)]
        )

    def delete_many(self, blobs: Iterable[Blob]) -> None:
        """Delete files in batches, and their folders after them."""
        doomed = [deletes.Doomed(self._absolute(blob.path), blob.is_folder) for blob in blobs]
        deletes.delete_entries(self._database, doomed)

    def delete_root(self) -> None:
        """Delete the folders of an emptied root: of a run that `mlflow gc` has removed."""
        deletes.delete_empty_root(self._database, self._root)


def _read_small(upload: Upload, limit: int) -> bytes | None:
    """Return the bytes of a file; None where it has grown beyond one chunk since the plan."""
    try:
        with upload.source.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise _unreadable(upload.source, upload.path, error) from error
    return data if len(data) <= limit else None


def _unreadable(source: Path, path: str, error: OSError) -> MlflowException:
    message = errors.explain(
        f"Cannot read {str(source)!r} for {path!r}",
        why=error.strerror,
        remedy="it has to stay until it is logged",
    )
    return errors.not_found(message, cause=error)
