"""CRC-64 as OSS computes it (ECMA-182, reflected: the one of xz), of data and of two pieces joined."""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["combine", "crc64"]

# The generator polynomial 0x42F0E1EBA9EA3693 with its bits reversed.
_POLYNOMIAL = 0xC96C5795D7870F42
_ALL = 0xFFFFFFFFFFFFFFFF
_ONE = 1 << 63


def crc64(data: bytes, value: int = 0) -> int:
    """Go on with a checksum.

    Args:
        data: More bytes.
        value: The checksum of what came before them.

    Returns:
        The checksum of all.
    """
    return _engine()(data, value)


def combine(first: int, second: int, length: int) -> int:
    """Compute the checksum of two pieces from theirs.

    Args:
        first: Checksum of the first piece.
        second: Checksum of the second one.
        length: Bytes of the second one.

    Returns:
        The checksum of both, one behind the other.
    """
    # The first checksum moves by eight places for each byte behind it: a product with x to that power.
    power, square = _ONE, _times(_ONE >> 1, _ONE)
    places = 8 * length
    while places:
        if places & 1:
            power = _times(power, square)
        square = _times(square, square)
        places >>= 1
    return _times(first, power) ^ second


def slowly(data: bytes, value: int = 0) -> int:
    """Do what `crc64` does without any library, at some 10 MB/s."""
    table = _table()
    value ^= _ALL
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ _ALL


@functools.cache
def _engine() -> Callable[[bytes, int], int]:
    """Take liblzma, which nearly every system has and which does gigabytes in a second."""
    # By its name on Linux first: to search for it takes other programs and a quarter of a second.
    for name in ("liblzma.so.5", ""):
        try:
            found = name or ctypes.util.find_library("lzma") or "liblzma is not here"
            function = ctypes.CDLL(found).lzma_crc64
        except (OSError, AttributeError):
            continue
        function.restype = ctypes.c_uint64
        function.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64)
        return lambda data, value: int(function(data, len(data), value))
    return slowly


@functools.cache
def _table() -> tuple[int, ...]:
    entries = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)  # noqa: PLW2901
        entries.append(value)
    return tuple(entries)


def _times(one: int, other: int) -> int:
    """Multiply two polynomials over GF(2), modulo the generator; the highest bit is the term x^0."""
    product = 0
    while other:
        if other & _ONE:
            product ^= one
        one = (one >> 1) ^ (_POLYNOMIAL if one & 1 else 0)
        other = (other << 1) & _ALL
    return product
