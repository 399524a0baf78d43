"""The store of a repository: files in the tree of a branch, changed by commits."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, BinaryIO

from mlflow_plugin_core import artifact_paths, errors, notices, transfer
from mlflow_plugin_core.blob_store import Blob, BlobStore, Upload
from mlflow_xet_artifacts import hub_calls, hub_downloads, hub_errors, hub_streams, hub_uploads
from mlflow_xet_artifacts.client_hub import (
    PATHS_AT_ONCE,
    Entry,
    EntryNotFoundError,
    HubClient,
    Link,
    RevisionNotFoundError,
)
from mlflow_xet_artifacts.hub_commits import Committer, committer_of
from mlflow_xet_artifacts.hub_messages import Note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from mlflow_plugin_core.blob_store import Download

_logger = logging.getLogger(__name__)
# Made by the Hub with the repository, and no artifact: it says what is kept beside Git.
ATTRIBUTES = ".gitattributes"
_DELETE_ATTEMPTS = 5


class HubStore(BlobStore):
    """Artifacts below one folder of a branch."""

    def __init__(self, client: HubClient) -> None:
        self.client = client
        self.workers = client.settings.workers
        self._root = client.place.root

    @property
    def _committer(self) -> Committer:
        # Asked for each time: a store that was opened before a fork is used in the child, too.
        return committer_of(self.client)

    def stat(self, path: str) -> Blob | None:
        """Describe one path, or return None if nothing is there."""
        wanted = self._absolute(path)
        found = self._look(f"Cannot look at {path!r}", lambda: self.client.paths([wanted]))
        # A path of the Hub is the one that was asked for; an empty answer says that none is there.
        return next((self._blob(entry) for entry in found if entry.path == wanted), None)

    def list_folder(self, path: str) -> Iterator[Blob]:
        """List one level, all pages of it."""
        wanted = self._absolute(path)
        found = self._look(f"Cannot list {path!r}", lambda: list(self.client.tree(wanted)))
        return (self._blob(entry) for entry in found if not self._is_hidden(entry.path))

    def list_all(self, path: str) -> Iterator[Blob]:
        """Yield every entry below a folder, a folder before what it holds."""
        wanted = self._absolute(path)
        found = self._look(
            f"Cannot list {path!r}", lambda: list(self.client.tree(wanted, recursive=True))
        )
        # By path a folder comes before what it holds, in whatever order the Hub lists them.
        for entry in sorted(found, key=lambda entry: entry.path.split("/")):
            if not self._is_hidden(entry.path):
                yield self._blob(entry)

    def put_file(self, source: Path, path: str) -> None:
        """Store a local file by a commit, which other calls may share."""
        files = self._below_root([Upload(source, path, size_of(source))])
        modes = hub_uploads.ask_modes(self.client, files)
        operations = hub_uploads.prepare(self.client, files, modes)
        note = self._note("Log", [path])
        what = f"Cannot store {path!r}"
        if self.client.settings.commit_window:
            self._attempt(what, lambda: self._committer.commit_later(self.client, operations, note))
        else:
            self._attempt(what, lambda: self._committer.commit(self.client, operations, note))

    def put_many(self, uploads: Iterable[Upload], on_done: Callable[[int], None]) -> None:
        """Store files by one commit, or by a few where there are many."""
        files = self._below_root(list(uploads))
        modes = hub_uploads.ask_modes(self.client, files)
        for batch in transfer.batched(
            files,
            max_items=self.client.settings.commit_files,
            max_bytes=hub_uploads.REGULAR_BYTES,
            # What goes beside Git is not in the request of the commit.
            size=lambda file: file.size if modes[file.path] != "lfs" else 0,
        ):
            operations = hub_uploads.prepare(self.client, batch, modes)
            note = Note("Log", (self._root,), tuple(file.path for file in batch))
            self._attempt(
                f"Cannot store {len(batch)} artifacts",
                lambda operations=operations, note=note: self._committer.commit(  # type: ignore[misc]
                    self.client, operations, note
                ),
            )
            on_done(len(batch))

    def put_stream(self, stream: BinaryIO, path: str) -> None:
        """Store what a stream yields, by way of a local file."""
        # The Hub wants to know size and beginning before it says where a file goes.
        with hub_streams.as_file(stream, path, self.client.place) as file:
            self.put_file(file, path)

    def get_file(self, blob: Blob, destination: Path) -> None:
        """Fetch one file."""
        hub_downloads.fetch(self.client, [(self._entry(blob), destination)])

    def get_many(self, downloads: Iterable[Download], on_done: Callable[[int], None]) -> None:
        """Fetch files in parallel."""
        wanted = [(self._entry(blob), destination) for blob, destination in downloads]
        hub_downloads.fetch(self.client, wanted, on_done)

    def get_range(self, path: str, start: int, length: int) -> bytes:
        """Read a part of a file."""
        blob = self.stat(path)
        if blob is None or blob.is_folder:
            message = errors.explain(f"No such artifact: {path!r}", location=self.client.place)
            raise errors.not_found(message)
        return hub_downloads.read(self.client, self._entry(blob), start, length)

    def delete(self, path: str) -> None:
        """Delete one file by a commit."""
        self._delete([path])

    def delete_many(self, blobs: Iterable[Blob]) -> None:
        """Delete files by one commit, or by a few where there are many."""
        # Git has no empty folders: they go with their last file.
        paths = [blob.path for blob in blobs if not blob.is_folder]
        size = self.client.settings.commit_files
        for start in range(0, len(paths), size):
            self._delete(paths[start : start + size])

    def link(self, path: str) -> Link | None:
        """Return an address of a file, or None where there is no such file."""
        self.flush()
        what = f"Cannot make an address to read {path!r}"
        try:
            return hub_calls.repeat(
                self.client, lambda: self.client.link(self._absolute(path)), what
            )
        except (EntryNotFoundError, RevisionNotFoundError):
            return None
        except Exception as error:
            raise hub_errors.translate(error, what, self.client) from error

    def flush(self) -> None:
        """Make the commits that wait for their window to end."""
        self._attempt("Cannot store artifacts", self._committer.flush)

    def _delete(self, paths: Sequence[str]) -> None:
        for path in paths:
            self._check_writable(path)
        notices.warn_once(
            "hub-history",
            "Deleted artifacts stay in the history of the repository on the Hub and take room "
            "there: deletion is a commit. To free it, squash the history of the branch "
            "(huggingface_hub.HfApi.super_squash_history) and delete the unreferenced files on the "
            "repository's settings page.",
            _logger,
        )
        what = f"Cannot delete {paths[0]!r}" + (f" and {len(paths) - 1} more" * (len(paths) > 1))
        self._attempt(what, lambda: self._commit_deletion(list(paths)))

    def _commit_deletion(self, paths: Sequence[str]) -> None:
        left = paths
        for _ in range(_DELETE_ATTEMPTS):
            operations = [
                {"key": "deletedFile", "value": {"path": self._absolute(path)}} for path in left
            ]
            try:
                self._committer.commit(self.client, operations, self._note("Delete", left))
            except RevisionNotFoundError:
                return
            except EntryNotFoundError:
                # Somebody else deleted one of them, or the answer to this very commit was lost.
                left = self._still_there(left)
                if left:
                    continue
            return
        message = errors.explain(
            f"Cannot delete {left[0]!r}",
            location=self.client.place,
            why="other writers delete in the same folder at the same time",
            remedy="delete it again",
        )
        raise errors.unavailable(message)

    def _still_there(self, paths: Sequence[str]) -> list[str]:
        found: list[str] = []
        for start in range(0, len(paths), PATHS_AT_ONCE):
            asked = {self._absolute(path): path for path in paths[start : start + PATHS_AT_ONCE]}
            entries = self.client.paths(list(asked))
            found += [asked[entry.path] for entry in entries if not entry.is_folder]
        return found

    def _below_root(self, uploads: Sequence[Upload]) -> list[Upload]:
        for upload in uploads:
            self._check_writable(upload.path)
        return [upload._replace(path=self._absolute(upload.path)) for upload in uploads]

    def _look(self, what: str, function: Callable[[], list[Entry]]) -> list[Entry]:
        self.flush()
        try:
            return hub_calls.repeat(self.client, function, what)
        except RevisionNotFoundError as error:
            if self.client.place.revision:
                raise hub_errors.translate(error, what, self.client) from error
            # The branch is made by the first commit.
            return []
        except Exception as error:
            raise hub_errors.translate(error, what, self.client) from error

    def _attempt(self, what: str, function: Callable[[], None]) -> None:
        try:
            function()
        except Exception as error:
            raise hub_errors.translate(error, what, self.client) from error

    def _check_writable(self, path: str) -> None:
        if self.client.place.revision:
            why = "its location names a revision, which cannot change"
        elif ".git" in self._absolute(path).lower().split("/"):
            why = "Git allows no file or folder of the name .git"
        elif self._is_hidden(self._absolute(path)):
            why = f"{ATTRIBUTES} belongs to the repository and tells the Hub how files are kept"
        else:
            return
        message = errors.explain(f"Cannot change {path!r}", location=self.client.place, why=why)
        raise errors.invalid_parameter(message)

    def _is_hidden(self, absolute: str) -> bool:
        return absolute == ATTRIBUTES

    def _note(self, verb: str, paths: Sequence[str]) -> Note:
        return Note(verb, (self._root,), tuple(self._absolute(path) for path in paths))

    def _absolute(self, path: str) -> str:
        return artifact_paths.join(self._root, path)

    def _blob(self, entry: Entry) -> Blob:
        path = entry.path[len(self._root) + 1 :] if self._root else entry.path
        size = None if entry.is_folder else entry.size
        return Blob(path, size, entry.is_folder, handle=entry)

    def _entry(self, blob: Blob) -> Entry:
        if isinstance(blob.handle, Entry):
            return blob.handle
        found = self.stat(blob.path)
        if found is None or found.is_folder or not isinstance(found.handle, Entry):
            message = errors.explain(f"No such artifact: {blob.path!r}", location=self.client.place)
            raise errors.not_found(message)
        return found.handle


def size_of(source: Path) -> int:
    """Return the bytes of a local file."""
    return source.stat().st_size
