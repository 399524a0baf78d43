"""Every call to the service, and nothing else. This one is a local folder: put yours in its place.

The service's SDK is imported here alone, inside the functions that use it: `sdks` in pyproject.toml
names it, and a check holds every other module to it.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from mlflow_plugin_core import artifact_paths, local_files
from mlflow_xet_artifacts import errors

if TYPE_CHECKING:
    from collections.abc import Iterator


class Entry(NamedTuple):
    """One thing as the service lists it: its key, and its bytes or None for a folder."""

    key: str
    size: int | None


class XetArtifactsClient:
    """Files below one folder; thread-safe, since each call opens what it needs."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def find(self, key: str) -> Entry | None:
        """Describe what has a key; None where nothing has it."""
        with self._explained(key):
            local = self._local(key)
            if local.is_dir():
                return Entry(key, None)
            return Entry(key, local.stat().st_size) if local.exists() else None

    def children(self, key: str) -> list[Entry]:
        """List one level below a folder; nothing below anything else."""
        with self._explained(key):
            local = self._local(key)
            names = [child.name for child in local.iterdir()] if local.is_dir() else []
        below = (self.find(f"{key}/{name}" if key else name) for name in sorted(names))
        return [entry for entry in below if entry is not None]

    def write(self, key: str, stream: BinaryIO) -> None:
        """Store what a stream yields; readers see it at the end and as a whole."""
        with self._explained(key), local_files.atomic_write(self._local(key)) as target:
            shutil.copyfileobj(stream, target)

    def read_into(self, key: str, target: BinaryIO) -> None:
        """Copy a whole file."""
        with self._explained(key), self._local(key).open("rb") as source:
            shutil.copyfileobj(source, target)

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Read a part of a file; less at its end."""
        with self._explained(key), self._local(key).open("rb") as source:
            source.seek(start)
            return source.read(length)

    def remove(self, key: str) -> None:
        """Delete a file and the folders that it leaves empty; nothing happens where there is none."""
        with self._explained(key):
            local = self._local(key)
            local.unlink(missing_ok=True)
            # An empty folder would be in the way of a file of its name.
            for folder in local.parents:
                if folder == self._root or not folder.is_relative_to(self._root):
                    break
                try:
                    folder.rmdir()
                except OSError:
                    break

    def remove_root(self) -> None:
        """Remove the folders that are left when all files were deleted."""
        for folder, _, _ in os.walk(self._root, topdown=False):
            # One that somebody has just put a file into stays.
            with suppress(OSError):
                Path(folder).rmdir()

    def _local(self, key: str) -> Path:
        return artifact_paths.local_destination(self._root, key)

    @contextmanager
    def _explained(self, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise errors.explained(error, key, self._root) from error
