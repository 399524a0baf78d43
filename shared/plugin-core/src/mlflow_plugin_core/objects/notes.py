"""Local notes on unfinished uploads, so that the next process goes on after a kill.

A note holds the id of one upload and nothing else of use: what arrived is asked of the service and
compared with the file. So a note that is old, wrong or lost does no harm, and a folder that cannot
be written only means that nothing is resumed. While an upload runs its note is locked by the
operating system, which also unlocks it for a process that was killed: no two processes go on with
the same upload.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

_logger = logging.getLogger(__name__)

# Services keep unfinished uploads for ever or as their owner says, most for a week.
_DAYS = 7
_LOCKED_BYTE = 1 << 30  # msvcrt forbids reading what is locked; nothing is ever written here


class Note:
    """A locked note.

    Attributes:
        upload_id: The upload to go on with, None where none is known.
    """

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self._path = path
        self._stream = stream
        self.upload_id = _read(stream)

    def write(self, upload_id: str) -> None:
        """Note an upload in place of the one before."""
        self.upload_id = upload_id
        try:
            self._stream.seek(0)
            self._stream.truncate()
            self._stream.write(json.dumps({"upload_id": upload_id}).encode())
            self._stream.flush()
        except OSError as error:
            _logger.debug("Cannot note an upload: %s", error)

    def remove(self) -> None:
        """Forget the upload, and unlock."""
        if os.name == "nt":  # pragma: no cover  # there an open file cannot be removed
            self.release()
        with suppress(OSError):
            self._path.unlink()
        self.release()

    def release(self) -> None:
        """Unlock, and leave the note for whoever tries again."""
        with suppress(OSError):
            self._stream.close()


def folder() -> Path:
    """Return where notes are kept: below XDG_CACHE_HOME, or the system's folder for caches."""
    base = os.environ.get("XDG_CACHE_HOME")
    if not base and sys.platform == "win32":  # pragma: no cover
        base = os.environ.get("LOCALAPPDATA")
    # expanduser of a user without a home returns "~": nothing is then written there.
    return Path(base or "~/.cache").expanduser() / "mlflow-plugins" / "uploads"


def claim(*facts: object) -> Note | None:
    """Return the locked note for an upload with these facts: the place, the key, size and times.

    None where another upload with the same facts is running, or no note can be kept.
    """
    name = hashlib.sha256("\0".join(str(fact) for fact in facts).encode()).hexdigest()
    try:
        place = folder()
        if not place.is_absolute():
            return None
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        _clean(place)
        return _open(place / name)
    except OSError as error:
        _logger.debug("No note is kept of an upload: %s", error)
        return None


def _open(path: Path) -> Note | None:
    for _ in range(3):
        stream = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)
        try:
            if not _lock(stream):
                stream.close()
                return None
            # Its owner may have removed it between opening and locking.
            if path.exists() and os.path.samestat(os.fstat(stream.fileno()), path.stat()):
                return Note(path, stream)
        except BaseException:
            stream.close()
            raise
        stream.close()
    return None


def _lock(stream: BinaryIO) -> bool:
    try:
        if sys.platform == "win32":  # pragma: no cover
            import msvcrt

            stream.seek(_LOCKED_BYTE)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _read(stream: BinaryIO) -> str | None:
    stream.seek(0)
    try:
        found = json.loads(stream.read(1 << 16))["upload_id"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) and found else None


def _clean(place: Path) -> None:
    """Remove notes that nobody came back for."""
    for path in _old(place):
        with suppress(OSError), path.open("r+b", buffering=0) as stream:
            if _lock(stream):
                path.unlink()


def _old(place: Path) -> Iterator[Path]:
    limit = time.time() - _DAYS * 24 * 3_600
    with os.scandir(place) as found:
        for entry in found:
            with suppress(OSError):
                if entry.stat().st_mtime < limit:
                    yield Path(entry.path)
