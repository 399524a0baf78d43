"""Small files that a plugin takes by itself, a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException
from object_service import FakeService, ServiceError
from objects import MIB, content, settings, store_of, write

from mlflow_plugin_core import errors, transfer
from mlflow_plugin_core.blob_store import Upload
from mlflow_plugin_core.objects.store import ObjectStore

if TYPE_CHECKING:
    from mlflow_plugin_core.objects.crew import Crew


class Batching(ObjectStore):
    """A plugin that sends small files by itself."""

    small_files = 1_000
    small_requests = 4

    def __init__(self, service: FakeService, **changes: object) -> None:
        super().__init__(service, settings(**changes), root="root", location="fake://bucket")
        self.batches: list[int] = []

    def _put_small(self, batch: Sequence[Upload], crew: Crew) -> None:
        self.batches.append(len(batch))
        # Its four requests are all that may be made at once.
        assert isinstance(self.client, FakeService)
        assert self.client.at_once == 0
        for item in batch:
            super()._put_small([item], crew)


def test_a_plugin_may_take_all_small_files_at_once(tmp_path: Path) -> None:
    store = Batching(FakeService())
    sizes = [*[10] * 300, 42 * MIB]
    uploads = [
        Upload(write(tmp_path / str(at), size), f"f/{at}", size) for at, size in enumerate(sizes)
    ]
    done: list[int] = []

    store.put_many(uploads, done.append)

    assert store.batches == [300]
    assert sum(done) == 301


@pytest.mark.parametrize("size", [7 * MIB, 2 * MIB])
def test_a_file_that_is_replaced_while_it_waits_is_stored_as_it_is_then(
    tmp_path: Path, size: int
) -> None:
    service = FakeService()
    uploads = [Upload(write(tmp_path / str(at), 5 * MIB, at), str(at), 5 * MIB) for at in range(4)]
    new = write(tmp_path / "new", size, 9)

    def replace(_count: int) -> None:
        if new.exists():  # three fill the memory; one of them is done, and the last one is planned
            new.replace(tmp_path / "3")

    store_of(service, workers=4, memory=16 * MIB).put_many(uploads, replace)

    assert service.objects["root/3"].data == content(size, 9)


def test_failures_of_a_batch_are_named_by_file(tmp_path: Path) -> None:
    class Failing(Batching):
        def _put_small(self, batch: Sequence[Upload], crew: Crew) -> None:
            raise transfer.SeveralFailedError(
                [(item.path, errors.permission_denied("no")) for item in batch[:2]]
            )

    source = write(tmp_path / "a", 1)
    with pytest.raises(MlflowException, match="2 item.s.:\nf/0: no\nf/1: no") as error:
        Failing(FakeService()).put_many(
            [Upload(source, f"f/{at}", 1) for at in range(5)], lambda _count: None
        )
    assert error.value.error_code == "PERMISSION_DENIED"


def test_after_a_failure_no_other_file_is_begun(tmp_path: Path) -> None:
    service = FakeService()
    service.fail("put", ServiceError("AccessDenied"))
    source = write(tmp_path / "a", 1)
    uploads = [Upload(source, f"f/{at}", 1) for at in range(2_000)]

    with pytest.raises(MlflowException, match="Cannot store 'f/"):
        store_of(service).put_many(uploads, lambda _count: None)

    assert service.calls["put"] < 200
