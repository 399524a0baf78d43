"""Lists of the OSS server, compared with the plainest way to make them."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlflow_plugin_servers.oss_errors import OssError
from mlflow_plugin_servers.oss_http import Request
from mlflow_plugin_servers.oss_listing import list_objects
from mlflow_plugin_servers.oss_store import Store, StoredObject
from mlflow_plugin_servers.own_http import Body

if TYPE_CHECKING:
    from collections.abc import Iterator

keys = st.text("ab/é.\x7f", min_size=1, max_size=6)


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        yield Store(Path(folder))


def ask(store: Store, **query: str) -> ET.Element:
    pairs = [(name.replace("_", "-"), value) for name, value in query.items()]
    body = Body(io.BytesIO(), 0)
    request = Request("GET", "", "bucket", "", [*pairs, ("encoding-type", "url")], {}, body)
    answer = list_objects(store, request)
    assert isinstance(answer.body, bytes)
    return ET.fromstring(answer.body)  # noqa: S314  (written just now)


def pages(
    store: Store, version: str, size: int, prefix: str, delimiter: str
) -> Iterator[ET.Element]:
    query = {"prefix": prefix, "delimiter": delimiter, "max_keys": str(size)}
    if version == "2":
        query["list_type"] = "2"
    for _ in range(50):
        page = ask(store, **query)
        yield page
        if page.findtext("IsTruncated") == "false":
            return
        if version == "2":
            query["continuation_token"] = page.findtext("NextContinuationToken") or ""
        else:
            query["marker"] = unquote(page.findtext("NextMarker") or "")
    pytest.fail("the pages have no end")


def plainly(names: set[str], prefix: str, delimiter: str) -> list[str]:
    """Draw names together behind a delimiter; what is drawn together stands where its prefix belongs."""
    found = set()
    for name in names:
        if name.startswith(prefix):
            head, behind, _ = name[len(prefix) :].partition(delimiter or "\0")
            found.add(prefix + head + behind if behind else name)
    return sorted(found, key=str.encode)


@settings(deadline=None)
@given(
    st.sets(keys, max_size=15),
    st.text("ab/é", max_size=2),
    st.sampled_from(["", "/", "a/", "é"]),
    st.integers(1, 4),
    st.sampled_from(["1", "2"]),
)
def test_all_pages_together_are_what_a_plain_list_is(
    store: Store, names: set[str], prefix: str, delimiter: str, size: int, version: str
) -> None:
    for name in names:
        blob = store.write([b"x"])
        store.put("bucket", StoredObject(name, blob, blob.md5))

    listed: list[str] = []
    for page in pages(store, version, size, prefix, delimiter):
        objects = [unquote(each.findtext("Key") or "") for each in page.findall("Contents")]
        prefixes = [
            unquote(each.findtext("Prefix") or "") for each in page.findall("CommonPrefixes")
        ]
        assert len(objects) + len(prefixes) <= size
        listed += sorted(objects + prefixes, key=str.encode)

    assert listed == plainly(names, prefix, delimiter)
    for name in names:
        assert store.delete("bucket", name)


@pytest.mark.parametrize("size", ["0", "1001", "-1", "many"])
def test_a_page_size_that_oss_does_not_allow_is_refused(store: Store, size: str) -> None:
    with pytest.raises(OssError, match="between 1 and 1000"):
        ask(store, max_keys=size)


def test_nothing_is_left_on_the_disk_of_what_was_overwritten_or_deleted(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for data in (b"one", b"two"):
        blob = store.write([data])
        store.put("bucket", StoredObject("k", blob, blob.md5))
    (file,) = (tmp_path / "files").iterdir()
    assert file.read_bytes() == b"two"

    store.delete("bucket", "k")

    assert list((tmp_path / "files").iterdir()) == []
    with pytest.raises(ValueError, match="broken"):
        store.write(_breaking())
    assert list((tmp_path / "files").iterdir()) == []


def _breaking() -> Iterator[bytes]:
    yield b"begin"
    message = "broken"
    raise ValueError(message)


def test_an_open_object_stays_what_it_was(tmp_path: Path) -> None:
    store = Store(tmp_path)
    blob = store.write([b"before"])
    store.put("bucket", StoredObject("k", blob, blob.md5))
    opened = store.open("bucket", "k")
    assert opened is not None

    other = store.write([b"after"])
    store.put("bucket", StoredObject("k", other, other.md5))

    with opened[1] as stream:
        assert stream.read() == b"before"


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=5), st.binary(max_size=10))
def test_a_body_in_chunks_ends_where_it_says(pieces: list[bytes], rest: bytes) -> None:
    chunks = b"".join(b"%x;x=y\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    stream = io.BytesIO(chunks + b"0\r\nTrailer: 1\r\n\r\n" + rest)

    assert Body(stream, None).read() == b"".join(pieces)
    assert stream.read() == rest


def test_a_body_that_breaks_off_is_an_error() -> None:
    for body in (Body(io.BytesIO(b"abc"), 4), Body(io.BytesIO(b"4\r\nabc"), None)):
        with pytest.raises(ConnectionError):
            body.read()
