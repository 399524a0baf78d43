"""The store of a bucket: files by Xet, changed without commits and without history."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from mlflow_plugin_core import errors, transfer
from mlflow_plugin_core.blob_store import Blob, Upload
from mlflow_xet_artifacts import client_hub_xet, hub_calls, hub_errors
from mlflow_xet_artifacts.hub_store import HubStore, size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from mlflow_xet_artifacts.client_hub import Entry, HubClient


class BucketStore(HubStore):
    """Artifacts below one folder of a bucket."""

    def __init__(self, client: HubClient) -> None:
        super().__init__(client)
        self._is_there = False

    def stat(self, path: str) -> Blob | None:
        """Describe one path, or return None if nothing is there."""
        found = super().stat(path)
        if found is not None:
            return found
        # The Hub describes only files of a bucket; a folder is there as long as it holds one.
        return next(iter(self._folder(path)), None) if path else None

    def _folder(self, path: str) -> list[Blob]:
        inside = self._look(
            f"Cannot look at {path!r}",
            lambda: list(self._some(self._absolute(path))),
        )
        return [Blob(path, is_folder=True)] if inside else []

    def _some(self, path: str) -> Iterable[Entry]:
        for entry in self.client.tree(path):
            yield entry
            return

    def put_file(self, source: Path, path: str) -> None:
        """Store a local file."""
        self._put([Upload(source, path, size_of(source))])

    def put_many(self, uploads: Iterable[Upload], on_done: Callable[[int], None]) -> None:
        """Store files, so many in one request."""
        for batch in transfer.batched(
            uploads,
            max_items=self.client.settings.commit_files,
            max_bytes=1 << 62,
            size=lambda file: file.size,
        ):
            self._put(batch)
            on_done(len(batch))

    def _put(self, uploads: Sequence[Upload]) -> None:
        for upload in uploads:
            self._check_writable(upload.path)
        what = f"Cannot store {uploads[0].path!r}"
        what += f" and {len(uploads) - 1} more" if len(uploads) > 1 else ""
        if self.client.settings.create_repo and not self._is_there:
            self._make_where_missing(what)
        try:
            contents = client_hub_xet.upload(self.client, [upload.source for upload in uploads])
        except Exception as error:
            raise hub_errors.translate(error, what, self.client) from error
        now = int(time.time() * 1000)
        self._batch(
            what,
            [
                {
                    "type": "addFile",
                    "path": self._absolute(upload.path),
                    "xetHash": content.xet,
                    "mtime": now,
                }
                for upload, content in zip(uploads, contents, strict=True)
            ],
        )

    def _make_where_missing(self, what: str) -> None:
        # Asked for first: hf_xet would only say that it gets no token.
        try:
            hub_calls.repeat(self.client, lambda: list(self._some("")), what)
        except Exception as error:
            if type(error).__name__ not in hub_errors.NO_REPO:
                raise hub_errors.translate(error, what, self.client) from error
            hub_calls.request(self.client, self.client.make_repo, what)
        self._is_there = True

    def _delete(self, paths: Sequence[str]) -> None:
        operations = [{"type": "deleteFile", "path": self._absolute(path)} for path in paths]
        self._batch(f"Cannot delete {len(paths)} artifacts", operations)

    def _batch(self, what: str, operations: list[dict[str, Any]]) -> None:
        failed = hub_calls.request(self.client, lambda: self.client.batch(operations), what)
        if failed:
            why = "; ".join(f"{path}: {reason}" for path, reason in failed[:20])
            raise errors.internal(errors.explain(what, location=self.client.place, why=why))

    def _is_hidden(self, absolute: str) -> bool:
        del absolute
        return False
