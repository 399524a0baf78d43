"""Another way to the bytes of an artifact repository, past the code under test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FolderSideDoor", "SideDoor"]


@runtime_checkable
class SideDoor(Protocol):
    """What the fixture `side_door` of an artifact repository's test class returns.

    It reaches the bytes below the fixture `artifact_uri` by other means than the plugin's own code: the service's
    client, SQL, a mounted folder. Paths are relative to that location, with slashes.
    """

    def read(self, path: str) -> bytes:
        """Return the bytes of a file as they are stored.

        Args:
            path: The file.

        Raises:
            LookupError: There is no such file.
        """

    def write(self, path: str, data: bytes) -> None:
        """Store a file as the plugin would, or as somebody else could.

        Args:
            path: The file. It may be hostile, such as `a/../../b`.
            data: What it holds.

        Raises:
            ValueError: The service cannot hold a file of this name, whoever writes it.
        """

    def listing(self) -> dict[str, int]:
        """Return the size in bytes of each file, by its path; folders are left out."""


class FolderSideDoor:
    """The side door of repositories that keep their files in a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        """Look at a folder.

        Args:
            folder: The folder.
        """
        self._folder = folder

    def read(self, path: str) -> bytes:
        """Return the bytes of a file.

        Args:
            path: The file, relative to the folder.

        Raises:
            LookupError: There is no such file.
        """
        file = self._folder / path
        if not file.is_file():
            raise LookupError(path)
        return file.read_bytes()

    def write(self, path: str, data: bytes) -> None:
        """Write a file.

        Args:
            path: The file, relative to the folder.
            data: What it holds.

        Raises:
            ValueError: A folder has no file whose name leads out of it.
        """
        if ".." in path.split("/"):
            message = f"no folder holds a file named {path!r}"
            raise ValueError(message)
        file = self._folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    def listing(self) -> dict[str, int]:
        """Return the size of each file, by its path."""
        return {
            path.relative_to(self._folder).as_posix(): path.stat().st_size
            for path in self._folder.rglob("*")
            if path.is_file()
        }
