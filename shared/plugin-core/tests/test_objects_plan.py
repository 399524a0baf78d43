"""Plans of transfers: no limit of the service is broken, no byte is lost or sent twice."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException

from mlflow_plugin_core.objects import plan
from mlflow_plugin_core.objects.client import GIBIBYTE, MEBIBYTE, TEBIBYTE, Limits

S3 = Limits()
SMALL = st.builds(
    Limits,
    max_parts=st.integers(1, 50),
    min_part_bytes=st.integers(1, 5 * MEBIBYTE),
    max_part_bytes=st.integers(5 * MEBIBYTE, 40 * MEBIBYTE),
    max_object_bytes=st.integers(1, 3 * GIBIBYTE),
)


@given(st.integers(0, 60_000 * GIBIBYTE), st.integers(1, 1024 * MEBIBYTE))
def test_parts_of_any_file_keep_within_the_limits_of_s3(size: int, wanted: int) -> None:
    if size > S3.max_parts * S3.max_part_bytes:
        with pytest.raises(MlflowException) as error:
            plan.part_bytes(size, wanted, S3)
        assert error.value.error_code == "INVALID_PARAMETER_VALUE"
        return
    part = plan.part_bytes(size, wanted, S3)

    assert S3.min_part_bytes <= part <= S3.max_part_bytes
    assert -(-size // part) <= S3.max_parts
    assert part >= min(wanted, S3.max_part_bytes)


@given(st.integers(0, 3 * GIBIBYTE), st.integers(1, 64 * MEBIBYTE), SMALL)
def test_parts_of_any_file_keep_within_any_limits(size: int, wanted: int, limits: Limits) -> None:
    if size > min(limits.max_object_bytes, limits.max_parts * limits.max_part_bytes):
        with pytest.raises(MlflowException, match="the service takes objects of"):
            plan.part_bytes(size, wanted, limits)
        return
    part = plan.part_bytes(size, wanted, limits)
    pieces = list(plan.cut(size, part))

    assert len(pieces) <= limits.max_parts
    assert all(piece.length <= limits.max_part_bytes for piece in pieces)
    assert all(piece.length >= limits.min_part_bytes for piece in pieces[:-1])


@given(st.integers(0, 10**9), st.integers(10**5, 10**8))
def test_pieces_follow_each_other_and_the_last_one_is_never_empty(size: int, length: int) -> None:
    pieces = list(plan.cut(size, length))

    assert [piece.number for piece in pieces] == list(range(1, len(pieces) + 1))
    assert all(piece.length == length for piece in pieces[:-1])
    assert all(0 < piece.length <= length for piece in pieces)
    assert all(one.end == other.start for one, other in itertools.pairwise(pieces))
    assert sum(piece.length for piece in pieces) == size


def test_ten_thousand_parts_are_reached_and_not_passed() -> None:
    assert plan.part_bytes(10_000 * 16 * MEBIBYTE, 16 * MEBIBYTE, S3) == 16 * MEBIBYTE
    assert plan.part_bytes(10_000 * 16 * MEBIBYTE + 1, 16 * MEBIBYTE, S3) == 17 * MEBIBYTE
    assert plan.part_bytes(10_000 * 5 * GIBIBYTE, 16 * MEBIBYTE, S3) == 5 * GIBIBYTE


@given(st.integers(1, 64 * MEBIBYTE), st.one_of(st.none(), st.integers(1, 100 * MEBIBYTE)))
def test_ranges_begin_where_the_digest_wants_them(wanted: int, multiple: int | None) -> None:
    length = plan.range_bytes(wanted, multiple)

    assert length >= 1
    assert not multiple or length % multiple == 0
    assert length <= max(wanted, multiple or 0)


def test_parts_of_a_stream_are_alike_as_long_as_their_number_allows() -> None:
    first = plan.first_stream_part(16 * MEBIBYTE, 128 * MEBIBYTE, S3)
    sent, sizes = 0, []
    for _ in range(S3.max_parts):
        part = plan.stream_part_bytes(sent, first, S3)
        assert S3.min_part_bytes <= part <= S3.max_part_bytes
        sizes.append(part)
        sent += part

    assert sizes[:9_000] == [16 * MEBIBYTE] * 9_000
    assert sent > 3 * TEBIBYTE


@given(st.integers(1, 64 * MEBIBYTE), st.integers(16 * MEBIBYTE, GIBIBYTE), SMALL)
def test_parts_of_a_stream_keep_within_any_limits(wanted: int, memory: int, limits: Limits) -> None:
    first = plan.first_stream_part(wanted, memory, limits)
    sent = 0
    for _ in range(limits.max_parts):
        part = plan.stream_part_bytes(sent, first, limits)
        assert limits.min_part_bytes <= part <= limits.max_part_bytes
        assert part >= first
        sent += part


@given(
    st.integers(5 * MEBIBYTE, 1024 * MEBIBYTE),
    st.integers(16 * MEBIBYTE, 4 * GIBIBYTE),
    st.integers(1, 256),
)
def test_what_is_held_fits_into_the_memory(wanted: int, memory: int, workers: int) -> None:
    small = plan.small_bytes(wanted, memory, workers, S3)
    stream = plan.first_stream_part(wanted, memory, S3)

    assert small * workers <= memory or small == 64 << 10
    assert small <= wanted
    assert S3.min_part_bytes <= stream <= max(S3.min_part_bytes, memory // 4)


@given(st.integers(1, 20_000), st.integers(1, 64), st.integers(1, 100))
def test_small_files_are_shared_between_all_workers(count: int, workers: int, most: int) -> None:
    size = plan.batch_files(count, workers, most)

    assert 1 <= size <= most
    assert size == 1 or -(-count // size) >= min(count, 2 * workers)
