"""The class MLflow calls; loaded while `import mlflow` is still running, so it imports little."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_plugin_core.artifacts import BlobArtifactRepository
from mlflow_plugin_core.stream_uploads import StreamUploads

if TYPE_CHECKING:
    from mlflow_plugin_core.blob_store import BlobStore


class S3ArtifactsRepository(StreamUploads, BlobArtifactRepository):
    """Artifacts at `s3+https:` locations."""

    def _open_store(self) -> BlobStore:
        from mlflow_s3_artifacts.store import open_store

        return open_store(self.artifact_uri)
