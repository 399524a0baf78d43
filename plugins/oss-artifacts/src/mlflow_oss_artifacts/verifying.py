"""Checks the content of a download against the CRC-64 of the whole object, range by range."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from mlflow_oss_artifacts import crc64

if TYPE_CHECKING:
    from mlflow_plugin_core.objects.client import ObjectInfo

DIGEST = "crc64"


class CrcVerifier:
    """Combines the checksums of pieces that come in any order, each piece in its own order.

    A listing tells no CRC-64, and to ask for each file's would double the requests. Every answer
    to a read has it, so the client puts it into `info.digests` then, and it is looked at last.
    """

    range_bytes: int | None = None

    def __init__(self, info: ObjectInfo) -> None:
        """Begin without any piece."""
        self._info = info
        self._lock = threading.Lock()
        # By the byte behind its last one: the first byte of a piece, and its checksum.
        self._pieces: dict[int, tuple[int, int]] = {}

    def feed(self, start: int, data: bytes) -> None:
        """Take the bytes that begin at `start`; they lengthen the piece that ends there."""
        with self._lock:
            first, value = self._pieces.pop(start, (start, 0))
        # A piece is fed by one thread: the checksum itself needs no lock.
        value = crc64.crc64(data, value)
        with self._lock:
            self._pieces[start + len(data)] = (first, value)

    def restart(self, start: int) -> None:
        """Forget the piece that begins at `start`, which is fed again."""
        with self._lock:
            self._pieces = {end: piece for end, piece in self._pieces.items() if piece[0] != start}

    def check(self) -> str | None:
        """Return None if the content is right, or OSS gave no digest, else what differs."""
        with self._lock:
            pieces = sorted((first, end, value) for end, (first, value) in self._pieces.items())
        behind = 0
        for first, end, _ in pieces:
            if first != behind:
                return f"byte {behind} was expected and byte {first} came"
            behind = end
        if behind != self._info.size:
            return f"{self._info.size} bytes were expected and {behind} came"
        expected = self._info.digests.get(DIGEST)
        found = crc64.combine_all((value, end - first) for first, end, value in pieces)
        if not expected or int(expected) == found:
            return None
        return f"its CRC-64 is {expected} at OSS and {found} as it arrived"
