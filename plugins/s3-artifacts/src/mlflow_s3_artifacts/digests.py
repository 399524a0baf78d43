"""Digests as S3 services write them, and the check of a download against them. Pure.

    "9dd4e461268c8034f5c8564e155c67a6"      MD5 of an object that was sent in one request
    "4f3226d0cb68832fafc51c26c5a957f7-2"    MD5 of the MD5s of its two parts, and how many they are

An ETag is such a digest unless the object is encrypted by a key of KMS or of the customer. There a
checksum takes its place that the plugin sends along: SHA-256, whole or of the parts, in base64.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow_plugin_core.objects.client import ObjectInfo, Part, Verifier

_MD5 = re.compile(r"[0-9a-f]{32}(?:-\d{1,5})?")
# Written behind a part's ETag, where parts are told apart by a checksum.
_SEPARATOR = ";sha256="


def md5_of(etag: str) -> str | None:
    """Return the MD5 digest that an ETag is, with `-N` behind it for N parts; None if it is none."""
    lowered = etag.strip('"').lower()
    return lowered if _MD5.fullmatch(lowered) else None


def md5_of_parts(etags: list[str]) -> str | None:
    """Return the ETag of an object whose parts have these; None where one is no MD5."""
    found = [md5_of(etag) for etag in etags]
    if not all(found) or any("-" in (digest or "") for digest in found):
        return None
    joined = b"".join(bytes.fromhex(digest or "") for digest in found)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(etags)}"


def content_md5(data: bytes | bytearray) -> str:
    """Return the header Content-MD5 of a body."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def join_part(etag: str, sha256: str | None) -> str:
    """Return what identifies a part: its ETag, and its SHA-256 where one was stored."""
    return f"{etag}{_SEPARATOR}{sha256}" if sha256 else etag


def split_part(part: Part) -> tuple[str, str | None]:
    """Return ETag and SHA-256 of a part."""
    etag, _, sha256 = part.etag.partition(_SEPARATOR)
    return etag, sha256 or None


def verifier_of(info: ObjectInfo) -> Verifier | None:
    """Return what checks a download, by the best digest that is known of the object."""
    for name in ("sha256", "md5"):
        expected = info.digests.get(name)
        if expected is None:
            continue
        text, _, count = expected.rpartition("-") if "-" in expected else (expected, "", "")
        if not count:
            return _Digests(name, text, 1, max(info.size, 1))
        size = info.part_bytes
        # Parts of unlike sizes cannot be told apart; other clients and very long streams make them.
        if size and -(-info.size // size) == int(count):
            return _Digests(name, text, int(count), size, of_parts=True)
    return None


class _Digests:
    """Digests of an object's parts, each fed in its own order; a whole object is one part."""

    def __init__(
        self, name: str, expected: str, count: int, part_bytes: int, *, of_parts: bool = False
    ) -> None:
        self.range_bytes: int | None = part_bytes
        self._part_bytes = part_bytes
        self._name = name
        self._expected = expected
        self._count = count
        self._of_parts = of_parts
        # Fed by several threads, each with parts of its own.
        self._running: dict[int, tuple[int, hashlib._Hash]] = {}

    def feed(self, start: int, data: bytes) -> None:
        """Take bytes that follow those of their part that came before."""
        view = memoryview(data)
        while view:
            index, offset = divmod(start, self._part_bytes)
            piece = view[: self._part_bytes - offset]
            if offset == 0:
                position, digest = 0, hashlib.new(self._name, usedforsecurity=False)
            else:
                position, digest = self._running[index]
            if position != offset:
                message = f"bytes of an object came at {offset} of a part, and not at {position}"
                raise AssertionError(message)
            digest.update(piece)
            self._running[index] = (offset + len(piece), digest)
            start += len(piece)
            view = view[len(piece) :]

    def restart(self, start: int) -> None:
        """Forget the part that begins there; later ones begin anew by themselves."""
        self._running.pop(start // self._part_bytes, None)

    def check(self) -> str | None:
        """Compare."""
        found = [self._running[index][1].digest() for index in sorted(self._running)]
        if self._of_parts:
            text = self._written(hashlib.new(self._name, b"".join(found), usedforsecurity=False))
        else:
            text = self._written(hashlib.new(self._name, usedforsecurity=False))
            if found:
                text = self._written(self._running[0][1])
        if text == self._expected:
            return None
        kind = f" of {self._count} parts" if self._of_parts else ""
        return f"{self._name.upper()}{kind} is {text}, and the service has {self._expected}"

    def _written(self, digest: hashlib._Hash) -> str:
        if self._name == "md5":
            return digest.hexdigest()
        return base64.b64encode(digest.digest()).decode()


__all__ = ["content_md5", "join_part", "md5_of", "md5_of_parts", "split_part", "verifier_of"]
