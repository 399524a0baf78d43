"""Contents of files, and folders full of them, without ever comparing megabytes in a message."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "Content",
    "Tree",
    "digest_of",
    "digest_of_file",
    "read_tree",
    "write_file",
    "write_tree",
]

_PIECE = 1 << 20


@dataclass(frozen=True)
class Content:
    """Bytes that no compression helps with, the same in each run.

    Attributes:
        size: Bytes.
        seed: Tells two contents of one size apart.
    """

    size: int
    seed: int = 0

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes, a megabyte at a time."""
        source = random.Random(self.seed)  # noqa: S311  (the same in each run is the point)
        for start in range(0, self.size, _PIECE):
            yield source.randbytes(min(_PIECE, self.size - start))

    def __bytes__(self) -> bytes:
        """Return all of them."""
        return b"".join(self.pieces())


#: Files by their relative path; None is an empty folder.
Tree = Mapping[str, bytes | Content | None]


def digest_of(content: bytes | Content) -> str:
    """Describe a content so that two of them are equal when their descriptions are.

    Args:
        content: The content.

    Returns:
        Its size and the beginning of its SHA-256.
    """
    return _digest([content] if isinstance(content, bytes) else content.pieces())


def digest_of_file(path: Path) -> str:
    """Describe the content of a local file.

    Args:
        path: The file.
    """
    with path.open("rb") as stream:
        return _digest(iter(lambda: stream.read(_PIECE), b""))


def write_file(path: Path, content: bytes | Content) -> None:
    """Write a local file, with the folders above it.

    Args:
        path: The file.
        content: What it holds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        stream.writelines([content] if isinstance(content, bytes) else content.pieces())


def write_tree(folder: Path, tree: Tree) -> None:
    """Write files below a local folder, which is made.

    Args:
        folder: The folder.
        tree: The files.

    Raises:
        pytest.skip.Exception: The file system of this machine takes two of the names for one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in tree.items():
        if content is None:
            (folder / name).mkdir(parents=True, exist_ok=True)
        else:
            write_file(folder / name, content)
    files = [name for name, content in tree.items() if content is not None]
    if sorted(read_tree(folder)) != sorted(files):
        pytest.skip("the file system of this machine folds names, so that it cannot hold these")


def read_tree(folder: Path) -> dict[str, str]:
    """Describe all files below a local folder; empty folders do not count.

    Args:
        folder: The folder; it may be missing.

    Returns:
        Description of each file by its relative path.
    """
    return {
        path.relative_to(folder).as_posix(): digest_of_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _digest(pieces: Iterator[bytes] | list[bytes]) -> str:
    sha256, size = hashlib.sha256(), 0
    for piece in pieces:
        sha256.update(piece)
        size += len(piece)
    return f"{size} bytes, sha256 {sha256.hexdigest()[:16]}"
