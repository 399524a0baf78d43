"""Looks at a whole local store: what it holds and takes, and whether all of it can be read."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from mlflow.exceptions import MlflowException

from mlflow_plugin_core import errors
from mlflow_xet_artifacts import file_downloads, file_garbage, file_index
from mlflow_xet_artifacts.file_location import INDEX_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mlflow_xet_artifacts.file_database import FileDatabase
    from mlflow_xet_artifacts.file_index import Entry


class Stats(NamedTuple):
    """Figures of a store.

    Attributes:
        files: Paths.
        logical: Bytes of all of them.
        contents: Different contents among them.
        unique: Bytes of those.
        dead: Contents that no path points to, until `gc`.
        stored: Bytes on the disk: chunks, index, and what `gc` would remove.
    """

    files: int
    logical: int
    contents: int
    unique: int
    dead: int
    stored: int

    @property
    def ratio(self) -> float:
        """Logical bytes for one stored byte."""
        return self.logical / self.stored if self.stored else 1.0


class Damage(NamedTuple):
    """A path whose content cannot be read as it was stored.

    Attributes:
        path: In the store.
        why: What was found.
        content: Its number in the index.
    """

    path: str
    why: str
    content: int


def stats(database: FileDatabase) -> Stats:
    """Count what a store holds."""
    if not database.exists():
        return Stats(0, 0, 0, 0, 0, 0)
    with database.reading() as connection:
        files, logical = connection.execute(
            "SELECT count(*), coalesce(sum(size), 0)"
            " FROM entries JOIN contents ON contents.id = entries.content"
        ).fetchone()
        living = "FROM contents WHERE id IN (SELECT content FROM entries)"
        contents, unique = connection.execute(
            f"SELECT count(*), coalesce(sum(size), 0) {living}"
        ).fetchone()
        (total,) = connection.execute("SELECT count(*) FROM contents").fetchone()
    stored = file_garbage.stored_bytes(database)
    return Stats(files, logical, contents, unique, total - contents, stored)


def verify(
    database: FileDatabase, root: str, advance: Callable[[int, int], None]
) -> Iterator[Damage]:
    """Read everything below an artifact root and compare digests; each content once.

    Args:
        database: The store.
        root: The artifact root; "" for the whole store.
        advance: Told how many paths were read, and how many there are.

    Yields:
        What cannot be read as it was stored.

    Raises:
        MlflowException: RESOURCE_DOES_NOT_EXIST where no store is; what has nothing to do with one
            content: TEMPORARILY_UNAVAILABLE, PERMISSION_DENIED.
    """
    if not database.exists():
        message = errors.explain(
            "There is no local Xet store",
            location=database.folder,
            why=f"it holds no {INDEX_NAME}",
            remedy="correct the location, or restore the store",
        )
        raise errors.not_found(message)
    with database.reading() as connection:
        entries = list(file_index.below(connection, root))
    seen: dict[int, str] = {}
    for number, entry in enumerate(entries, 1):
        if entry.stored is not None:
            if entry.stored.id not in seen:
                seen[entry.stored.id] = _fault(database, entry)
            if seen[entry.stored.id]:
                yield Damage(entry.path, seen[entry.stored.id], entry.stored.id)
        advance(number, len(entries))


def forget(database: FileDatabase, damages: Iterable[Damage]) -> None:
    """Take damaged contents, and all paths that point to them, out of the index.

    After it `gc` has to run: hf_xet would find the damaged chunks again, and not store new ones.
    """
    numbers = [(number,) for number in {damage.content for damage in damages}]
    with database.writing() as connection:
        connection.executemany("DELETE FROM entries WHERE content = ?", numbers)
        connection.executemany("DELETE FROM contents WHERE id = ?", numbers)


def _fault(database: FileDatabase, entry: Entry) -> str:
    digest = hashlib.sha256()
    stored = entry.stored
    assert stored is not None  # noqa: S101  # its caller looked
    try:
        file_downloads.read_all(database, entry.path, stored, digest.update)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return ""  # deleted meanwhile
        if error.error_code != "INTERNAL_ERROR":
            raise
        return str(error.message)
    return "" if digest.digest() == stored.sha256 else "its SHA-256 is not that of what was stored"
