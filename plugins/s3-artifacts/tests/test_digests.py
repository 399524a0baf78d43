"""Digests of whole objects and of parts, fed in any order of ranges."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_plugin_core.objects.client import ObjectInfo, Part
from mlflow_s3_artifacts import digests


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _parts_etag(data: bytes, size: int) -> str:
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    return f"{_md5(b''.join(map(_md5, parts))).hex()}-{len(parts)}"


def test_a_whole_object_is_one_range() -> None:
    info = ObjectInfo("k", 7, "e", {"md5": _md5(b"content").hex()})
    verifier = digests.verifier_of(info)
    assert verifier is not None
    assert verifier.range_bytes == 7

    verifier.feed(0, b"con")
    verifier.feed(3, b"tent")

    assert verifier.check() is None


def test_other_bytes_are_told_with_both_digests() -> None:
    info = ObjectInfo("k", 7, "e", {"md5": _md5(b"content").hex()})
    verifier = digests.verifier_of(info)
    assert verifier is not None

    verifier.feed(0, b"comtent")

    found = verifier.check()
    assert found is not None
    assert _md5(b"content").hex() in found
    assert _md5(b"comtent").hex() in found


@given(st.binary(min_size=1, max_size=200), st.integers(1, 60), st.integers(1, 4), st.randoms())
def test_parts_are_checked_in_any_order_of_ranges(
    data: bytes, part: int, parts_in_a_range: int, random: object
) -> None:
    info = ObjectInfo("k", len(data), "e", {"md5": _parts_etag(data, part)}, part)
    verifier = digests.verifier_of(info)
    assert verifier is not None
    length = part * parts_in_a_range
    ranges = list(range(0, len(data), length))
    random.shuffle(ranges)  # type: ignore[attr-defined]

    for start in ranges:
        end = min(start + length, len(data))
        for at in range(start, end, 7):
            verifier.feed(at, data[at : min(at + 7, end)])

    assert verifier.check() is None


def test_a_range_that_is_fetched_again_counts_once() -> None:
    data = bytes(range(30))
    verifier = digests.verifier_of(ObjectInfo("k", 30, "e", {"md5": _parts_etag(data, 10)}, 10))
    assert verifier is not None

    verifier.feed(0, data[:10])
    verifier.feed(10, b"wrong")
    verifier.restart(10)
    verifier.feed(10, data[10:30])

    assert verifier.check() is None


def test_a_part_that_never_came_is_a_difference() -> None:
    data = bytes(range(30))
    verifier = digests.verifier_of(ObjectInfo("k", 30, "e", {"md5": _parts_etag(data, 10)}, 10))
    assert verifier is not None

    verifier.feed(0, data[:20])

    assert verifier.check() is not None


def test_sha256_is_preferred_where_the_service_has_it() -> None:
    sha256 = base64.b64encode(hashlib.sha256(b"x").digest()).decode()
    info = ObjectInfo("k", 1, "e", {"md5": "0" * 32, "sha256": sha256})
    verifier = digests.verifier_of(info)
    assert verifier is not None

    verifier.feed(0, b"x")

    assert verifier.check() is None


@pytest.mark.parametrize(
    "info",
    [
        ObjectInfo("k", 30, "e", {}),
        ObjectInfo("k", 30, "e", {"md5": "0" * 32 + "-3"}, None),
        ObjectInfo("k", 30, "e", {"md5": "0" * 32 + "-3"}, 20),
    ],
)
def test_what_cannot_be_checked_has_no_verifier(info: ObjectInfo) -> None:
    assert digests.verifier_of(info) is None


def test_the_etag_of_parts_is_computed_as_services_do() -> None:
    etags = [_md5(part).hex() for part in (b"a", b"b")]

    assert digests.md5_of_parts(etags) == f"{_md5(_md5(b'a') + _md5(b'b')).hex()}-2"
    assert digests.md5_of_parts([etags[0], "no-md5"]) is None


def test_a_part_carries_its_checksum_beside_its_etag() -> None:
    part = Part(1, 5, digests.join_part("etag", "c2hh"))

    assert digests.split_part(part) == ("etag", "c2hh")
    assert digests.split_part(Part(1, 5, "etag")) == ("etag", None)


@pytest.mark.parametrize("etag", ["CJ7w=", "", "abc", "g" * 32, "0" * 32 + "-"])
def test_an_etag_of_another_make_is_no_md5(etag: str) -> None:
    assert digests.md5_of(etag) is None
