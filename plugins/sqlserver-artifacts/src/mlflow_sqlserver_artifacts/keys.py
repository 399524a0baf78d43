"""Keys of rows: hashes of paths and names of contents. Pure.

Paths are compared by a hash of their UTF-8 bytes, never by the database: collations fold case,
accents and trailing spaces, and SQL Server allows 1,700 bytes in an index key (SQL Server, Maximum
capacity specifications) where a path of 4,000 characters needs 8,000.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import Final

KEY_BYTES: Final = 32
CONTENT_ID_BYTES: Final = 16


def path_key(path: str) -> bytes:
    """Return the 32-byte key of an absolute path in the database ("" is the top)."""
    return hashlib.sha256(path.encode()).digest()


def new_content_id() -> bytes:
    """Return a new 16-byte name for the chunks of one file.

    It begins with the time in milliseconds, as UUID version 7 does (RFC 9562, section 5.7): new
    chunks land at the end of the clustered index and not all over it.
    """
    milliseconds = time.time_ns() // 1_000_000
    return milliseconds.to_bytes(6, "big") + secrets.token_bytes(10)
