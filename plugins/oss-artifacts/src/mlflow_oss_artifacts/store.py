"""What MLflow's artifacts are to the service: paths to keys, entries to blobs, and nothing of I/O."""

from __future__ import annotations

import os
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mlflow_oss_artifacts.client import Entry, OssArtifactsClient
from mlflow_plugin_core import host_policy, local_files, uris
from mlflow_plugin_core.blob_store import Blob, BlobStore

if TYPE_CHECKING:
    from collections.abc import Iterator


def open_store(location: str) -> OssArtifactsStore:
    """Return the store of an artifact location such as `oss:///folder`.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE for a location or setting that cannot be used, and
            in a tracking server for a folder that its operator did not allow.
    """
    from mlflow_oss_artifacts.settings import OssArtifactsSettings

    parts = uris.parse(location)
    settings = OssArtifactsSettings.load(dict(parts.query), location=location)
    folder = folder_of(location)
    # What the server itself stores in is the operator's choice already.
    own = [folder_of(each) for each in host_policy.server_locations() if each.startswith("oss:")]
    named = [Path(each) for each in settings.folders.split(os.pathsep) if each]
    host_policy.check_folder(folder, setting="MLFLOW_OSS_ARTIFACTS_FOLDERS", allowed=[*named, *own])
    return OssArtifactsStore(OssArtifactsClient(folder), workers=settings.workers)


def folder_of(location: str) -> Path:
    """Return the folder that a location names."""
    return Path(urllib.parse.unquote(uris.parse(location).path))


def blob_of(entry: Entry) -> Blob:
    """Return an entry of the service as MLflow's listing shows it."""
    return Blob(entry.key, entry.size, is_folder=entry.size is None)


class OssArtifactsStore(BlobStore):
    """Artifacts below one root; thread-safe."""

    def __init__(self, client: OssArtifactsClient, *, workers: int) -> None:
        self._client = client
        self.workers = workers

    def stat(self, path: str) -> Blob | None:
        """Describe one path."""
        found = self._client.find(path)
        return None if found is None else blob_of(found)

    def list_folder(self, path: str) -> Iterator[Blob]:
        """List one level."""
        yield from map(blob_of, self._client.children(path))

    def put_file(self, source: Path, path: str) -> None:
        """Store a local file."""
        with source.open("rb") as stream:
            self._client.write(path, stream)

    def put_stream(self, stream: BinaryIO, path: str) -> None:
        """Store what a stream yields, visible at its end."""
        self._client.write(path, stream)

    def get_file(self, blob: Blob, destination: Path) -> None:
        """Fetch a file."""
        with local_files.atomic_write(destination) as target:
            self._client.read_into(blob.path, target)

    def get_range(self, path: str, start: int, length: int) -> bytes:
        """Read a part of a file."""
        return self._client.read_range(path, start, length)

    def delete(self, path: str) -> None:
        """Delete one file."""
        self._client.remove(path)

    def delete_root(self) -> None:
        """Remove what is left of a root that was emptied."""
        self._client.remove_root()
