"""The class MLflow calls for `mssql`, `postgresql`, `mysql` and `sqlite` artifact locations.

Loaded while `import mlflow` is still running: SQLAlchemy, the settings and the drivers are imported
when a location is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_plugin_core.artifacts import BlobArtifactRepository
from mlflow_plugin_core.stream_uploads import StreamUploads

if TYPE_CHECKING:
    from mlflow_plugin_core.blob_store import BlobStore


class SqlArtifactRepository(StreamUploads, BlobArtifactRepository):
    """Artifacts as BLOBs in a SQL database, any size, streamed both ways."""

    def _open_store(self) -> BlobStore:
        from mlflow_sqlserver_artifacts.opening import open_store

        return open_store(self.artifact_uri)
