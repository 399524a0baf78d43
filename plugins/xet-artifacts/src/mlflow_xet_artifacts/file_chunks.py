"""hf_xet's chunk store below a local store: one user at a time, on the disk before it counts.

The store's folder holds `xet-index.db`, the index of SQLite; `chunks-1`, hf_xet's own folder with a
ledger beside it of what is on the disk, until `gc` writes `chunks-2` and swaps; and the lock files
`turn.lock`, `work.lock` and `gc.lock`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from mlflow_xet_artifacts import file_errors, file_index, file_ledger, file_lock, file_watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from mlflow_xet_artifacts.client_local import Reading, Source
    from mlflow_xet_artifacts.file_database import FileDatabase
    from mlflow_xet_artifacts.file_index import Part


class Stored(NamedTuple):
    """What was put: by what it is found again, and in which generation of the chunk folder."""

    generation: int
    parts: list[Part]


def folder_of(database: FileDatabase, generation: int) -> Path:
    """Return hf_xet's folder of one generation."""
    return database.folder / f"chunks-{generation}"


def put(database: FileDatabase, sources: Iterable[Source], *, what: str) -> Stored:
    """Store contents in one commit; they are on the disk when this returns.

    Raises:
        MlflowException: TEMPORARILY_UNAVAILABLE where others work in the store for too long or the
            transfer stalls; what the disk says; what reading a source raises.
    """
    with current(database) as generation:
        folder = folder_of(database, generation)
        return Stored(generation, put_into(database, folder, sources, what=what))


def put_into(
    database: FileDatabase, folder: Path, sources: Iterable[Source], *, what: str
) -> list[Part]:
    """Store contents in a chunk folder that nobody else has open."""
    from mlflow_xet_artifacts.client_local import Upload

    upload = Upload(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with file_ledger.recorded(folder):
            return file_watch.run(
                lambda: upload.run(sources),
                progress=upload.progress,
                cancel=upload.cancel,
                timeout=database.settings.stall_timeout,
                what=what,
            )
    except (OSError, RuntimeError) as error:
        raise file_errors.explained(error, what, database.folder) from error


def read(
    database: FileDatabase,
    use: Callable[[Callable[[Part, int, int], Iterator[bytes]]], None],
    *,
    what: str,
) -> None:
    """Open the chunk store and use it: `use` is given the function that reads ranges of parts.

    Raises:
        MlflowException: As `put`; INTERNAL_ERROR for what hf_xet cannot read.
    """
    with current(database) as generation:
        read_from(database, folder_of(database, generation), use, what=what)


def read_from(
    database: FileDatabase,
    folder: Path,
    use: Callable[[Callable[[Part, int, int], Iterator[bytes]]], None],
    *,
    what: str,
) -> None:
    """Use a chunk folder that nobody else has open."""
    from mlflow_xet_artifacts.client_local import Reading

    reading = Reading(folder)
    try:
        file_watch.run(
            lambda: _use(reading, use),
            progress=reading.progress,
            cancel=reading.cancel,
            timeout=database.settings.stall_timeout,
            what=what,
        )
    except (OSError, RuntimeError) as error:
        raise file_errors.explained(error, what, database.folder) from error


def _use(
    reading: Reading, use: Callable[[Callable[[Part, int, int], Iterator[bytes]]], None]
) -> None:
    with reading.opened() as read_part:
        use(read_part)


@contextmanager
def current(database: FileDatabase) -> Iterator[int]:
    """Hold the chunk store alone; yields the generation of its folder."""
    with file_lock.exclusive(database.folder, database.settings.lock_timeout):
        with database.reading() as connection:
            generation = file_index.generation(connection)
            is_there = folder_of(database, generation).exists()
            is_torn = not is_there and file_index.names_larger(connection)
        if is_torn:  # a folder made anew would look as if it were the right one
            raise file_errors.chunks_missing(database.folder, generation)
        yield generation
