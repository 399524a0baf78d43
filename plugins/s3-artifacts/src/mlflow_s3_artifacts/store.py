"""Artifacts as objects of one bucket, below one prefix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_plugin_core.objects.store import ObjectStore
from mlflow_s3_artifacts.client import S3Client

if TYPE_CHECKING:
    from mlflow_s3_artifacts.target import Target


class S3Store(ObjectStore):
    """The store of one location; thread-safe, and cheap to make.

    Attributes:
        target: Where and how.
    """

    def __init__(self, target: Target) -> None:
        """Make no request.

        Args:
            target: Where and how.
        """
        place = target.location
        super().__init__(S3Client(target), target.settings, root=place.root, location=place.uri)
        self.target = target


__all__ = ["S3Store"]
