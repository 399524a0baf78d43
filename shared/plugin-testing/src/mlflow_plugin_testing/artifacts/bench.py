"""What one test of an artifact repository works with."""

from __future__ import annotations

import secrets
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
from mlflow.utils.uri import append_to_uri_path

from mlflow_plugin_testing.artifacts.content import read_tree
from mlflow_plugin_testing.artifacts.repository import ContentRepository
from mlflow_plugin_testing.artifacts.witness import Witness
from mlflow_plugin_testing.pair import Pair

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlflow_plugin_testing.artifacts.process import Process
    from mlflow_plugin_testing.artifacts.side_door import SideDoor

__all__ = ["Bench"]


class Bench:
    """A fresh folder of the location under test, and one of MLflow's own beside it.

    Attributes:
        token: Name of the fresh folder below the location.
        side_door: Another way to the bytes; None when there is none.
        folder: An empty local folder.
        process: A process that opens repositories of its own.
        reached: Names of the methods that were called.
    """

    def __init__(
        self,
        uri: str,
        opener: Callable[[str], Any],
        folder: Path,
        process: Process,
        side_door: SideDoor | None,
    ) -> None:
        """Choose a name for the fresh folder; nothing is made yet.

        Args:
            uri: The location, which may hold other things.
            opener: Opens a repository.
            folder: An empty local folder.
            process: A process that opens repositories of its own.
            side_door: Another way to the bytes; None when there is none.
        """
        self.token = "t" + secrets.token_hex(6)
        self.side_door = side_door
        self.folder = folder
        self.process = process
        self.opener = opener
        self.reached: set[str] = set()
        self._uri = uri
        self._witness = Witness(side_door, process, lambda path: append_to_uri_path(uri, path))
        self._locals = folder / "mlflows own"

    def uri(self, below: str = "") -> str:
        """Return a URI, made as MLflow makes the one of a run.

        Args:
            below: A folder in the fresh one.
        """
        return str(append_to_uri_path(self._uri, self._path(below)))

    def candidate(self, below: str = "") -> ContentRepository:
        """Return the repository under test.

        Args:
            below: A folder in the fresh one that is its root.
        """
        uri = self.uri(below)
        return ContentRepository(
            lambda: self.opener(uri), self.folder, lambda: self.stored(below), self.reached
        )

    def reference(self, below: str = "") -> ContentRepository:
        """Return MLflow's own repository.

        Args:
            below: A folder in the fresh one that is its root.
        """
        root = self._locals / self._path(below)
        return ContentRepository(
            lambda: LocalArtifactRepository(str(root)),
            self.folder / "of mlflows own",
            lambda: read_tree(root),
            set(),
        )

    @cached_property
    def pair(self) -> Pair:
        """Both, in lock step."""
        return self.pair_at("")

    def pair_at(self, below: str) -> Pair:
        """Return both, in lock step.

        Args:
            below: A folder in the fresh one that is their root.
        """
        return Pair(self.reference(below), self.candidate(below))

    def stored(self, below: str = "") -> dict[str, str]:
        """Describe what is stored, past the repository under test.

        Args:
            below: A folder in the fresh one.
        """
        return self._witness.tree(self._path(below))

    def place(self, name: str) -> Path:
        """Return a local path that nothing else uses.

        Args:
            name: Name of the file or folder; it is not made.
        """
        folder = self.folder / f"place {secrets.token_hex(4)}"
        folder.mkdir(parents=True)
        return folder / name

    def clear(self) -> None:
        """Delete what the test left in the location, as far as the repository can."""
        with suppress(Exception):
            self.opener(self.uri()).delete_artifacts()

    def _path(self, below: str) -> str:
        return f"{self.token}/{below}" if below else self.token
