"""Git as the Hub shows it: blobs, trees and commits by their SHA-1, kept in SQLite.

The ids are Git's own, since the client compares them with what it computes from local files.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlflow_plugin_servers.hub_store import Store

__all__ = ["Commit", "Entry", "Git", "pointer", "read_pointer"]

_FILE, _TREE = b"100644", b"40000"
_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"


class Entry(NamedTuple):
    """A file or folder of a tree.

    Attributes:
        name: Its name.
        oid: Id of its blob or tree.
        is_folder: Whether it is a folder.
    """

    name: str
    oid: str
    is_folder: bool


@dataclass(frozen=True)
class Commit:
    """A commit.

    Attributes:
        oid: Its id.
        tree: Id of the tree.
        parent: Id of the commit before it; empty for the first.
        title: First line of the message.
        message: The rest.
        author: Who made it.
        when: Second since 1970.
    """

    oid: str
    tree: str
    parent: str
    title: str
    message: str
    author: str
    when: float


def pointer(sha256: str, size: int) -> bytes:
    """Write the blob that stands for a large file."""
    return _POINTER.format(sha256, size).encode()


def read_pointer(data: bytes) -> tuple[str, int] | None:
    """Read such a blob.

    Args:
        data: Content of a blob.

    Returns:
        SHA-256 and size of the large file; None for a blob that is a file itself.
    """
    if len(data) > 200 or not data.startswith(b"version https://git-lfs"):  # noqa: PLR2004
        return None
    lines = data.decode().splitlines()
    return lines[1].removeprefix("oid sha256:"), int(lines[2].removeprefix("size "))


class Git:
    """The objects of all repositories: equal content is kept once."""

    def __init__(self, store: Store) -> None:
        """Keep objects in a store."""
        self._store = store

    def write(self, kind: str, data: bytes) -> str:
        """Keep an object.

        Args:
            kind: blob, tree or commit.
            data: Its content.

        Returns:
            Its id.
        """
        oid = hashlib.sha1(
            f"{kind} {len(data)}\0".encode() + data, usedforsecurity=False
        ).hexdigest()
        self._store.rows("INSERT OR IGNORE INTO git VALUES (?, ?)", oid, data)
        return oid

    def read(self, oid: str) -> bytes:
        """Return the content of an object."""
        data: bytes = self._store.rows("SELECT data FROM git WHERE oid = ?", oid)[0][0]
        return data

    def tree(self, oid: str) -> dict[str, Entry]:
        """Return the entries of a tree in Git's order; none for an empty id."""
        found: dict[str, Entry] = {}
        data = self.read(oid) if oid else b""
        while data:
            head, _, rest = data.partition(b"\0")
            mode, _, name = head.partition(b" ")
            found[name.decode()] = Entry(name.decode(), rest[:20].hex(), mode == _TREE)
            data = rest[20:]
        return found

    def find(self, tree: str, path: str) -> Entry | None:
        """Look for a file or folder.

        Args:
            tree: Id of a tree.
            path: Path below it; the tree itself when empty.

        Returns:
            The entry, or None.
        """
        entry: Entry | None = Entry("", tree, is_folder=True)
        for name in path.split("/") if path else []:
            if entry is None or not entry.is_folder:
                return None
            entry = self.tree(entry.oid).get(name)
        return entry

    def walk(self, tree: str, prefix: str = "", *, deep: bool = False) -> Iterator[Entry]:
        """Yield what is in a tree, by path.

        Args:
            tree: Id of the tree.
            prefix: What its paths begin with.
            deep: Whether folders are walked as well.

        Yields:
            Entries whose name is the whole path.
        """
        for entry in self.tree(tree).values():
            path = f"{prefix}/{entry.name}" if prefix else entry.name
            yield entry._replace(name=path)
            if deep and entry.is_folder:
                yield from self.walk(entry.oid, path, deep=True)

    def change(self, tree: str, changes: Mapping[str, str | None]) -> str:
        """Make a tree that differs from another.

        Args:
            tree: Id of that tree; empty for none.
            changes: Blob ids by path; None removes a file or a whole folder.

        Returns:
            Id of the new tree; empty when nothing is left, for Git has no empty folders.
        """
        entries = self.tree(tree)
        below: dict[str, dict[str, str | None]] = {}
        for path, oid in changes.items():
            name, slash, rest = path.partition("/")
            if slash:
                below.setdefault(name, {})[rest] = oid
            elif oid is None:
                entries.pop(name, None)
            else:
                entries[name] = Entry(name, oid, is_folder=False)
        for name, inner in below.items():
            old = entries.get(name)
            oid = self.change(old.oid if old and old.is_folder else "", inner)
            if oid:
                entries[name] = Entry(name, oid, is_folder=True)
            elif old and old.is_folder:
                del entries[name]
        return self._write_tree(entries.values())

    def _write_tree(self, entries: Iterable[Entry]) -> str:
        # Git sorts a folder as if its name ended with a slash.
        ordered = sorted(entries, key=lambda each: each.name.encode() + b"/" * each.is_folder)
        data = b"".join(
            (_TREE if each.is_folder else _FILE)
            + b" "
            + each.name.encode()
            + b"\0"
            + bytes.fromhex(each.oid)
            for each in ordered
        )
        return self.write("tree", data) if data else ""

    def commit(self, tree: str, parent: str, title: str, message: str, author: str) -> str:
        """Make a commit.

        Args:
            tree: Id of its tree.
            parent: Id of the commit before it; empty for none.
            title: First line of the message.
            message: The rest.
            author: Who makes it.

        Returns:
            Its id.
        """
        when = time.time()
        lines = [f"tree {tree or self.write('tree', b'')}"]
        if parent:
            lines.append(f"parent {parent}")
        who = f"{author} <{author}@users.noreply.hub> {int(when)} +0000"
        lines += [f"author {who}", f"committer {who}", "", title, "", message]
        oid = self.write("commit", "\n".join(lines).encode())
        self._store.rows(
            "INSERT OR IGNORE INTO commits VALUES (?, ?, ?, ?, ?, ?, ?)",
            oid, tree, parent, title, message, author, when,
        )  # fmt: skip
        return oid

    def look_up(self, oid: str) -> Commit:
        """Return a commit by its id."""
        return Commit(*self._store.rows("SELECT * FROM commits WHERE oid = ?", oid)[0])

    def history(self, oid: str) -> Iterator[Commit]:
        """Yield a commit and all before it, the newest first."""
        while oid:
            found = self.look_up(oid)
            yield found
            oid = found.parent
