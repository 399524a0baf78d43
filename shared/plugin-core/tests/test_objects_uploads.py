"""Files and streams on their way in: repeated by the part, whole or not at all, within bounds."""

from __future__ import annotations

import _thread
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest
from mlflow.exceptions import MlflowException
from object_service import FakeService, ServiceError, Stored
from objects import MIB, content, store_of, workers_alive, write

from mlflow_plugin_core.blob_store import Upload
from mlflow_plugin_core.objects import notes
from mlflow_plugin_core.objects.client import Limits, ObjectInfo, Part


def passing(count: int) -> list[ServiceError]:
    return [ServiceError("InternalError", passing=True) for _ in range(count)]


def test_a_part_is_repeated_alone(tmp_path: Path) -> None:
    service = FakeService()
    service.fail("put_part", *passing(4), number=3)
    source = write(tmp_path / "a", 23 * MIB)

    store_of(service).put_file(source, "a")

    assert service.objects["root/a"].data == source.read_bytes()
    assert service.calls["put_part"] == 5 + 4
    assert service.calls["begin_upload"] == service.calls["complete_upload"] == 1


def test_a_part_that_fails_five_times_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    service = FakeService()
    service.fail("put_part", *passing(5), number=3)
    source = write(tmp_path / "a", 23 * MIB)

    with pytest.raises(MlflowException, match=r"part 3 of 'deep/a' in 5 attempts") as error:
        store_of(service).put_file(source, "deep/a")

    assert "(at fake://bucket)" in error.value.message
    assert "InternalError" in error.value.message
    assert not service.uploads
    assert not service.objects
    assert not workers_alive()
    assert not list(notes.folder().iterdir())


def test_a_busy_service_is_asked_for_as_long_as_the_settings_allow(tmp_path: Path) -> None:
    service = FakeService()
    service.fail("put", *[ServiceError("SlowDown", seconds=0.0) for _ in range(6)])
    source = write(tmp_path / "a", 10)

    store_of(service, retry_timeout=3.0).put_file(source, "a")

    assert service.calls["put"] == 7


def test_a_busy_service_that_stays_busy_is_given_up_in_time(tmp_path: Path) -> None:
    service = FakeService()
    service.fail("put", *[ServiceError("SlowDown", seconds=0.0) for _ in range(10_000)])
    source = write(tmp_path / "a", 10)

    began = time.monotonic()
    with pytest.raises(MlflowException, match="Cannot store 'a' in [0-9]+ attempts") as error:
        store_of(service, retry_timeout=0.5).put_file(source, "a")

    assert error.value.error_code == "TEMPORARILY_UNAVAILABLE"
    assert 0.4 < time.monotonic() - began < 5


def test_time_outs_do_not_use_up_the_time_for_further_attempts(tmp_path: Path) -> None:
    service = FakeService()
    service.latency = 0.4  # each attempt takes longer than all pauses may together
    service.fail("put", *[TimeoutError("timed out") for _ in range(5)])

    with pytest.raises(MlflowException, match="in 5 attempts"):
        store_of(service, retry_timeout=0.3).put_file(write(tmp_path / "a", 10), "a")

    assert service.calls["put"] == 5


def test_the_service_is_left_alone_for_as_long_as_it_asks(tmp_path: Path) -> None:
    service = FakeService()
    times: list[float] = []
    service.on_request = lambda _verb, _key: times.append(time.monotonic())
    service.fail("put", ServiceError("SlowDown", seconds=0.4))

    store_of(service).put_file(write(tmp_path / "a", 10), "a")

    assert times[1] - times[0] >= 0.4


def test_nothing_is_repeated_where_the_settings_say_so(tmp_path: Path) -> None:
    service = FakeService()
    service.fail("put", *passing(1))

    with pytest.raises(MlflowException, match="Cannot store 'a' .at"):
        store_of(service, retry_timeout=0).put_file(write(tmp_path / "a", 10), "a")

    assert service.calls["put"] == 1


def test_what_cannot_succeed_is_not_repeated(tmp_path: Path) -> None:
    service = FakeService()
    service.fail("put_part", ServiceError("AccessDenied"))

    with pytest.raises(MlflowException, match="AccessDenied") as error:
        store_of(service, workers=1).put_file(write(tmp_path / "a", 23 * MIB), "a")

    assert error.value.error_code == "PERMISSION_DENIED"
    assert service.calls["put_part"] == 1
    assert not service.uploads


