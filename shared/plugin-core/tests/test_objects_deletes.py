"""Deletes: everything that was meant, nothing else, and each failure by its name."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException
from object_service import EPOCH, FakeService, ServiceError, Stored, Unfinished
from objects import MIB, store_of, write

from mlflow_plugin_core.objects.client import Limits


def holding(*keys: str) -> FakeService:
    service = FakeService()
    service.objects = {key: Stored(b"") for key in keys}
    return service


def test_a_folder_goes_in_batches_while_it_is_listed() -> None:
    service = holding(*(f"root/f/{at:05}" for at in range(10_001)), "root/other", "root/f2/a")
    store = store_of(service)

    store.delete_all("f")

    assert sorted(service.objects) == ["root/f2/a", "root/other"]
    # Nothing is asked twice: small folders are many, and each request is a way there and back.
    assert service.calls == {"head": 1, "list": 11, "delete_batch": 11}


def test_deletes_begin_before_the_listing_ends() -> None:
    service = holding(*(f"root/f/{at:05}" for at in range(12_000)))
    verbs: list[str] = []
    service.on_request = lambda verb, _key: verbs.append(verb) if "one" not in verb else None
    store = store_of(service)

    store.delete_many(store.list_all("f"))

    assert not service.objects
    assert "delete_batch" in verbs[:8]


def test_each_object_that_cannot_be_deleted_is_named_and_the_others_go() -> None:
    service = holding(*(f"root/{at:04}" for at in range(2_500)))

    def refuse(verb: str, key: str) -> None:
        if verb == "delete_one" and key in {"root/0007", "root/2300"}:
            raise ServiceError("AccessDenied")

    service.on_request = refuse
    store = store_of(service)

    with pytest.raises(MlflowException) as error:
        store.delete_many(store.list_all(""))

    assert sorted(service.objects) == ["root/0007", "root/2300"]
    assert "Failed for 2 item(s)" in error.value.message
    assert "Cannot delete '0007': AccessDenied" in error.value.message
    assert "Cannot delete '2300'" in error.value.message
    assert error.value.error_code == "PERMISSION_DENIED"


def test_what_is_refused_for_a_moment_is_tried_again() -> None:
    service = holding("root/a", "root/b")
    refused = iter([True])

    def refuse(verb: str, key: str) -> None:
        if verb == "delete_one" and key == "root/a" and next(refused, False):
            raise ServiceError("InternalError")

    service.on_request = refuse
    store = store_of(service)

    store.delete_many(store.list_all(""))

    assert not service.objects


def test_a_refused_request_ends_the_deletion() -> None:
    service = holding(*(f"root/{at:05}" for at in range(20_000)))
    service.fail("delete_batch", ServiceError("AccessDenied"))
    store = store_of(service)

    with pytest.raises(MlflowException, match="Cannot delete 1000 object") as error:
        store.delete_many(store.list_all(""))

    assert error.value.error_code == "PERMISSION_DENIED"
    assert service.calls["delete_batch"] < 20


def test_a_service_without_batches_is_asked_one_by_one() -> None:
    service = FakeService(Limits(delete_batch=1))
    service.objects = {f"root/{at}": Stored(b"") for at in range(20)}
    store = store_of(service)

    store.delete_many(store.list_all(""))

    assert not service.objects
    assert service.calls["delete"] == 20


@pytest.mark.parametrize("path", ["", "f"])
def test_markers_and_odd_keys_go_with_their_folder(path: str) -> None:
    odd = ["", "a", "a/", "a//b", "a/../b", "x\ny", "x\\y", "deep/er/"]
    service = holding(*(f"root/f/{name}" for name in odd), "root/f2/", "rootless", "another/f/a")
    store = store_of(service)

    store.delete_all(path)

    kept = {"rootless", "another/f/a"} | ({"root/f2/"} if path else set())
    assert set(service.objects) == kept


def test_folders_of_a_listing_are_not_deleted_without_what_was_listed() -> None:
    service = holding("root/a/b", "root/c/d")
    store = store_of(service)

    store.delete_many(blob for blob in store.list_all("") if blob.path in {"a", "c/d"})

    assert sorted(service.objects) == ["root/a/b"]


def test_one_file_goes_alone_and_what_is_not_there_is_no_error() -> None:
    service = holding("root/a", "root/a/b")
    store = store_of(service)

    store.delete("a")
    store.delete("a")

    assert sorted(service.objects) == ["root/a/b"]


def test_unfinished_uploads_are_listed_by_age_and_cleaned(tmp_path: Path) -> None:
    service = FakeService()
    now = dt.datetime.now(dt.timezone.utc)
    service.uploads = {
        "old": Unfinished("root/a", EPOCH - dt.timedelta(days=9)),
        "new": Unfinished("root/b", now),
        "other": Unfinished("rootless/c", EPOCH),
    }
    store = store_of(service)

    assert [found.upload_id for found in store.pending_uploads()] == ["old", "new"]
    assert [found.key for found in store.pending_uploads(dt.timedelta(days=1))] == ["root/a"]
    assert [found.upload_id for found in store.clean(dt.timedelta(days=1))] == ["old"]
    assert sorted(service.uploads) == ["new", "other"]
    store.put_file(write(tmp_path / "a", 11 * MIB), "a")
    assert sorted(service.uploads) == ["new", "other"]


def test_an_upload_that_cannot_be_cleaned_does_not_keep_the_others() -> None:
    service = FakeService()
    service.uploads = {str(at): Unfinished(f"root/{at}", EPOCH) for at in range(5)}
    service.fail("abort_upload", ServiceError("AccessDenied"), match="root/2")

    with pytest.raises(MlflowException, match=r"root/2: Cannot give up") as error:
        store_of(service).clean(dt.timedelta(0))

    assert error.value.error_code == "PERMISSION_DENIED"
    assert list(service.uploads) == ["2"]


def test_a_name_that_leaves_no_room_for_a_folder_has_nothing_below_it() -> None:
    service = holding("root/a")

    store_of(service).delete_all("x" * (service.limits.max_key_bytes - len("root/")))

    assert service.calls == {"head": 1}  # services refuse to list a prefix that is no key


def test_markers_go_after_what_lies_in_their_folder_and_the_deepest_first() -> None:
    service = holding("root/f/", "root/f/a", "root/f/b/", "root/f/b/c")
    gone: list[str] = []
    service.on_request = lambda verb, key: gone.append(key) if verb == "delete_one" else None

    store_of(service).delete_all("f")

    assert gone == ["root/f/a", "root/f/b/c", "root/f/b/", "root/f/"]
