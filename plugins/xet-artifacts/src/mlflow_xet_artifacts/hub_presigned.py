"""Downloads past MLflow's server: the Hub's own links, for files that are kept beside Git.

Loaded by every `import mlflow` where the plugin is installed: what a request needs is imported by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_plugin_core import artifact_paths

try:
    from mlflow.store.artifact.artifact_repo import MultipartDownloadMixin
except ImportError:  # MLflow before 3.11: all downloads pass through its server

    class MultipartDownloadMixin:  # type: ignore[no-redef]
        """Stands in where MLflow has no such mixin."""


if TYPE_CHECKING:
    from mlflow.entities.presigned_download import PresignedDownloadUrlResponse

    from mlflow_xet_artifacts.hub_store import HubStore


class HubLinks(MultipartDownloadMixin):
    """Adds the one method that MLflow asks for; name it before the repository's own class."""

    _store: HubStore

    def get_download_presigned_url(
        self, artifact_path: str, expiration: int = 300
    ) -> PresignedDownloadUrlResponse:
        """Return the Hub's link to a file.

        Small text is kept in Git and has no link: the answer has no size then, which tells MLflow's
        client to fetch the file through the server.

        Args:
            artifact_path: The file.
            expiration: Not looked at: the Hub decides how long its links live (about an hour).

        Raises:
            MlflowException: RESOURCE_DOES_NOT_EXIST where no such file is.
        """
        del expiration
        from mlflow.entities.presigned_download import PresignedDownloadUrlResponse

        from mlflow_plugin_core import errors

        path = artifact_paths.normalize(artifact_path)
        found = self._store.link(path) if path else None
        if found is None:
            raise errors.not_found(f"No such artifact: '{path}'")
        return PresignedDownloadUrlResponse(found.url, {}, found.size)
