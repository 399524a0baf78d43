"""Tells what is stored, past the repository object under test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_plugin_testing.artifacts.content import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow_plugin_testing.artifacts.process import Process
    from mlflow_plugin_testing.artifacts.side_door import SideDoor

__all__ = ["Witness"]


class Witness:
    """The side door where there is one, another process otherwise."""

    def __init__(
        self, side_door: SideDoor | None, process: Process, append: Callable[[str], str]
    ) -> None:
        """Choose.

        Args:
            side_door: Another way to the bytes; None when there is none.
            process: A process that opens a repository of its own.
            append: Returns the URI of a path below the location.
        """
        self._side_door = side_door
        self._process = process
        self._append = append

    def tree(self, folder: str) -> dict[str, str]:
        """Describe all files below a folder of the location.

        Args:
            folder: The folder.

        Returns:
            A description of each file by its path, relative to the folder.

        Raises:
            AssertionError: The side door contradicts itself.
        """
        if self._side_door is None:
            found: dict[str, str] = self._process.ask("tree", self._append(folder))
            return found
        start = len(folder) + 1
        tree = {}
        for path, size in self._side_door.listing().items():
            if path.startswith(f"{folder}/"):
                data = self._side_door.read(path)
                assert len(data) == size, f"the side door lists {size} bytes and reads {len(data)}"
                tree[path[start:]] = digest_of(data)
        return dict(sorted(tree.items()))
