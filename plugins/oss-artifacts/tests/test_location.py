"""Locations, taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException

from mlflow_oss_artifacts import location

_NAME = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=3, max_size=63)
_SEGMENT = st.text("abcXYZ019-_ü", min_size=1, max_size=8)


def test_the_pages_location_is_bucket_and_path() -> None:
    found = location.parse("oss://bucket/path")

    assert (found.bucket, found.root, dict(found.query)) == ("bucket", "path", {})


@given(bucket=_NAME, segments=st.lists(_SEGMENT, max_size=4))
def test_whatever_mlflow_appends_is_the_root(bucket: str, segments: list[str]) -> None:
    path = "/".join(segments)

    found = location.parse(f"oss://{bucket}/{path}?region=cn-hangzhou")

    assert (found.bucket, found.root) == (bucket, path)
    assert dict(found.query) == {"region": "cn-hangzhou"}


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("oss:///path", "names no bucket"),
        ("oss://", "names no bucket"),
        ("oss://ab/path", "cannot be a bucket's name"),
        ("oss://-bucket/path", "cannot be a bucket's name"),
        ("oss://my_bucket/path", "cannot be a bucket's name"),
        ("oss://bucket:80/path", "is a host"),
        ("oss://bucket/a/../b", "not an artifact path"),
        ("oss://bucket/a#b", "fragment"),
        ("oss://bucket/a%2", "hexadecimal"),
        ("oss://bucket/a?region=x&region=y", "given twice"),
        ("oss://id@bucket/a", "half an access key"),
        ("s3://bucket/a", "is not 'oss'"),
    ],
)
def test_what_cannot_be_a_location_is_refused_with_the_reason(uri: str, words: str) -> None:
    with pytest.raises(MlflowException, match=words) as caught:
        location.parse(uri)

    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


def test_a_host_in_place_of_the_bucket_is_answered_with_how_to_write_it() -> None:
    with pytest.raises(MlflowException) as caught:
        location.parse("oss://bucket.oss-cn-hangzhou.aliyuncs.com/path")

    assert "oss://bucket/path?endpoint=oss-cn-hangzhou.aliyuncs.com" in caught.value.message


def test_a_location_prints_itself_without_its_secret() -> None:
    found = location.parse("oss://id:very-secret@bucket/a")

    assert (found.key_id, found.key_secret) == ("id", "very-secret")
    assert "very-secret" not in f"{found} {found!r}"
