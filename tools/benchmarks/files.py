"""Files that no compression and no deduplication shrinks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20


def make_file(path: Path, size: int) -> Path:
    """Write a file of random bytes.

    Args:
        path: Where; its folder is made.
        size: Bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        for start in range(0, size, MIB):
            stream.write(os.urandom(min(MIB, size - start)))
    return path


def make_folder(path: Path, count: int, size: int) -> Path:
    """Write many small files of random bytes into one folder."""
    for number in range(count):
        make_file(path / f"file-{number:05}.bin", size)
    return path
