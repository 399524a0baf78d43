"""CRC-64 as OSS computes it."""

from __future__ import annotations

import lzma

from hypothesis import given, settings
from hypothesis import strategies as st

from mlflow_plugin_servers.oss_crc64 import combine, crc64, slowly


def test_the_check_value_of_the_catalogue_comes_out() -> None:
    assert crc64(b"123456789") == slowly(b"123456789") == 0x995DC9BBDF1939FA


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_both_ways_agree_with_what_xz_writes_into_its_files(data: bytes) -> None:
    packed = lzma.compress(data + b"x", check=lzma.CHECK_CRC64)
    # The checksum stands before the index, whose length stands in the last 12 bytes in units of 4, less one.
    end = len(packed) - 12 - 4 * (int.from_bytes(packed[-8:-4], "little") + 1)

    assert crc64(data + b"x") == int.from_bytes(packed[end - 8 : end], "little")
    assert slowly(data) == crc64(data)


@settings(deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=300))
def test_two_pieces_are_joined_by_their_checksums_alone(one: bytes, two: bytes) -> None:
    assert combine(crc64(one), crc64(two), len(two)) == crc64(one + two)
    assert crc64(two, crc64(one)) == slowly(two, slowly(one)) == crc64(one + two)
