"""The classes MLflow calls; loaded while `import mlflow` is still running, so it imports little."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_plugin_core.artifacts import BlobArtifactRepository
from mlflow_plugin_core.stream_uploads import StreamUploads
from mlflow_xet_artifacts.hub_presigned import HubLinks

if TYPE_CHECKING:
    from mlflow_plugin_core.blob_store import BlobStore
    from mlflow_xet_artifacts.hub_store import HubStore


class XetRepository(StreamUploads, BlobArtifactRepository):
    """What both kinds of locations have."""


class XetHubRepository(HubLinks, XetRepository):
    """Artifacts in a repository or bucket of the Hugging Face Hub, at `xet:` locations."""

    _store: HubStore

    def _open_store(self) -> HubStore:
        from mlflow_xet_artifacts.hub_opening import open_store

        return open_store(self.artifact_uri)


class XetFileRepository(XetRepository):
    """Artifacts in a local folder that keeps each chunk once, at `xet+file:` locations.

    It has none of MLflow's mixins for presigned transfers: a client cannot open a server's folder.
    """

    def _open_store(self) -> BlobStore:
        from mlflow_xet_artifacts.file_opening import open_store

        return open_store(self.artifact_uri)
