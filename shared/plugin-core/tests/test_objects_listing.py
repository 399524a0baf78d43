"""Keys, paths, folders and pages: what is stored is listed, once, whatever others have stored."""

from __future__ import annotations

import io
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from object_service import FakeService, ServiceError, Stored

from mlflow_plugin_core import artifact_paths
from mlflow_plugin_core.blob_store import Blob
from mlflow_plugin_core.objects import keys
from mlflow_plugin_core.objects.client import Page
from mlflow_plugin_core.objects.settings import TransferSettings
from mlflow_plugin_core.objects.store import ObjectStore

ODD = [
    "a b", "ä", "e\u0301", "日本", "a+b", "a%20b", "a&b=c", "#", "?x", "*", "[a]", "'", '"', "<", "|",
    "~", "$", "a:b", ".hidden", "a ", "trailing.", "\U0001f40d", "a,b;c", "@", "!", "(", "^", "`", "{",
]  # fmt: skip
ILLEGAL = [
    "a//b",
    "../up",
    "a/../b",
    "./a",
    "a/.",
    "/a",
    "a\\b",
    "a\nb",
    "a\x7f",
    "%2e%2e/up",
    "//",
]

names = st.one_of(st.sampled_from(ODD), st.text("ab-/.", min_size=1, max_size=5))
paths = st.lists(names, min_size=1, max_size=4).map("/".join)


def store_of(service: FakeService, root: str = "root") -> ObjectStore:
    return ObjectStore(
        service, TransferSettings(retry_timeout=1.0), root=root, location="fake://bucket"
    )


def holding(*keys_: str, data: bytes = b"x") -> FakeService:
    service = FakeService()
    service.objects = {key: Stored(b"" if key.endswith("/") else data) for key in keys_}
    return service


@given(paths)
def test_a_key_is_listed_exactly_when_its_path_can_be_asked_for(path: str) -> None:
    try:
        is_legal = artifact_paths.normalize(path) == path != ""
    except MlflowException:
        is_legal = False

    found = [blob.path for blob in store_of(holding(f"root/{path}")).list_all("")]

    assert (path in found) is (is_legal and not path.endswith("/"))
    assert keys.is_artifact_path(path) is (
        is_legal or (path[-1] == "/" and path[-2:] != "//" and keys.is_artifact_path(path[:-1]))
    )


@pytest.mark.parametrize("root", ["", "root", "deep/root"])
@pytest.mark.parametrize("name", ODD)
def test_every_legal_name_comes_back(root: str, name: str) -> None:
    service = FakeService()
    store = store_of(service, root)
    store.put_stream(io.BytesIO(b"content"), f"{name}/{name}")

    assert [blob.path for blob in store.list_folder("")] == [name]
    assert [blob.path for blob in store.list_folder(name)] == [f"{name}/{name}"]
    assert [blob.path for blob in store.list_all("")] == [name, f"{name}/{name}"]
    blob = store.stat(f"{name}/{name}")
    assert blob is not None
    assert blob.size == 7


@given(
    st.sets(st.lists(st.sampled_from("abc-!é"), min_size=1, max_size=4).map("/".join), max_size=30),
    st.integers(1, 7),
)
def test_pages_of_any_size_hold_every_entry_once(stored: set[str], page_size: int) -> None:
    service = holding(*(f"root/{path}" for path in stored), "rootless", "root-a/b", "another")
    service.page_size = page_size
    store = store_of(service)
    folders = {folder for path in stored for folder in artifact_paths.ancestors(path)}

    found = [(blob.path, blob.is_folder) for blob in store.list_all("")]
    assert sorted(found) == sorted(
        [(path, False) for path in stored] + [(path, True) for path in folders]
    )
    seen: set[str] = set()
    for path, is_folder in found:  # a folder comes before what it holds
        assert set(artifact_paths.ancestors(path)) <= seen
        if is_folder:
            seen.add(path)
    for folder in ["", *folders]:
        level = sorted((blob.path, blob.is_folder) for blob in store.list_folder(folder))
        assert level == sorted(
            (path, is_folder) for path, is_folder in found if artifact_paths.parent(path) == folder
        )


def test_ten_thousand_and_one_entries_are_listed_by_eleven_requests() -> None:
    service = holding(*(f"root/f/{at:05}" for at in range(10_001)))
    store = store_of(service)

    assert len([blob for blob in store.list_all("") if not blob.is_folder]) == 10_001
    assert service.calls == {"list": 11}
    assert len(list(store.list_folder("f"))) == 10_001


def test_pages_are_asked_for_as_the_listing_is_read() -> None:
    service = holding(*(f"root/{at:05}" for at in range(5_000)))

    next(iter(store_of(service).list_all("")))

    assert service.calls == {"list": 1}


