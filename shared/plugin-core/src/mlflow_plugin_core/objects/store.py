"""`ObjectStore`: a whole `BlobStore` on top of an `ObjectClient`.

    store = ObjectStore(client, settings, root="team/run/artifacts", location="s3+https://…")

A plugin that can do better for many small files overrides two methods, which get whole batches of
files that fit in one request (at most `small_bytes` each):

    class FastStore(ObjectStore):
        small_files = 10_000     # at most so many in one batch
        small_requests = 16      # so many requests a batch makes at once; counts against `workers`

        def _put_small(self, batch: Sequence[Upload], crew: Crew) -> None: ...
        def _get_small(self, batch: Sequence[Download], crew: Crew) -> None: ...

Each is called in a worker thread. It tells `crew.report(count)` as files end, makes requests by
`crew.calls.request` (or asks `crew.calls.stop` and `crew.calls.translated` itself), and raises
`transfer.SeveralFailedError` with the paths that failed.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from mlflow_plugin_core import errors, transfer
from mlflow_plugin_core.blob_store import Blob, BlobStore
from mlflow_plugin_core.objects import deletes, downloads, listing, plan, streams, uploads
from mlflow_plugin_core.objects.calls import Calls, StoppedError
from mlflow_plugin_core.objects.client import ObjectInfo
from mlflow_plugin_core.objects.crew import Crew, Job
from mlflow_plugin_core.objects.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from mlflow_plugin_core.blob_store import Download, Upload
    from mlflow_plugin_core.objects.client import ObjectClient, PendingUpload
    from mlflow_plugin_core.objects.settings import TransferSettings

T = TypeVar("T")


class ObjectStore(BlobStore):
    """Artifacts as objects below one prefix; thread-safe, and cheap to make.

    A path that is an object and also a prefix (`a` and `a/b`, which other programs can store) is a
    file for `stat`, and `list_folder` shows both. Downloading the folder that holds both is an
    error, since no local folder can; each can be downloaded alone.

    Attributes:
        client: The bucket.
        settings: The plugin's settings.
        location: For messages; redacted in them.
        keys: The keys of the root.
        calls: Repeats and translates requests of the client.
        small_files: Small files in one batch at most, see the module.
        small_requests: Requests that a batch makes at once.
    """

    small_files: int = 16
    small_requests: int = 1

    def __init__(
        self, client: ObjectClient, settings: TransferSettings, *, root: str, location: str
    ) -> None:
        """Make no request.

        Args:
            client: The bucket.
            settings: How much at once, and how long.
            root: Prefix of all keys, without slashes at its ends; "" for the whole bucket.
            location: What messages call it.
        """
        self.client = client
        self.settings = settings
        self.location = location
        self.workers = settings.workers
        self.keys = Keys(root, client.limits.max_key_bytes)
        self.calls = Calls(client, settings.retry_timeout, location)
        #: Up to what size a file is small: all workers together may hold one each.
        self.small_bytes = plan.small_bytes(
            settings.part_size, settings.memory, settings.workers, client.limits
        )

    def head(self, path: str) -> ObjectInfo | None:
        """Describe the object of a path with its digests; None if there is none."""
        key = self.keys.key(path)
        return self.calls.request(lambda: self.client.head(key), f"Cannot look up {path!r}")

    def stat(self, path: str) -> Blob | None:
        """Describe one path: the object, or else the folder that other keys make of it."""
        if not path:
            return Blob("", is_folder=True)
        info = self.head(path)
        if info is not None:
            return Blob(path, info.size, handle=info)
        prefix = self.keys.prefix(path)
        page = self.calls.request(
            lambda: self.client.list_page(prefix, folded=False, limit=1),
            f"Cannot look up {path!r}",
        )
        return Blob(path, is_folder=True) if page.objects or page.prefixes else None

    def list_folder(self, path: str) -> Iterator[Blob]:
        """Yield one level, page by page."""
        return listing.one_level(self.calls, self.keys, path)

    def list_all(self, path: str) -> Iterator[Blob]:
        """Yield everything below a folder by one flat listing, a page at a time."""
        return listing.all_levels(self.calls, self.keys, path)

    def put_file(self, source: Path, path: str) -> None:
        """Store a local file: in one request, or in parts that are sent in parallel."""
        key = self.keys.key(path)
        if uploads.state_of(source).st_size <= self.small_bytes:
            uploads.put_small(self.calls, source, key, path, most=self.small_bytes)
            return
        with self._crew() as crew:
            crew.add(uploads.FileUpload(crew, self.settings, source, key, path).job())

    def put_stream(self, stream: BinaryIO, path: str) -> None:
        """Store what a stream yields; nothing is visible before its end."""
        streams.put_stream(self.calls, self.settings, stream, self.keys.key(path), path)

    def put_many(self, uploads_: Iterable[Upload], on_done: Callable[[int], None]) -> None:
        """Store many files in bounded threads and memory, large ones in parts beside small ones."""
        small: list[Upload] = []
        large: list[Upload] = []
        for upload in uploads_:
            self.keys.key(upload.path)  # too long a name must not leave half a folder behind
            plan.part_bytes(upload.size, self.settings.part_size, self.client.limits)
            (small if upload.size <= self.small_bytes else large).append(upload)
        with self._crew(on_done) as crew:
            crew.run(
                uploads.FileUpload(
                    crew, self.settings, item.source, self.keys.key(item.path), item.path
                ).job()
                for item in large
            )
            crew.run(
                self._small_job(batch, max(item.size for item in batch), crew, self._put_small)
                for batch in self._batches(small)
            )

    def _put_small(self, batch: Sequence[Upload], crew: Crew) -> None:
        """Store small files, one after another; override it where the service has something better."""

        def put(item: Upload) -> None:
            key = self.keys.key(item.path)
            uploads.put_small(crew.calls, item.source, key, item.path, most=self.small_bytes)

        _one_by_one(batch, put, lambda item: item.path, crew)

    def get_file(self, blob: Blob, destination: Path) -> None:
        """Fetch a file, by ranges in parallel where it is large."""
        info = self._info(blob)
        if info.size <= self.small_bytes:
            downloads.get_small(self.calls, info, destination, blob.path)
            return
        with self._crew() as crew:
            crew.add(
                downloads.FileDownload(crew, self.settings, info, destination, blob.path).job()
            )

    def get_many(self, downloads_: Iterable[Download], on_done: Callable[[int], None]) -> None:
        """Fetch many files in bounded threads and memory, large ones by ranges beside small ones."""
        small: list[Download] = []
        large: list[Download] = []
        for item in downloads_:
            is_small = (item.blob.size or 0) <= self.small_bytes
            (small if is_small else large).append(item)
        with self._crew(on_done) as crew:
            crew.run(
                downloads.FileDownload(
                    crew, self.settings, self._info(item.blob), item.destination, item.blob.path
                ).job()
                for item in large
            )
            crew.run(
                self._small_job(
                    batch, max(item.blob.size or 0 for item in batch), crew, self._get_small
                )
                for batch in self._batches(small)
            )

    def _get_small(self, batch: Sequence[Download], crew: Crew) -> None:
        """Fetch small files, one after another; override it where the service has something better."""

        def get(item: Download) -> None:
            info = self._info(item.blob)
            downloads.get_small(crew.calls, info, item.destination, item.blob.path)

        _one_by_one(batch, get, lambda item: item.blob.path, crew)

    def get_range(self, path: str, start: int, length: int) -> bytes:
        """Read a range of a file."""
        info = self._found(path)
        piece = plan.Piece(1, min(start, info.size), max(0, min(length, info.size - start)))
        data = bytearray()
        downloads.read_range(
            self.calls, info, piece, lambda _at, chunk: data.extend(chunk), f"Cannot read {path!r}"
        )
        return bytes(data)

    def delete(self, path: str) -> None:
        """Delete one object."""
        key = self.keys.key(path)
        self.calls.request(lambda: self.client.delete(key), f"Cannot delete {path!r}")

    def delete_many(self, blobs: Iterable[Blob]) -> None:
        """Delete objects in batches while they are still being listed; folders are no objects."""
        self._delete_keys(self.keys.key(blob.path) for blob in blobs if not blob.is_folder)

    def delete_all(self, path: str) -> None:
        """Delete a file, or everything below a folder while it is being listed.

        Markers that consoles make, and keys that are no artifact paths, go with their folder.
        """
        if path and self.head(path) is not None:
            self.delete(path)
            return
        prefix = self.keys.prefix(path)
        if not self.keys.holds(prefix):
            return
        # Services that keep folders (SeaweedFS) leave a marker as long as there is something in it.
        markers: list[str] = []

        def files() -> Iterator[str]:
            for key in deletes.keys_below(self.calls, prefix, f"Cannot list {path!r}"):
                if key.endswith("/"):
                    markers.append(key)
                else:
                    yield key

        self._delete_keys(files())
        self._delete_keys(reversed(markers))

    def _delete_keys(self, keys: Iterable[str]) -> None:
        deletes.delete_keys(self.calls, keys, root=self.keys.prefix(""), workers=self.workers)

    def pending_uploads(self, older_than: dt.timedelta = dt.timedelta(0)) -> list[PendingUpload]:
        """List the uploads in parts below the root that were begun so long ago and are unfinished.

        They hold what arrived, and the service bills it, though no listing shows it.
        """
        limit = dt.datetime.now(dt.timezone.utc) - older_than
        prefix = self.keys.prefix("")
        found = self.calls.request(
            lambda: list(self.client.list_uploads(prefix)), "Cannot list unfinished uploads"
        )
        return [upload for upload in found if upload.initiated <= limit]

    def clean(self, older_than: dt.timedelta) -> list[PendingUpload]:
        """Abort the uploads that `pending_uploads` lists, and return them.

        Raises:
            MlflowException: Those that could not be aborted, by key; all others are.
        """
        pending = self.pending_uploads(older_than)
        deletes.abort_uploads(self.calls, pending, workers=self.workers)
        return pending

    def _info(self, blob: Blob) -> ObjectInfo:
        return blob.handle if isinstance(blob.handle, ObjectInfo) else self._found(blob.path)

    def _found(self, path: str) -> ObjectInfo:
        info = self.head(path)
        if info is None:
            message = errors.explain(f"No such artifact: '{path}'", location=self.location)
            raise errors.not_found(message)
        return info

    def _crew(self, on_done: Callable[[int], None] = lambda _count: None) -> Crew:
        return Crew(
            self.calls.for_transfer(),
            workers=self.workers,
            memory=self.settings.memory,
            on_done=on_done,
        )

    def _batches(self, items: list[T]) -> Iterator[list[T]]:
        parallel = max(1, self.workers // self.small_requests)
        count = self.small_files
        if parallel > 1:
            count = plan.batch_files(len(items), parallel, count)
        for start in range(0, len(items), count):
            yield items[start : start + count]

    def _small_job(
        self,
        batch: Sequence[T],
        largest: int,
        crew: Crew,
        function: Callable[[Sequence[T], Crew], None],
    ) -> Job:
        requests = min(self.small_requests, self.workers)
        return Job(
            f"{len(batch)} small file(s)",
            lambda: function(batch, crew),
            cost=requests * largest,
            requests=requests,
        )


def _one_by_one(
    batch: Sequence[T], function: Callable[[T], None], name: Callable[[T], str], crew: Crew
) -> None:
    done = 0
    try:
        for item in batch:
            try:
                function(item)
            except StoppedError:
                raise
            except Exception as error:
                raise transfer.SeveralFailedError([(name(item), error)]) from error
            done += 1
    finally:
        crew.report(done)  # once for all of them: each report wakes the coordinator
