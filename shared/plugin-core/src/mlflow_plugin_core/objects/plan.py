"""How a transfer is cut: sizes of parts, ranges, and what may be held. Pure arithmetic.

The limits are the service's (`Limits`): a plan that would break one is an error before anything is
sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mlflow_plugin_core import errors
from mlflow_plugin_core.objects.client import MEBIBYTE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow_plugin_core.objects.client import Limits

# What one running request holds that streams: buffers of the SDK, of TLS, of the file.
STREAMED_BYTES = MEBIBYTE

# A stream's parts are alike for this share of the parts that the service allows: of S3's 10,000 those
# are 9,000, so 140 GiB in parts of 16 MiB. Cloudflare R2 takes no other than like parts ("All parts
# except the last one must be the same size"), and nobody can check the digest of an object whose
# parts are unlike. Behind them each part is this share of what was sent, so that the parts that are
# left hold fifty times as much again, up to the largest part that the service takes.
_LIKE_PARTS = 9, 10
_GROWTH = 4


class Piece(NamedTuple):
    """A part or range: its number from 1, its first byte, its bytes."""

    number: int
    start: int
    length: int

    @property
    def end(self) -> int:
        """The byte behind its last one."""
        return self.start + self.length


def part_bytes(size: int, wanted: int, limits: Limits) -> int:
    """Return the size of all parts but the last one for a file of known size.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE where the service takes no object of this size.
    """
    largest = min(limits.max_object_bytes, limits.max_parts * limits.max_part_bytes)
    if size > largest:
        message = errors.explain(
            f"Cannot store a file of {size:,} bytes",
            why=f"the service takes objects of {largest:,} bytes at most",
            remedy="split the file",
        )
        raise errors.invalid_parameter(message)
    needed = -(-size // limits.max_parts)
    part = min(max(wanted, limits.min_part_bytes), limits.max_part_bytes)
    if needed > part:
        part = min(-(-needed // MEBIBYTE) * MEBIBYTE, limits.max_part_bytes)
    return part


def is_whole(size: int, wanted: int, limits: Limits) -> bool:
    """Tell whether a file goes in one request."""
    return size <= min(max(wanted, limits.min_part_bytes), limits.max_part_bytes)


def cut(size: int, length: int) -> Iterator[Piece]:
    """Yield the pieces of a file; the last one is shorter but never empty, an empty file has none."""
    for index, start in enumerate(range(0, size, length)):
        yield Piece(index + 1, start, min(length, size - start))


def range_bytes(wanted: int, multiple: int | None) -> int:
    """Return the size of a download's ranges: about as wanted, and a multiple of what is asked."""
    if not multiple:
        return wanted
    return max(1, wanted // multiple) * multiple


def stream_part_bytes(sent: int, first: int, limits: Limits) -> int:
    """Return the size of the next part of a stream of which so many bytes were sent."""
    share, whole = _LIKE_PARTS
    like_parts = limits.max_parts * share // whole
    if sent < like_parts * first:
        return first
    grown = sent // max(1, (limits.max_parts - like_parts) // _GROWTH)
    return min(max(first, grown), limits.max_part_bytes)


def first_stream_part(wanted: int, memory: int, limits: Limits) -> int:
    """Return the size of a stream's first parts: four of them fit in memory, where it allows."""
    part = min(wanted, max(limits.min_part_bytes, memory // 4))
    return min(max(part, limits.min_part_bytes), limits.max_part_bytes)


def small_bytes(wanted: int, memory: int, workers: int, limits: Limits) -> int:
    """Return up to what size a file is small: every worker may hold one of them at once."""
    return max(0, min(wanted, max(memory // workers, 64 << 10), limits.max_part_bytes))


def batch_files(count: int, workers: int, largest: int) -> int:
    """Return how many small files a worker takes at once: all have work until nearly the end."""
    return max(1, min(largest, -(-count // (4 * workers))))
