"""Reads LZ4 frames, which Xet's chunks may be: this server runs without installed packages."""

from __future__ import annotations

__all__ = ["decompress"]

_MAGIC = b"\x04\x22\x4d\x18"
_LITERALS_MORE = 15
_SHORTEST_MATCH = 4


def decompress(data: bytes) -> bytes:
    """Unpack one LZ4 frame.

    Args:
        data: The frame; its checksums are not looked at, for whoever asks compares a SHA-256 in the end.

    Returns:
        What was packed.

    Raises:
        ValueError: It is not such a frame.
    """
    if data[:4] != _MAGIC:
        message = "not an LZ4 frame"
        raise ValueError(message)
    flags = data[4]
    position = 7 + (8 if flags & 0x08 else 0) + (4 if flags & 0x01 else 0)
    block_checksums = 4 if flags & 0x10 else 0
    out = bytearray()
    while size := int.from_bytes(data[position : position + 4], "little"):
        position += 4
        length = size & 0x7FFFFFFF
        block = data[position : position + length]
        if size >> 31:
            out += block
        else:
            _block(block, out)
        position += length + block_checksums
    return bytes(out)


def _block(data: bytes, out: bytearray) -> None:
    position, end = 0, len(data)
    while position < end:
        token = data[position]
        position += 1
        count, position = _length(data, position, token >> 4)
        out += data[position : position + count]
        position += count
        if position >= end:
            return
        offset = data[position] | data[position + 1] << 8
        count, position = _length(data, position + 2, token & 15)
        count += _SHORTEST_MATCH
        start = len(out) - offset
        # A match may reach into what it writes itself: then its bytes repeat.
        piece = bytes(out[start : start + count])
        while len(piece) < count:
            piece += piece[: count - len(piece)]
        out += piece


def _length(data: bytes, position: int, first: int) -> tuple[int, int]:
    count = first
    if first == _LITERALS_MORE:
        while True:
            more = data[position]
            position += 1
            count += more
            if more != 255:  # noqa: PLR2004  (a byte that is not full ends the number)
                break
    return count, position
