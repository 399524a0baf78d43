"""`ObjectStore` for OSS: a file that is replaced while it is fetched is fetched again, as it is then.

Every read names the ETag that the listing told, so OSS refuses to mix two contents. A reader who
asked for the file, and not for a version of it, wants the new one rather than that refusal.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlflow.exceptions import MlflowException

from mlflow_plugin_core import transfer
from mlflow_plugin_core.blob_store import Download
from mlflow_plugin_core.objects.store import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mlflow_oss_artifacts.base import OssClient
    from mlflow_plugin_core.blob_store import Blob
    from mlflow_plugin_core.objects.crew import Crew

# Somebody who replaces a file faster than it can be fetched is told so.
_TIMES = 5


class OssStore(ObjectStore):
    """Artifacts below one prefix of a bucket."""

    client: OssClient

    def get_file(self, blob: Blob, destination: Path) -> None:
        """Fetch a file as it is now."""
        fetch = super().get_file
        self._as_it_is_now(blob, lambda current: fetch(current, destination))

    def _get_small(self, batch: Sequence[Download], crew: Crew) -> None:
        get_small = super()._get_small

        def fetch_to(destination: Path) -> Callable[[Blob], None]:
            return lambda blob: get_small([Download(blob, destination)], crew)

        for item in batch:
            self._as_it_is_now(item.blob, fetch_to(item.destination))

    def _as_it_is_now(self, blob: Blob, fetch: Callable[[Blob], None]) -> None:
        for _ in range(_TIMES):
            try:
                fetch(blob)
            except (MlflowException, transfer.SeveralFailedError) as error:
                if not self._is_change(error) or (info := self.head(blob.path)) is None:
                    raise
                blob = replace(blob, size=info.size, handle=info)
            else:
                return
        fetch(blob)

    def _is_change(self, error: Exception) -> bool:
        if isinstance(error, transfer.SeveralFailedError):
            return all(self._is_change(each) for _, each in error.failures)
        cause = error.__cause__
        return isinstance(cause, Exception) and (
            self.client.failure_of(cause).code == "PreconditionFailed"
        )
