"""Uploads: small files into the index, larger ones through hf_xet; each content once."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, BinaryIO, cast

from mlflow_plugin_core import errors
from mlflow_xet_artifacts import file_chunks, file_errors, file_index
from mlflow_xet_artifacts.file_index import Content, VanishedError
from mlflow_xet_artifacts.file_source import BLOCK, LocalSource, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mlflow_xet_artifacts.file_database import FileDatabase

# hf_xet cuts chunks of 64 KiB on average: within a smaller file it finds nothing to share, and it
# takes milliseconds for each file that it reads.
SMALL = 64 << 10
# A file is handed to hf_xet in pieces of this size, each a commit of its own: hf_xet holds what it
# commits in memory, up to 64 MiB of it three times over, and others may use the store between two
# commits. A smaller piece would make more of hf_xet's files to look into.
PART = 16 << 20
_ATTEMPTS = 5


def store_file(database: FileDatabase, source: Path, path: str) -> None:
    """Store one local file."""
    try:
        stream = source.open("rb", buffering=0)
    except OSError as error:
        raise unreadable(source, path, error) from error
    with stream:
        _store(database, LocalSource(cast("BinaryIO", stream), source, path), path)


def store_stream(database: FileDatabase, stream: BinaryIO, path: str) -> None:
    """Store what a stream yields.

    A slow sender must not keep the others out of the store: what it sends lands in a file without a
    name first, which is gone when this process is, and the store is opened when all of it is here.
    """
    with database.explained(f"Cannot store {path!r}"):
        database.folder.mkdir(parents=True, exist_ok=True)
        spool = tempfile.SpooledTemporaryFile(max_size=BLOCK, dir=str(database.folder))  # noqa: SIM115
    with spool:
        while block := stream.read(BLOCK):
            with database.explained(f"Cannot store {path!r}"):
                spool.write(block)
        _store(database, LocalSource(cast("BinaryIO", spool), None, path), path)


def point(
    database: FileDatabase, what: str, prepare: Callable[[], Sequence[tuple[str, Content]]]
) -> None:
    """Make contents visible at their paths; prepare them again where `gc` has overtaken them."""
    for _ in range(_ATTEMPTS):
        new = prepare()
        try:
            with database.writing() as connection:
                file_index.point(connection, new)
        except VanishedError:
            continue
        return
    message = errors.explain(
        what,
        location=database.folder,
        why=f"`gc` has swapped the chunks {_ATTEMPTS} times meanwhile",
        remedy="try again when it is not running",
    )
    raise errors.unavailable(message)


def known_content(database: FileDatabase, local: LocalSource) -> Content | None:
    """Return the content of a file that is stored already; reads it only if one has its size."""
    length = local.length()
    with database.reading() as connection:
        if not file_index.has_size(connection, length):
            return None
    for _ in local.blocks(length + 1):
        pass
    has_grown = local.has_more()
    found = Content(local.sha256, local.size)
    local.rewind()
    if has_grown:  # what was read is not all of it
        return None
    with database.reading() as connection:
        known = file_index.find_content(connection, found.sha256, found.size)
    return None if known is None else found


def _store(database: FileDatabase, local: LocalSource, path: str) -> None:
    what = f"Cannot store {path!r}"

    def prepare() -> list[tuple[str, Content]]:
        local.rewind()
        head = local.read(SMALL + 1)
        if len(head) <= SMALL:
            return [(path, Content(local.sha256, len(head), head))]
        return [(path, known_content(database, local) or _through_xet(database, local, what))]

    try:
        point(database, what, prepare)
    except OSError as error:  # of the spool
        raise file_errors.explained(error, what, database.folder) from error


def _through_xet(database: FileDatabase, local: LocalSource, what: str) -> Content:
    from mlflow_xet_artifacts.client_local import Source

    parts: list[file_index.Part] = []
    generations = set()
    while not parts or local.has_more():
        stored = file_chunks.put(database, [Source(PART, local.blocks(PART))], what=what)
        parts += stored.parts
        generations.add(stored.generation)
    # Where they differ, `gc` has swapped between two parts: the older one does not count any more.
    return Content(local.sha256, local.size, None, parts, min(generations))
