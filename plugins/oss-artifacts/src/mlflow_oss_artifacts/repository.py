"""The class MLflow calls; loaded while `import mlflow` is still running, so it imports little."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_plugin_core.artifacts import BlobArtifactRepository
from mlflow_plugin_core.objects.presigned import PresignedTransfers
from mlflow_plugin_core.stream_uploads import StreamUploads

if TYPE_CHECKING:
    from mlflow_plugin_core.objects.store import ObjectStore


class OssArtifactsRepository(PresignedTransfers, StreamUploads, BlobArtifactRepository):
    """Artifacts in Alibaba Cloud OSS."""

    _store: ObjectStore

    def _open_store(self) -> ObjectStore:
        from mlflow_oss_artifacts.opening import open_store

        return open_store(self.artifact_uri)
