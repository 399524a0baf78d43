"""The verbs that are measured, and MLflow's way to do them at any artifact location."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Protocol


class System(Protocol):
    """One of those that are compared; each is used the way its user would.

    Several share a server: each keeps its files below a prefix of its own. A verb that a system
    cannot do raises NotImplementedError, and its cells stay empty.
    """

    def warm(self) -> None:
        """Connect, and do whatever happens once: it is not measured."""

    def put_file(self, path: Path, folder: str) -> None:
        """Store one file."""

    def put_folder(self, path: Path, folder: str) -> None:
        """Store all files of a folder."""

    def get(self, path: str, target: Path) -> None:
        """Fetch a file as `target/path`, or a folder with all its files."""

    def list(self, folder: str) -> int:
        """List a folder with names and sizes; returns how many."""

    def delete(self, folder: str) -> None:
        """Delete a folder with all its files."""


class MlflowRepository:
    """Any artifact location through MLflow: a plugin, or one of MLflow's own repositories."""

    def __init__(self, location: str) -> None:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        self._repository: Any = get_artifact_repository(location)

    def warm(self) -> None:
        """Store and list one byte."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "byte")
            path.write_bytes(b"1")
            self._repository.log_artifact(str(path), "warm")
            self._repository.list_artifacts("warm")

    def put_file(self, path: Path, folder: str) -> None:
        """Store one file."""
        self._repository.log_artifact(str(path), folder)

    def put_folder(self, path: Path, folder: str) -> None:
        """Store all files of a folder."""
        self._repository.log_artifacts(str(path), folder)

    def get(self, path: str, target: Path) -> None:
        """Fetch a file or a folder."""
        self._repository.download_artifacts(path, str(target))

    def list(self, folder: str) -> int:
        """List a folder."""
        return len(self._repository.list_artifacts(folder))

    def delete(self, folder: str) -> None:
        """Delete a folder."""
        self._repository.delete_artifacts(folder)
