"""Where the OSS server keeps its objects: bytes in files, everything else in SQLite.

Not over another object store, for the ones at hand order keys by folders, refuse keys with `..` and parts below
5 MiB, know no appended objects and no CRC-64; their answers would be theirs and not those of OSS.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from mlflow_plugin_servers.oss_crc64 import crc64
from mlflow_plugin_servers.own_store import Database

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Blob", "Store", "StoredObject"]

_TABLES = """
CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, made REAL, acl TEXT, class TEXT);
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT, key BLOB, file TEXT, size INTEGER, md5 TEXT, crc TEXT, etag TEXT, kind TEXT, modified REAL,
    headers TEXT, PRIMARY KEY (bucket, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, bucket TEXT, key BLOB, made REAL, headers TEXT);
CREATE TABLE IF NOT EXISTS parts (
    upload TEXT, number INTEGER, file TEXT, size INTEGER, md5 TEXT, crc TEXT, modified REAL,
    PRIMARY KEY (upload, number)) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Blob:
    """Bytes in a file that nobody changes any more.

    Attributes:
        file: Name of the file.
        size: Bytes.
        md5: Their MD5, in capital letters.
        crc: Their CRC-64.
    """

    file: str
    size: int
    md5: str
    crc: int


@dataclass(frozen=True)
class StoredObject:
    """An object.

    Attributes:
        key: Its name.
        blob: Its bytes.
        etag: Its ETag without quotes.
        kind: Normal, Multipart, Appendable or Symlink.
        modified: Second since 1970 at which it was written.
        headers: Its headers by name in small letters, user metadata among them.
    """

    key: str
    blob: Blob
    etag: str
    kind: str = "Normal"
    modified: float = field(default_factory=time.time)
    headers: dict[str, str] = field(default_factory=dict)


class Store(Database):
    """All buckets; each call is one transaction."""

    def __init__(self, folder: Path) -> None:
        """Open what is in a folder, or begin there.

        Args:
            folder: An existing folder.
        """
        self._files = folder / "files"
        self._files.mkdir(exist_ok=True)
        super().__init__(folder / "objects.sqlite", _TABLES)

    def path(self, blob: Blob) -> Path:
        """Name the file of some bytes."""
        return self._files / blob.file

    def write(self, blocks: Iterable[bytes]) -> Blob:
        """Put bytes into a file of their own.

        Args:
            blocks: The bytes.

        Returns:
            What was written; nothing refers to it yet.
        """
        name = secrets.token_hex(16)
        md5, crc, size = hashlib.md5(usedforsecurity=False), 0, 0
        try:
            with (self._files / name).open("wb") as stream:
                for block in blocks:
                    stream.write(block)
                    md5.update(block)
                    crc = crc64(block, crc)
                    size += len(block)
        except BaseException:
            (self._files / name).unlink(missing_ok=True)
            raise
        return Blob(name, size, md5.hexdigest().upper(), crc)

    def join(self, blobs: Iterable[Blob], md5: str, crc: int) -> Blob:
        """Put the bytes of several into one file.

        Args:
            blobs: In their order.
            md5: What is said to be the MD5 of all.
            crc: The CRC-64 of all.

        Returns:
            What was written.
        """
        name, size = secrets.token_hex(16), 0
        with (self._files / name).open("wb") as target:
            for blob in blobs:
                with self.path(blob).open("rb") as source:
                    shutil.copyfileobj(source, target, 1 << 20)
                size += blob.size
        return Blob(name, size, md5, crc)

    def twin(self, blob: Blob) -> Blob:
        """Give the same bytes a second name; they take no room of their own."""
        name = secrets.token_hex(16)
        os.link(self.path(blob), self._files / name)
        return Blob(name, blob.size, blob.md5, blob.crc)

    def extend(self, blob: Blob, more: Blob, crc: int) -> Blob:
        """Put the bytes of another behind these, in the same file.

        Whoever reads the file knows how long it was and reads no further.

        Args:
            blob: What there is.
            more: What comes behind it.
            crc: The CRC-64 of both.

        Returns:
            Both together.
        """
        with self.path(blob).open("r+b") as target, self.path(more).open("rb") as source:
            # A server that was killed in the middle of this may have left something behind the end.
            target.truncate(blob.size)
            target.seek(blob.size)
            shutil.copyfileobj(source, target, 1 << 20)
        md5 = hashlib.md5((blob.md5 + more.md5).encode(), usedforsecurity=False).hexdigest()
        return Blob(blob.file, blob.size + more.size, md5.upper(), crc)

    def remove(self, *blobs: Blob) -> None:
        """Remove files; answers that are being sent from them go on."""
        for blob in blobs:
            self.path(blob).unlink(missing_ok=True)

    def find(self, bucket: str, key: str) -> StoredObject | None:
        """Look for an object.

        Args:
            bucket: Name of the bucket.
            key: Name of the object.

        Returns:
            The object, or None.
        """
        found = self.rows(
            f"SELECT {_COLUMNS} FROM objects WHERE bucket = ? AND key = ?", bucket, key.encode()
        )
        return as_object(found[0]) if found else None

    def open(self, bucket: str, key: str) -> tuple[StoredObject, IO[bytes]] | None:
        """Open an object's bytes, which then stay what they are whatever becomes of the object.

        Args:
            bucket: Name of the bucket.
            key: Name of the object.

        Returns:
            The object and its bytes, or None.
        """
        with self.lock:
            found = self.find(bucket, key)
            return (found, self.path(found.blob).open("rb")) if found else None

    def put(self, bucket: str, thing: StoredObject) -> None:
        """Keep an object in place of the one with its name, whose bytes are removed.

        Args:
            bucket: Name of the bucket.
            thing: The object.
        """
        blob = thing.blob
        with self.transaction():
            old = self.find(bucket, thing.key)
            self.rows(
                "REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                bucket,
                thing.key.encode(),
                blob.file,
                blob.size,
                blob.md5,
                str(blob.crc),
                thing.etag,
                thing.kind,
                thing.modified,
                json.dumps(thing.headers),
            )
        if old and old.blob.file != blob.file:
            self.remove(old.blob)

    def delete(self, bucket: str, key: str) -> bool:
        """Remove an object.

        Args:
            bucket: Name of the bucket.
            key: Name of the object.

        Returns:
            Whether there was one.
        """
        with self.transaction():
            old = self.find(bucket, key)
            self.rows("DELETE FROM objects WHERE bucket = ? AND key = ?", bucket, key.encode())
        if old:
            self.remove(old.blob)
        return old is not None

    def after(self, bucket: str, start: bytes, prefix: bytes, limit: int) -> list[StoredObject]:
        """Read objects in the order of their names' bytes.

        Args:
            bucket: Name of the bucket.
            start: The names come after this one.
            prefix: What the names begin with.
            limit: How many at most.

        Returns:
            The objects.
        """
        # No name in UTF-8 holds the byte 0xff, so it stands behind every name with the prefix.
        rows = self.rows(
            f"SELECT {_COLUMNS} FROM objects WHERE bucket = ? AND key > ? AND key >= ? AND key < ? "
            "ORDER BY key LIMIT ?",
            bucket,
            start,
            prefix,
            prefix + b"\xff",
            limit,
        )
        return [as_object(row) for row in rows]


_COLUMNS = "key, file, size, md5, crc, etag, kind, modified, headers"


def as_object(row: tuple[Any, ...]) -> StoredObject:
    """Read a row of the table."""
    key, file, size, md5, crc, etag, kind, modified, headers = row
    blob = Blob(file, size, md5, int(crc))
    return StoredObject(key.decode(), blob, etag, kind, modified, json.loads(headers))
