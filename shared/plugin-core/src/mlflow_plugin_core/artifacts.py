"""The one `ArtifactRepository` that turns a `BlobStore` into all that MLflow calls.

    class FolderRepository(BlobArtifactRepository):
        def _open_store(self) -> BlobStore:
            return FolderStore(...)

MLflow builds a new repository for each call, so a store keeps its clients and pools outside of
itself. Trace data, trace attachments and asynchronous logging are MLflow's own methods: they are
written in terms of `log_artifact` and `_download_file` and follow the installed version.

This module is loaded by every `import mlflow` where a plugin is installed: what only a transfer
needs is imported by the methods.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow.entities.file_info import FileInfo
from mlflow.store.artifact.artifact_repo import ArtifactRepository

from mlflow_plugin_core import artifact_paths, errors, uris

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

    from mlflow_plugin_core.blob_store import BlobStore, Download

_logger = logging.getLogger(__name__)


class BlobArtifactRepository(ArtifactRepository):
    """Everything MLflow asks of an artifact repository, on top of a plugin's `BlobStore`."""

    def __init__(
        self,
        artifact_uri: str,
        tracking_uri: str | None = None,
        registry_uri: str | None = None,
    ) -> None:
        # MLflow before 3.5 knows only some of these: its constructor gets the one it always had,
        # and the others are set as the attributes that newer versions read.
        super().__init__(artifact_uri)
        self.tracking_uri = tracking_uri
        self.registry_uri = registry_uri
        self._store = self._open_store()

    def _open_store(self) -> BlobStore:
        """Return the store for `self.artifact_uri`; checks the settings, opens no connection."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({uris.redact_location(self.artifact_uri)!r})"

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Store one local file in the folder `artifact_path`.

        Raises:
            MlflowException: INVALID_PARAMETER_VALUE for a path that is not an artifact path or a
                local file that is not a file; what the store raises otherwise.
        """
        folder = artifact_paths.normalize(artifact_path)
        source = Path(local_file)
        path = artifact_paths.normalize(artifact_paths.join(folder, source.name))
        if not source.is_file():
            message = errors.explain(
                f"Cannot log {source.name!r}",
                why=f"{str(source)!r} is not a file",
                remedy="log_artifacts takes a folder",
            )
            raise errors.invalid_parameter(message)
        self._store.put_file(source, path)

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        """Store every file below a local folder, in parallel and in batches."""
        from mlflow_plugin_core import local_files
        from mlflow_plugin_core.blob_store import Upload

        folder = artifact_paths.normalize(artifact_path)
        # Planned before anything is sent: one bad name must not leave half a folder behind.
        uploads = [
            Upload(
                file.path,
                artifact_paths.normalize(artifact_paths.join(folder, file.relative)),
                file.size,
            )
            for file in local_files.walk_files(local_dir)
        ]
        with _progress_bar("Uploading artifacts", len(uploads)) as advance:
            self._store.put_many(uploads, advance)

    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        """List one level, sorted; an empty list for a file and for a path that is not there."""
        blobs = self._store.list_folder(artifact_paths.normalize(path))
        infos = [FileInfo(blob.path, blob.is_folder, blob.size) for blob in blobs]
        return sorted(infos, key=lambda info: info.path)

    def download_artifacts(self, artifact_path: str | None, dst_path: str | None = None) -> str:
        """Fetch a file or a folder, or everything for "" and None.

        Returns:
            The local path of what was asked for, below `dst_path` or below a new folder.

        Raises:
            MlflowException: RESOURCE_DOES_NOT_EXIST where the artifact or the destination folder
                is missing; otherwise one exception with the reasons of all files that failed.
        """
        path = artifact_paths.normalize(artifact_path)
        root = _destination_folder(dst_path)
        try:
            downloads = list(self._plan_downloads(path, root))
            with _progress_bar("Downloading artifacts", len(downloads)) as advance:
                self._store.get_many(downloads, advance)
        except Exception as error:
            # MLflow's runs:/ repository swallows this exception and says only that the download
            # failed: without this line nobody would ever see the reason.
            _logger.warning(
                "Cannot download %r from %s: %s",
                path,
                uris.redact_location(self.artifact_uri),
                uris.redact(error),
            )
            raise
        return str(artifact_paths.local_destination(root, path)) if path else str(root)

    def _plan_downloads(self, path: str, root: Path) -> Iterator[Download]:
        from mlflow_plugin_core.blob_store import Blob, Download

        blob = self._store.stat(path) if path else Blob("", is_folder=True)
        if blob is None:
            raise errors.not_found(self._no_such_artifact(path))
        if not blob.is_folder:
            yield Download(blob, artifact_paths.local_destination(root, blob.path))
            return
        artifact_paths.local_destination(root, path or ".").mkdir(parents=True, exist_ok=True)
        for found in self._store.list_all(path):
            if found.is_folder:
                artifact_paths.local_destination(root, found.path).mkdir(
                    parents=True, exist_ok=True
                )
            else:
                yield Download(found, artifact_paths.local_destination(root, found.path))

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        path = artifact_paths.normalize(remote_file_path)
        blob = self._store.stat(path)
        if blob is None or blob.is_folder:
            raise errors.not_found(self._no_such_artifact(path))
        self._store.get_file(blob, Path(local_path))

    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        """Delete a file, a folder or everything; succeeds when nothing is there."""
        self._store.delete_all(artifact_paths.normalize(artifact_path))

    def _is_directory(self, artifact_path: str | None) -> bool:
        path = artifact_paths.normalize(artifact_path)
        if not path:
            return True
        blob = self._store.stat(path)
        return blob is not None and blob.is_folder

    def _no_such_artifact(self, path: str) -> str:
        return errors.explain(f"No such artifact: '{path}'", location=self.artifact_uri)


def _destination_folder(dst_path: str | None) -> Path:
    if not dst_path:
        from mlflow.utils.file_utils import create_tmp_dir

        return Path(create_tmp_dir())  # type: ignore[no-untyped-call]
    root = Path(os.path.abspath(dst_path))  # noqa: PTH100  # resolve() would follow symlinks
    if not root.exists():
        message = f"The destination path for downloaded artifacts does not exist! {str(root)!r}"
        raise errors.not_found(message)
    if not root.is_dir():
        message = (
            f"The destination path for downloaded artifacts must be a directory! {str(root)!r}"
        )
        raise errors.invalid_parameter(message)
    return root


class _progress_bar:  # noqa: N801  # used like a function
    """MLflow's own progress bar, shown by MLflow's own switch."""

    def __init__(self, description: str, total: int) -> None:
        from mlflow.utils.file_utils import ArtifactProgressBar

        self._bar: Any = ArtifactProgressBar.files(  # type: ignore[no-untyped-call]
            desc=description, total=total
        )

    def __enter__(self) -> Self:
        self._bar.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._bar.__exit__(*exc_info)

    def __call__(self, count: int) -> None:
        for _ in range(count):
            self._bar.update()
