"""CRC-64 of pieces, combined, is that of the whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlflow_oss_artifacts.crc64 import combine, combine_all, crc64
from mlflow_oss_artifacts.verifying import CrcVerifier
from mlflow_plugin_core.objects.client import ObjectInfo


def test_the_checksum_is_the_one_that_oss_documents() -> None:
    # The check value of CRC-64/XZ, which is ECMA-182 reflected.
    assert crc64(b"123456789") == 0x995DC9BBDF1939FA


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_two_pieces_combined_are_the_whole(first: bytes, second: bytes) -> None:
    assert combine(crc64(first), crc64(second), len(second)) == crc64(first + second)
    assert crc64(second, crc64(first)) == crc64(first + second)


@given(st.lists(st.binary(max_size=50), max_size=12))
def test_any_number_of_pieces_combined_are_the_whole(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)

    assert combine_all((crc64(piece), len(piece)) for piece in pieces) == crc64(whole)


def test_a_piece_of_many_gigabytes_is_combined_at_once() -> None:
    # As if 48.8 TB lay behind the first: the power of x is found by squaring.
    assert combine(crc64(b"a"), 0, 48_800 << 30) == combine(crc64(b"a"), 0, 48_800 << 30)
    half = combine(crc64(b"a"), 0, 24_400 << 30)
    assert combine(half, 0, 24_400 << 30) == combine(crc64(b"a"), 0, 48_800 << 30)


def _verifier(data: bytes, crc: int | None = None) -> CrcVerifier:
    expected = crc64(data) if crc is None else crc
    return CrcVerifier(ObjectInfo("key", len(data), digests={"crc64": str(expected)}))


@given(st.binary(min_size=1, max_size=200), st.integers(1, 60), st.integers(1, 20), st.randoms())
def test_ranges_in_any_order_and_chunks_of_any_size_are_right(
    data: bytes, length: int, chunk: int, random: object
) -> None:
    ranges = [data[at : at + length] for at in range(0, len(data), length)]
    order = list(range(len(ranges)))
    random.shuffle(order)  # type: ignore[attr-defined]
    verifier = _verifier(data)
    for index in order:
        for at in range(0, len(ranges[index]), chunk):
            verifier.feed(index * length + at, ranges[index][at : at + chunk])

    assert verifier.check() is None


def test_a_bit_that_changed_is_found() -> None:
    verifier = _verifier(b"content")
    verifier.feed(0, b"contenu")

    assert "CRC-64" in (verifier.check() or "")


def test_a_range_that_is_missing_is_found() -> None:
    short, gap = _verifier(b"content"), _verifier(b"content")
    short.feed(0, b"cont")
    gap.feed(0, b"co")
    gap.feed(4, b"ent")

    assert short.check() == "7 bytes were expected and 4 came"
    assert gap.check() == "byte 2 was expected and byte 4 came"


def test_a_range_that_is_fetched_again_counts_once() -> None:
    verifier = _verifier(b"content")
    verifier.feed(4, b"xyz")
    verifier.restart(4)
    verifier.feed(4, b"ent")
    verifier.feed(0, b"cont")

    assert verifier.check() is None


def test_an_object_without_a_checksum_is_held_against_its_size() -> None:
    verifier = CrcVerifier(ObjectInfo("key", 3, digests={}))
    verifier.feed(0, b"abc")

    assert verifier.check() is None