def test_an_upload_that_cannot_be_given_up_is_said_to_be_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service = FakeService()
    service.fail("put_part", ServiceError("AccessDenied"))
    service.fail("abort_upload", ServiceError("AccessDenied"))

    with pytest.raises(MlflowException, match="part 1 of 'a'"):
        store_of(service, workers=1).put_file(write(tmp_path / "a", 11 * MIB), "a")

    assert "until `clean` removes it" in caplog.text
    assert len(service.uploads) == 1


@pytest.mark.parametrize("size", [6 * MIB, 23 * MIB])
@pytest.mark.parametrize("part_size", [5 * MIB, 64 * MIB])
def test_a_file_that_changes_while_it_is_sent_is_noticed(
    tmp_path: Path, size: int, part_size: int
) -> None:
    service = FakeService()
    source = write(tmp_path / "a", size)

    def touch(verb: str, _key: str) -> None:
        if verb in {"put", "put_part"}:
            os.utime(source, ns=(1, time.time_ns()))

    service.on_request = touch
    store = store_of(service, part_size=part_size, memory=16 * MIB)
    if size < part_size < 17 * MIB or size <= 16 * MIB < part_size:
        store.put_file(source, "a")  # read in one piece before anything was sent
        return
    with pytest.raises(MlflowException, match="changed while it was being sent") as error:
        store.put_file(source, "a")

    assert error.value.error_code == "BAD_REQUEST"
    assert not service.uploads
    assert part_size > size or not service.objects


@pytest.mark.parametrize("part_size", [5 * MIB, 64 * MIB])
def test_a_file_that_shrinks_while_it_is_sent_is_noticed(tmp_path: Path, part_size: int) -> None:
    service = FakeService()
    source = write(tmp_path / "a", 23 * MIB)

    def shrink(verb: str, _key: str) -> None:
        if verb in {"put", "put_part"}:
            os.truncate(source, 100)

    service.on_request = shrink
    with pytest.raises(MlflowException, match="changed while it was being sent"):
        store_of(service, part_size=part_size, memory=16 * MIB, workers=1).put_file(source, "a")

    assert service.calls["put_part"] + service.calls["put"] == 1
    assert not service.objects
    assert not service.uploads


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    service = FakeService()

    with pytest.raises(MlflowException, match="Cannot read .*missing") as error:
        store_of(service).put_file(tmp_path / "missing", "a")

    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert not service.calls


def test_a_file_that_vanishes_is_the_only_one_that_is_named(tmp_path: Path) -> None:
    service = FakeService()
    uploads = [Upload(write(tmp_path / str(at), 10), f"f/{at}", 10) for at in range(3)]
    uploads[1].source.unlink()

    with pytest.raises(MlflowException) as error:
        store_of(service).put_many(uploads, lambda _count: None)

    assert "Cannot read" in error.value.message
    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_parts_are_sent_side_by_side_within_threads_and_memory(tmp_path: Path) -> None:
    service = FakeService()
    service.latency = 0.02
    sizes = [26 * MIB, 26 * MIB, 26 * MIB, *[100_000] * 60]
    uploads = [
        Upload(write(tmp_path / str(at), size, at), f"f/{at}", size)
        for at, size in enumerate(sizes)
    ]

    store_of(service, workers=8, memory=20 * MIB).put_many(uploads, lambda _count: None)

    assert 4 <= service.most_at_once <= 8
    assert 10 * MIB <= service.most_bytes_at_once <= 20 * MIB
    for upload in uploads:
        assert service.objects[f"root/{upload.path}"].data == upload.source.read_bytes()


def test_few_files_are_begun_at_once_though_many_are_waiting(tmp_path: Path) -> None:
    service = FakeService()
    most = 0

    def look(_verb: str, _key: str) -> None:
        nonlocal most
        most = max(most, len(service.uploads))

    service.on_request = look
    source = write(tmp_path / "a", 16 * MIB)
    uploads = [Upload(source, f"f/{at}", 16 * MIB) for at in range(12)]

    store_of(service, workers=64, memory=16 * MIB).put_many(uploads, lambda _count: None)

    assert 1 <= most <= 8
    assert len(service.objects) == 12