def test_a_page_that_fails_is_asked_for_alone() -> None:
    service = holding(*(f"root/{at:05}" for at in range(2_500)))
    service.fail("list", ServiceError("InternalError", passing=True))

    assert len(list(store_of(service).list_folder(""))) == 2_500
    assert service.calls == {"list": 4}


def test_objects_that_go_during_a_listing_do_not_disturb_it() -> None:
    service = holding(*(f"root/{at:05}" for at in range(3_000)))
    found = 0
    for blob in store_of(service).list_all(""):
        found += 1
        service.objects.pop(f"root/{blob.path}")

    assert found == 3_000


def test_the_markers_of_consoles_are_folders(caplog: pytest.LogCaptureFixture) -> None:
    store = store_of(holding("root/", "root/empty/", "root/full/", "root/full/a"))

    assert sorted((blob.path, blob.is_folder) for blob in store.list_folder("")) == [
        ("empty", True),
        ("full", True),
    ]
    assert list(store.list_folder("empty")) == []
    assert [blob.path for blob in store.list_folder("full")] == ["full/a"]
    assert sorted((blob.path, blob.is_folder) for blob in store.list_all("")) == [
        ("empty", True),
        ("full", True),
        ("full/a", False),
    ]
    assert list(store.list_all("empty")) == []
    blob = store.stat("empty")
    assert blob is not None
    assert blob.is_folder
    assert not caplog.records


def test_a_folder_that_a_service_repeats_on_the_next_page_is_one_folder() -> None:
    class Repeating(FakeService):
        def list_page(
            self, prefix: str, *, folded: bool, token: str | None = None, limit: int = 1_000
        ) -> Page:
            page = super().list_page(prefix, folded=folded, token=token, limit=limit)
            if token is None or not folded:
                return page
            return Page(page.objects, [token, *page.prefixes], page.next_token)

    service = Repeating()
    service.page_size = 2
    service.objects = {f"root/{at}/x": Stored(b"") for at in range(7)}

    assert [blob.path for blob in store_of(service).list_folder("")] == [str(at) for at in range(7)]


def test_an_object_that_is_also_a_prefix_is_listed_as_both_and_is_a_file() -> None:
    store = store_of(holding("root/a", "root/a-c", "root/a/b"))
    both = [Blob("a", 1), Blob("a", is_folder=True), Blob("a-c", 1)]

    assert sorted(store.list_folder(""), key=lambda blob: (blob.path, blob.is_folder)) == both
    assert [blob.path for blob in store.list_folder("a")] == ["a/b"]
    assert [(blob.path, blob.is_folder) for blob in store.list_all("")] == [
        ("a", False),
        ("a-c", False),
        ("a", True),
        ("a/b", False),
    ]
    assert store.stat("a") == Blob("a", 1)
    assert store.stat("a/b") == Blob("a/b", 1)


@pytest.mark.parametrize("folded", [True, False])
def test_what_is_no_artifact_path_is_left_out_and_the_log_says_so(
    folded: bool, caplog: pytest.LogCaptureFixture
) -> None:
    store = store_of(holding("root/good", *(f"root/{path}" for path in ILLEGAL)))
    with caplog.at_level(logging.WARNING):
        found = list(store.list_folder("") if folded else store.list_all(""))

    files = {blob.path for blob in found if not blob.is_folder}
    assert files == {"good"}
    [record] = caplog.records
    assert "are left out" in record.getMessage()
    assert "fake://bucket" in record.getMessage()


def test_the_content_of_a_marker_is_left_out_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service = holding("root/a/")
    service.objects["root/a/"].data = b"content"

    assert [blob.path for blob in store_of(service).list_all("")] == ["a"]
    assert "'root/a/'" in caplog.text


@given(st.integers(1, 1100), st.sampled_from(["a", "é", "日", "\U0001f40d"]))
def test_a_key_is_too_long_by_its_bytes_before_anything_is_sent(count: int, letter: str) -> None:
    service = FakeService()
    store = store_of(service)
    path = letter * count
    if len(f"root/{path}".encode()) <= 1024:
        assert store.keys.key(path) == f"root/{path}"
        assert store.stat(path) is None
        return
    with pytest.raises(MlflowException, match="bytes of UTF-8") as error:
        store.stat(path)
    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    assert list(store.list_folder(path)) == list(store.list_all(path)) == []
    assert not service.calls


def test_the_root_is_a_folder_and_no_file() -> None:
    store = store_of(FakeService())

    assert store.stat("") == Blob("", is_folder=True)
    with pytest.raises(MlflowException, match="is not a file"):
        store.keys.key("")


def test_nothing_and_a_prefix_of_a_name_are_nothing() -> None:
    store = store_of(holding("root/abc/d"))

    assert store.stat("ab") is None
    assert store.stat("x") is None
    assert list(store.list_folder("ab")) == []
