"""Xet's binary formats, as its published specification has them: shards and xorbs.

A hash as text is its bytes in four groups of eight, each group turned round.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlflow_plugin_servers.hub_lz4 import decompress

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Chunk", "ShardFile", "Term", "Xorb", "chunks", "dedup_shard", "hex_hash", "read_shard"]

_ENTRY = 48
_BOOKEND = b"\xff" * 32
_VERIFICATION, _METADATA = 1 << 31, 1 << 30
_CHUNK_HEADER = 8
_FOOTER = 200
_GROUPED = 2


@dataclass(frozen=True)
class Term:
    """A run of chunks of a xorb: a piece of a file.

    Attributes:
        xorb: The xorb's hash.
        size: Bytes once unpacked.
        start: First chunk.
        stop: The chunk behind the last.
    """

    xorb: str
    size: int
    start: int
    stop: int


@dataclass(frozen=True)
class ShardFile:
    """A file that a shard registers.

    Attributes:
        hash: Its Xet hash.
        terms: What it is made of.
        sha256: Its SHA-256; empty when the client did not tell it.
    """

    hash: str
    terms: list[Term]
    sha256: str


@dataclass(frozen=True)
class Xorb:
    """A xorb that a shard describes.

    Attributes:
        hash: Its hash.
        hashes: Those of its chunks.
        raw: The description as it was sent.
    """

    hash: str
    hashes: list[str]
    raw: bytes


@dataclass(frozen=True)
class Chunk:
    """A chunk in a serialized xorb.

    Attributes:
        end: The byte behind it.
        size: Bytes once unpacked.
    """

    end: int
    size: int


def hex_hash(raw: bytes) -> str:
    """Write a hash as text."""
    return "".join(f"{word:016x}" for word in struct.unpack("<4Q", raw))


def read_shard(data: bytes) -> tuple[bytes, list[ShardFile], list[Xorb]]:
    """Read a shard without a footer, as a client sends it.

    Args:
        data: The shard.

    Returns:
        Its magic number (which answers must repeat), the files, and the new xorbs.
    """
    magic, position = data[:32], _ENTRY
    files: list[ShardFile] = []
    while data[position : position + 32] != _BOOKEND:
        flags, count = struct.unpack_from("<II", data, position + 32)
        name, position = hex_hash(data[position : position + 32]), position + _ENTRY
        terms = []
        for _ in range(count):
            _, size, start, stop = struct.unpack_from("<4I", data, position + 32)
            terms.append(Term(hex_hash(data[position : position + 32]), size, start, stop))
            position += _ENTRY
        position += _ENTRY * count if flags & _VERIFICATION else 0
        sha256 = ""
        if flags & _METADATA:
            # Kept as hashes are, and written by Git LFS as plain hexadecimal digits.
            sha256, position = hex_hash(data[position : position + 32]), position + _ENTRY
        files.append(ShardFile(name, terms, sha256))
    position += _ENTRY
    xorbs = []
    while data[position : position + 32] != _BOOKEND:
        count = struct.unpack_from("<I", data, position + 36)[0]
        stop = position + _ENTRY * (count + 1)
        hashes = [
            hex_hash(data[each : each + 32]) for each in range(position + _ENTRY, stop, _ENTRY)
        ]
        xorbs.append(Xorb(hex_hash(data[position : position + 32]), hashes, data[position:stop]))
        position = stop
    return magic, files, xorbs


def dedup_shard(magic: bytes, xorb: bytes) -> bytes:
    """Write the shard that tells a client which chunks are here already.

    Args:
        magic: The magic number of shards.
        xorb: The description of one xorb, as it was sent.

    Returns:
        A shard with that xorb, no files, and a footer without a key: the hashes are plain.
    """
    end = _BOOKEND + bytes(16)
    xorbs_at = _ENTRY + _ENTRY
    footer_at = xorbs_at + len(xorb) + _ENTRY
    now = int(time.time())
    # Reserved in the specification; hf_xet reads three look-up tables here, and where the xorbs end: empty, at the end.
    tables = struct.pack("<6Q", footer_at, 0, footer_at, 0, footer_at, 0)
    footer = struct.pack("<3Q", 1, _ENTRY, xorbs_at) + tables + bytes(32)
    footer += struct.pack("<2Q", now, now + 86_400) + bytes(72) + struct.pack("<Q", footer_at)
    return magic + struct.pack("<2Q", 2, _FOOTER) + end + xorb + end + footer


def chunks(data: bytes) -> Iterator[Chunk]:
    """Yield where the chunks of a serialized xorb end; its footer is not needed for that.

    Args:
        data: The xorb.

    Yields:
        The chunks in their order.
    """
    position = 0
    while position + _CHUNK_HEADER <= len(data) and data[position] == 0:
        packed = int.from_bytes(data[position + 1 : position + 4], "little")
        size = int.from_bytes(data[position + 5 : position + 8], "little")
        position += _CHUNK_HEADER + packed
        if not size or position > len(data):
            return
        yield Chunk(position, size)


def unpack(data: bytes) -> bytes:
    """Unpack one serialized chunk.

    Args:
        data: The chunk with its header.

    Returns:
        Its bytes.
    """
    scheme, body = data[4], data[_CHUNK_HEADER:]
    if not scheme:
        return body
    plain = decompress(body)
    if scheme != _GROUPED:
        return plain
    out, position = bytearray(len(plain)), 0
    for first in range(4):
        count = len(range(first, len(plain), 4))
        out[first::4] = plain[position : position + count]
        position += count
    return bytes(out)