def test_parts_that_memory_cannot_hold_are_read_while_they_are_sent(tmp_path: Path) -> None:
    service = FakeService()
    source = write(tmp_path / "a", 50 * MIB)
    service.fail("put_part", *passing(2), number=2)

    store_of(service, part_size=20 * MIB, memory=16 * MIB).put_file(source, "a")

    assert service.objects["root/a"].data == source.read_bytes()
    assert service.calls["put_part"] == 3 + 2


def test_a_file_has_as_many_parts_as_the_service_takes(tmp_path: Path) -> None:
    service = FakeService(Limits(max_parts=4))
    source = write(tmp_path / "a", 23 * MIB)

    store_of(service).put_file(source, "a")

    assert service.calls["put_part"] == 4
    assert service.objects["root/a"].data == source.read_bytes()


def test_a_file_that_is_too_large_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    service = FakeService(Limits(max_object_bytes=10 * MIB))
    large = write(tmp_path / "a", 11 * MIB)
    store = store_of(service)
    uploads = [Upload(write(tmp_path / "b", 1), "b", 1), Upload(large, "a", 11 * MIB)]

    for attempt in (
        lambda: store.put_file(large, "a"),
        lambda: store.put_many(uploads, lambda _count: None),
    ):
        with pytest.raises(MlflowException, match="takes objects of 10,485,760 bytes") as error:
            attempt()
        assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    assert not service.calls


def test_a_name_that_is_too_long_leaves_no_half_a_folder(tmp_path: Path) -> None:
    service = FakeService()
    source = write(tmp_path / "a", 1)
    uploads = [Upload(source, "short", 1), Upload(source, "é" * 600, 1)]

    with pytest.raises(MlflowException, match="bytes of UTF-8"):
        store_of(service).put_many(uploads, lambda _count: None)

    assert not service.calls


def test_an_answer_to_the_completion_may_be_lost(tmp_path: Path) -> None:
    lost = iter([True])

    class Losing(FakeService):
        def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part]) -> ObjectInfo:
            info = super().complete_upload(key, upload_id, parts)
            if next(lost, False):
                raise ConnectionResetError
            return info

    service = Losing()
    source = write(tmp_path / "a", 23 * MIB)

    store_of(service).put_file(source, "a")

    assert service.objects["root/a"].data == source.read_bytes()
    assert service.calls["complete_upload"] == 2


def test_another_object_is_not_taken_for_the_one_that_was_sent(tmp_path: Path) -> None:
    class Losing(FakeService):
        def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part]) -> NoReturn:
            if upload_id not in self.uploads:
                raise ServiceError("NoSuchUpload")
            # Somebody gives this upload up, and stores something else of the same size.
            del self.uploads[upload_id]
            self.objects[key] = Stored(content(23 * MIB, seed=9))
            raise ConnectionResetError

    with pytest.raises(MlflowException, match="NoSuchUpload"):
        store_of(Losing()).put_file(write(tmp_path / "a", 23 * MIB), "a")


def test_ctrl_c_leaves_no_thread_and_no_upload(tmp_path: Path) -> None:
    service = FakeService()
    once = iter([True])

    def interrupt(verb: str, _key: str) -> None:
        if verb == "put_part" and next(once, False):
            _thread.interrupt_main()
            time.sleep(0.2)  # the part is on its way while the main thread hears of it

    service.on_request = interrupt
    source = write(tmp_path / "a", 60 * MIB)

    with pytest.raises(KeyboardInterrupt):
        store_of(service, workers=2).put_file(source, "a")

    assert not workers_alive()
    assert not service.uploads
    assert not service.objects
    assert service.calls["put_part"] < 12


def test_ctrl_c_does_not_wait_for_pauses(tmp_path: Path) -> None:
    service = FakeService()
    service.fail("put_part", *[ServiceError("SlowDown", seconds=50.0) for _ in range(9)])
    once = iter([True])
    service.on_request = lambda verb, _key: (
        _thread.interrupt_main() if verb == "put_part" and next(once, False) else None
    )
    began = time.monotonic()

    with pytest.raises(KeyboardInterrupt):
        store_of(service, retry_timeout=600.0).put_file(write(tmp_path / "a", 23 * MIB), "a")

    assert time.monotonic() - began < 20
    assert not service.uploads
