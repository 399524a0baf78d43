"""CRC-64 as OSS computes it (ECMA-182, the one of xz), of data and of two pieces joined."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from fastcrc.crc64 import xz

if TYPE_CHECKING:
    from collections.abc import Iterable

# The generator polynomial 0x42F0E1EBA9EA3693 with its bits reversed.
_POLYNOMIAL = 0xC96C5795D7870F42
_ALL = 0xFFFFFFFFFFFFFFFF
_ONE = 1 << 63


def crc64(data: bytes, value: int = 0) -> int:
    """Go on with a checksum over more bytes."""
    return xz(data, value) if value else xz(data)


def combine(first: int, second: int, length: int) -> int:
    """Return the checksum of two pieces, one behind the other.

    Args:
        first: Checksum of the first piece.
        second: Checksum of the second one.
        length: Bytes of the second one.
    """
    # Each byte behind the first piece moves its checksum by eight places: a product with x^8.
    return _times(first, _power(8 * length)) ^ second


def combine_all(pieces: Iterable[tuple[int, int]]) -> int:
    """Return the checksum of pieces in their order, each a checksum and its bytes."""
    value = 0
    for checksum, length in pieces:
        value = combine(value, checksum, length)
    return value


@functools.lru_cache(maxsize=256)
def _power(places: int) -> int:
    """Return x to that power; parts of one file have all but one the same size, so it is kept."""
    power, square = _ONE, _ONE >> 1
    while places:
        if places & 1:
            power = _times(power, square)
        square = _times(square, square)
        places >>= 1
    return power


def _times(one: int, other: int) -> int:
    """Multiply two polynomials over GF(2), modulo the generator; the highest bit is x^0."""
    product = 0
    while other:
        if other & _ONE:
            product ^= one
        one = (one >> 1) ^ (_POLYNOMIAL if one & 1 else 0)
        other = (other << 1) & _ALL
    return product
