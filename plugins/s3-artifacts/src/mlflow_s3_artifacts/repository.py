"""The class MLflow calls for `s3+https` and `s3+http` artifact locations.

Loaded while `import mlflow` is still running: boto3, obstore and the settings are imported when a
location is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_plugin_core.artifacts import BlobArtifactRepository
from mlflow_plugin_core.objects.presigned import PresignedTransfers
from mlflow_plugin_core.stream_uploads import StreamUploads

if TYPE_CHECKING:
    from mlflow_s3_artifacts.store import S3Store


class S3ArtifactsRepository(PresignedTransfers, StreamUploads, BlobArtifactRepository):
    """Artifacts in a bucket of any S3-compatible service."""

    _store: S3Store

    def _open_store(self) -> S3Store:
        from mlflow_s3_artifacts.opening import open_store

        return open_store(self.artifact_uri)
