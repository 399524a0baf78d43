"""What stands in the index: contents by their digest, and paths that point to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mlflow_plugin_core import artifact_paths, errors

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

_PAGE = 1_000


class Part(NamedTuple):
    """A piece of a content as hf_xet knows it."""

    hash: str
    size: int


@dataclass(frozen=True)
class Content:
    """What is to be stored for one file: its digest, and its bytes or its parts.

    Attributes:
        sha256: Of the whole.
        size: Bytes.
        data: The bytes, where they stand in the index itself.
        parts: hf_xet's pieces, where they do not.
        generation: Of the chunk folder that holds the parts; None for a content that was found in
            the index, and that `gc` may have removed since.
    """

    sha256: bytes
    size: int
    data: bytes | None = None
    parts: Sequence[Part] = ()
    generation: int | None = None


class VanishedError(Exception):
    """`gc` was faster than the upload: what was counted on is not there any more; store it again."""


@dataclass(frozen=True)
class Stored:
    """A content as the index holds it: what a download needs.

    Attributes:
        id: Its number.
        sha256: Of the whole.
        size: Bytes.
        is_small: Whether the index itself holds the bytes.
    """

    id: int
    sha256: bytes
    size: int
    is_small: bool


class Entry(NamedTuple):
    """One path of a listing; `stored` is None for a folder."""

    path: str
    stored: Stored | None


_COLUMNS = "entries.path, contents.id, sha256, size, data IS NOT NULL"
_JOIN = "FROM entries JOIN contents ON contents.id = entries.content"


def find(connection: sqlite3.Connection, path: str) -> Entry | None:
    """Describe one path: a file, a folder, or None."""
    row = connection.execute(f"SELECT {_COLUMNS} {_JOIN} WHERE path = ?", (path,)).fetchone()
    if row is not None:
        return _entry(row)
    return Entry(path, None) if is_folder(connection, path) else None


def is_folder(connection: sqlite3.Connection, path: str) -> bool:
    """Tell whether anything lies below a path."""
    low, high = _below(path)
    query = "SELECT 1 FROM entries WHERE path > ? AND path < ? LIMIT 1"
    return connection.execute(query, (low, high)).fetchone() is not None


def children(connection: sqlite3.Connection, folder: str) -> Iterator[Entry]:
    """Yield one level; a folder's own entries are jumped over, however many it holds."""
    low, high = _below(folder)
    query = f"SELECT {_COLUMNS} {_JOIN} WHERE path >= ? AND path < ? ORDER BY path LIMIT {_PAGE}"
    start = len(low)
    while rows := connection.execute(query, (low, high)).fetchall():
        for row in rows:
            name, slash, _ = row[0][start:].partition("/")
            if slash:
                inside = row[0][:start] + name
                yield Entry(inside, None)
                low = f"{inside}0"  # the first path that is behind all that lies in it
                break
            yield _entry(row)
            low = f"{row[0]}\0"  # the first that is behind it: no path holds a NUL


def below(connection: sqlite3.Connection, folder: str) -> Iterator[Entry]:
    """Yield every file below a folder, in the order of their paths."""
    low, high = _below(folder)
    query = f"SELECT {_COLUMNS} {_JOIN} WHERE path > ? AND path < ? ORDER BY path LIMIT {_PAGE}"
    while rows := connection.execute(query, (low, high)).fetchall():
        yield from map(_entry, rows)
        low = rows[-1][0]


def find_content(connection: sqlite3.Connection, sha256: bytes, size: int) -> int | None:
    """Return the number of a content that is stored already."""
    query = "SELECT id FROM contents WHERE sha256 = ? AND size = ?"
    row = connection.execute(query, (sha256, size)).fetchone()
    return None if row is None else int(row[0])


def has_size(connection: sqlite3.Connection, size: int) -> bool:
    """Tell whether a content of hf_xet's of just this size is stored."""
    query = "SELECT 1 FROM contents WHERE size = ? AND data IS NULL LIMIT 1"
    return connection.execute(query, (size,)).fetchone() is not None


def names_larger(connection: sqlite3.Connection) -> bool:
    """Tell whether any path has a content whose bytes are in the chunk folder."""
    query = f"SELECT 1 {_JOIN} WHERE data IS NULL LIMIT 1"
    return connection.execute(query).fetchone() is not None


def point(connection: sqlite3.Connection, new: Iterable[tuple[str, Content]]) -> None:
    """Make contents visible at their paths.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE where a path is a folder or lies below a file.
        VanishedError: A content has to be stored again.
    """
    files = dict(new)
    _check_folders(connection, files)
    numbers: dict[tuple[bytes, int], int] = {}
    for content in files.values():
        key = content.sha256, content.size
        if key not in numbers:
            numbers[key] = _keep(connection, content)
    connection.executemany(
        "INSERT INTO entries VALUES (?, ?) ON CONFLICT (path) DO UPDATE SET content = excluded.content",
        [(path, numbers[content.sha256, content.size]) for path, content in files.items()],
    )


def remove(connection: sqlite3.Connection, paths: Iterable[str]) -> None:
    """Take paths out; their contents stay until `gc`."""
    connection.executemany("DELETE FROM entries WHERE path = ?", ((path,) for path in paths))


def data_of(connection: sqlite3.Connection, number: int) -> bytes | None:
    """Return the bytes of a small content; None where `gc` has removed it."""
    row = connection.execute("SELECT data FROM contents WHERE id = ?", (number,)).fetchone()
    return None if row is None else bytes(row[0])


def parts_of(connection: sqlite3.Connection, number: int) -> list[Part]:
    """Return the parts of a larger content, in their order."""
    query = "SELECT hash, size FROM parts WHERE content = ? ORDER BY number"
    return [Part(*row) for row in connection.execute(query, (number,))]


def generation(connection: sqlite3.Connection) -> int:
    """Return the number of the chunk folder that counts."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()
    return int(row[0])


def _keep(connection: sqlite3.Connection, content: Content) -> int:
    number = find_content(connection, content.sha256, content.size)
    if number is not None:
        return number
    if content.data is None and content.generation != generation(connection):
        raise VanishedError
    cursor = connection.execute(
        "INSERT INTO contents (sha256, size, data) VALUES (?, ?, ?)",
        (content.sha256, content.size, content.data),
    )
    number = int(cursor.lastrowid or 0)
    connection.executemany(
        "INSERT INTO parts VALUES (?, ?, ?, ?)",
        [(number, index, part.hash, part.size) for index, part in enumerate(content.parts)],
    )
    return number


def _check_folders(connection: sqlite3.Connection, files: dict[str, Content]) -> None:
    folders = {above: path for path in files for above in artifact_paths.ancestors(path)}
    for above, path in folders.items():
        row = connection.execute("SELECT 1 FROM entries WHERE path = ?", (above,)).fetchone()
        if row is not None or above in files:
            message = f"Cannot store {path!r}: {above!r} is a file"
            raise errors.invalid_parameter(message)
    for path in files:
        if is_folder(connection, path):
            raise errors.invalid_parameter(f"Cannot store {path!r}: it is a folder")


def _below(folder: str) -> tuple[str, str | bytes]:
    # "0" is the character behind "/": between both lies all that begins with the folder's name.
    # SQLite sorts every text before every blob.
    return (f"{folder}/", f"{folder}0") if folder else ("", b"")


def _entry(row: tuple[str, int, bytes, int, int]) -> Entry:
    path, number, sha256, size, is_small = row
    return Entry(path, Stored(number, bytes(sha256), size, bool(is_small)))
