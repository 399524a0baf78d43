"""Which of hf_xet's files are on the disk for certain: no upload may build on the others.

hf_xet leaves its files to the system's cache, and looks for chunks in all that it finds. After a
power failure that is more than there is: a shard may have outlived the blocks that it names, and an
upload that counted on it would store a path whose bytes are nowhere. So each chunk folder has a
ledger of the files that were synced. It is written after them and before the index names anything
in them; files that it does not name are of an upload that did not end, and the next upload sets
them aside before hf_xet can see them. They are moved and not deleted: should the ledger itself be
damaged, the bytes are still there.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

NAME = "ledger"
ASIDE = "unfinished"
_NEW = "ledger.new"

_BASE = "xet"
_CONTENTS = ("xorbs/xorbs", "xorbs/shards")
# Copies of shards, by which hf_xet finds most chunks again; one of zero bytes fails every upload.
_CACHE = "shard-cache"
# What a running upload knows of what it has sent, and a later one would take up.
_SESSION = ("shard-session", "shard-session/xorb_metadata")


@contextmanager
def recorded(folder: Path) -> Iterator[None]:
    """Put what hf_xet writes in the block on the disk, and into the ledger, before it ends.

    Args:
        folder: A chunk folder that nobody else has open.

    Raises:
        OSError: What the disk says. The files of a block that fails count for nothing.
        RuntimeError: hf_xet's, where a transfer that was given up still has the folder open.
    """
    known = _settle(folder)
    yield
    new = _files(folder) - known
    sync_all(os.path.join(folder, _BASE, path) for path in new)  # noqa: PTH118  # thousands
    if not known:
        for path in (folder / _BASE / "xorbs", folder / _BASE, folder, folder.parent):
            sync(path)
    _write(folder, new)


def sync_all(paths: Iterable[str]) -> None:
    """Put files and the names of them on the disk."""
    folders = set()
    for path in paths:
        sync(path)
        folders.add(os.path.dirname(path))  # noqa: PTH120
    for folder in folders:
        sync(folder)


def sync(path: str | os.PathLike[str]) -> None:
    """Put one file or folder on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _settle(folder: Path) -> set[str]:
    """Return the files that count, with all others out of hf_xet's sight."""
    found = _files(folder)
    known = _read(folder)
    if known is None:
        # A new folder; or one that came back without its ledger: what it holds is all there is.
        sync_all(os.path.join(folder, _BASE, path) for path in found)  # noqa: PTH118
        # Whole or not at all: an empty ledger would have all of them set aside.
        _write(folder, found, name=_NEW)
        (folder / _NEW).replace(folder / NAME)
        sync(folder)
        return found
    if found <= known and not any(_names(folder, each) for each in _SESSION):
        return found
    _set_aside(folder, found - known)
    return found & known


def _set_aside(folder: Path, unknown: set[str]) -> None:
    from mlflow_xet_artifacts.client_local import Reading

    base, aside = folder / _BASE, folder / ASIDE
    # Open, hf_xet's store is closed to all others: to a thread, too, that hangs in an upload that
    # was given up, and that could name a file again while it is moved.
    with Reading(folder).opened():
        # First what points to the others: it must not come back by a power failure without them.
        doomed = [path for path in unknown if path.startswith(f"{_CACHE}/")]
        doomed += [f"{kind}/{name}" for kind in _SESSION for name in _names(folder, kind)]
        for path in doomed:
            (base / path).unlink()
        for kind in {os.path.dirname(path) for path in doomed}:  # noqa: PTH120
            sync(base / kind)
        aside.mkdir(exist_ok=True)
        for path in unknown.difference(doomed):
            (base / path).replace(aside / os.path.basename(path))  # noqa: PTH119


def _files(folder: Path) -> set[str]:
    return {f"{kind}/{name}" for kind in (*_CONTENTS, _CACHE) for name in _names(folder, kind)}


def _names(folder: Path, kind: str) -> list[str]:
    try:
        with os.scandir(os.path.join(folder, _BASE, kind)) as entries:  # noqa: PTH118
            return [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    except FileNotFoundError:
        return []


def _read(folder: Path) -> set[str] | None:
    try:
        return set((folder / NAME).read_text(encoding="utf-8").split("\n"))
    except FileNotFoundError:
        return None


def _write(folder: Path, names: Iterable[str], *, name: str = NAME) -> None:
    # A line that a power failure cut short must not become one with the next: a newline first.
    text = "".join(f"\n{name}" for name in sorted(names)) + "\n"
    descriptor = os.open(
        folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666
    )
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(descriptor)
