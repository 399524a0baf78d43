"""The bare SDK of an object service as one of the systems that are compared.

It does what a careful user writes around it: threads for many small files, which no SDK has, and
its own parallel transfers for large ones.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# What the plugins do by default.
WORKERS = 16
PART = 16 << 20
_BATCH = 1_000


class BareSdk(ABC):
    """A bare SDK below one prefix, with threads for many files."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def warm(self) -> None:
        """Store one byte."""
        self._put("warm/byte", Path(__file__))

    def put_file(self, path: Path, folder: str) -> None:
        """Store one file by the SDK's own upload in parts."""
        self._put_large(f"{folder}/{path.name}", path)

    def put_folder(self, path: Path, folder: str) -> None:
        """Store all files."""
        files = [each for each in path.rglob("*") if each.is_file()]
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(lambda one: self._put(f"{folder}/{one.relative_to(path)}", one), files))

    def get(self, path: str, target: Path) -> None:
        """Fetch a file by ranges, or all files of a folder."""
        paths = self._paths(f"{path}/")
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        if not paths:
            self._get_large(path, target / path)
            return
        (target / path).mkdir()
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(lambda found: self._get(found, target / found), paths))

    def list(self, folder: str) -> int:
        """List a folder."""
        return len(self._paths(f"{folder}/"))

    def delete(self, folder: str) -> None:
        """Delete a folder in batches."""
        paths = self._paths(f"{folder}/")
        for start in range(0, len(paths), _BATCH):
            self._delete(paths[start : start + _BATCH])

    def _key(self, path: str) -> str:
        return f"{self._prefix}/{path}"

    def _path(self, key: str) -> str:
        return key[len(self._prefix) + 1 :]

    @abstractmethod
    def _put(self, path: str, source: Path) -> None:
        """Store a small file."""

    @abstractmethod
    def _put_large(self, path: str, source: Path) -> None:
        """Store a file by the SDK's own upload in parts."""

    @abstractmethod
    def _get(self, path: str, target: Path) -> None:
        """Fetch a small file."""

    @abstractmethod
    def _get_large(self, path: str, target: Path) -> None:
        """Fetch a file by the SDK's own ranges."""

    @abstractmethod
    def _paths(self, prefix: str) -> Sequence[str]:
        """List what has a prefix, over all pages."""

    @abstractmethod
    def _delete(self, paths: Sequence[str]) -> None:
        """Delete one batch."""
