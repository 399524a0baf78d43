"""Where the Hub server keeps what it has: large files and xorbs in files, everything else in SQLite."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from mlflow_plugin_servers.hub_errors import HubError
from mlflow_plugin_servers.own_store import Database

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Store"]

_TABLES = """
CREATE TABLE IF NOT EXISTS git (oid TEXT PRIMARY KEY, data BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS commits (
    oid TEXT PRIMARY KEY, tree TEXT, parent TEXT, title TEXT, message TEXT, author TEXT, made REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS repos (
    kind TEXT, id TEXT, private INTEGER, made REAL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refs (
    kind TEXT, id TEXT, space TEXT, name TEXT, oid TEXT, PRIMARY KEY (kind, id, space, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS large (sha256 TEXT PRIMARY KEY, size INTEGER, xet TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS xet_files (hash TEXT PRIMARY KEY, size INTEGER, sha256 TEXT, terms TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS xorbs (hash TEXT PRIMARY KEY, ends TEXT, sizes TEXT, chunks BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chunks (hash TEXT PRIMARY KEY, xorb TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bucket_files (
    id TEXT, path TEXT, hash TEXT, size INTEGER, mtime REAL, made REAL, PRIMARY KEY (id, path)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, role TEXT, user TEXT) WITHOUT ROWID;
"""


class Store(Database):
    """All repositories; each call is one transaction."""

    def __init__(self, folder: Path) -> None:
        """Open what is in a folder, or begin there.

        Args:
            folder: An existing folder.
        """
        self.large = folder / "large"
        self.xorbs = folder / "xorbs"
        for each in (self.large, self.xorbs):
            each.mkdir(exist_ok=True)
        super().__init__(folder / "hub.sqlite", _TABLES)

    def write(self, folder: Path, blocks: Iterable[bytes], *, name: str = "") -> tuple[str, int]:
        """Put bytes into a file.

        Args:
            folder: `large` or `xorbs`.
            blocks: The bytes.
            name: Name of the file; by default, and checked in `large`, the SHA-256 of the bytes.

        Returns:
            The SHA-256, and how many bytes there were.

        Raises:
            HubError: The bytes are not those that the name says.
        """
        temporary = folder / f".{secrets.token_hex(16)}"
        digest, size = hashlib.sha256(), 0
        try:
            with temporary.open("wb") as stream:
                for block in blocks:
                    stream.write(block)
                    digest.update(block)
                    size += len(block)
            found = digest.hexdigest()
            if folder == self.large and name and name != found:
                message = f"the content's SHA-256 is {found} and not {name}"
                raise HubError(400, message)
            temporary.replace(folder / (name or found))
        finally:
            temporary.unlink(missing_ok=True)
        return found, size
