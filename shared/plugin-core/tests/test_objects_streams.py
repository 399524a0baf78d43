"""Streams on their way in: whole or not at all, within memory and within the number of parts."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
from mlflow.exceptions import MlflowException
from object_service import FakeService, Stored
from objects import MIB, content, settings, store_of, workers_alive

from mlflow_plugin_core.objects import streams
from mlflow_plugin_core.objects.client import Body, Limits, ObjectInfo, Part
from mlflow_plugin_core.objects.store import ObjectStore


class BrokenStream(io.RawIOBase):
    """Yields some bytes, then raises."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self._left = length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._left:
            message = "the client went away"
            raise ConnectionAbortedError(message)
        count = min(len(buffer), self._left, 70_001)
        buffer[:count] = bytes(count)
        self._left -= count
        return count


@pytest.mark.parametrize("length", [0, 100, 6 * MIB, 40 * MIB])
def test_a_stream_that_raises_leaves_nothing(length: int) -> None:
    service = FakeService()

    with pytest.raises(ConnectionAbortedError, match="went away"):
        store_of(service).put_stream(io.BufferedReader(BrokenStream(length)), "s")

    assert not service.objects
    assert not service.uploads
    assert not workers_alive()


def test_a_stream_keeps_within_its_memory() -> None:
    service = FakeService()
    service.latency = 0.01
    data = content(90 * MIB)

    store_of(service, workers=16, memory=24 * MIB).put_stream(io.BytesIO(data), "s")

    assert service.objects["root/s"].data == data
    assert 6 * MIB < service.most_bytes_at_once <= 24 * MIB


def test_parts_of_a_long_stream_grow_and_wait_on_the_disk() -> None:
    # A service of tiny parts: 900 of 16 KiB are to it what 9,000 of 16 MiB are to S3.
    limits = Limits(max_parts=1_000, min_part_bytes=1, max_part_bytes=5 * MIB)
    service = FakeService(limits)
    data = content(36 * MIB)
    sizes: list[int] = []

    class Watching(FakeService):
        def put_part(self, key: str, upload_id: str, number: int, body: Body) -> Part:
            sizes.append(body.size)
            return super().put_part(key, upload_id, number, body)

    service = Watching(limits)
    tiny = settings(workers=1).model_copy(update={"part_size": 16_384, "memory": 65_536})
    store = ObjectStore(service, tiny, root="root", location="fake://bucket")
    streams.put_stream(store.calls, tiny, io.BytesIO(data), "root/s", "s")

    assert service.objects["root/s"].data == data
    assert sizes[:900] == [16_384] * 900
    assert max(sizes) > 10 * 16_384
    assert sizes[:-1] == sorted(sizes[:-1])


class Losing(FakeService):
    """Stores an object, and loses the answer the first time."""

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part]) -> ObjectInfo:
        info = super().complete_upload(key, upload_id, parts)
        if self.calls["complete_upload"] == 1:
            message = "the read timed out"
            raise TimeoutError(message)
        return info


@pytest.mark.parametrize("before", [None, b"old"])
def test_a_stream_whose_completion_is_not_answered_is_stored(before: bytes | None) -> None:
    service = Losing()
    if before is not None:
        service.objects["root/s"] = Stored(before)
    data = content(11 * MIB)

    store_of(service).put_stream(io.BytesIO(data), "s")

    assert service.objects["root/s"].data == data
    assert service.calls["complete_upload"] == 2


def test_a_stream_whose_upload_somebody_gave_up_fails_although_there_is_an_object() -> None:
    service = FakeService()
    service.objects["root/s"] = Stored(content(11 * MIB, 2))

    def give_up(verb: str, _key: str) -> None:
        if verb == "complete_upload":
            service.uploads.clear()

    service.on_request = give_up
    service.fail("complete_upload", TimeoutError("the read timed out"))

    with pytest.raises(MlflowException, match="NoSuchUpload"):
        store_of(service).put_stream(io.BytesIO(content(11 * MIB)), "s")


def test_a_stream_with_more_parts_than_the_service_takes_ends_with_an_error() -> None:
    service = FakeService(Limits(max_parts=3))

    with pytest.raises(MlflowException, match="more than 3 parts") as error:
        store_of(service).put_stream(io.BytesIO(bytes(24 * MIB)), "s")

    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    assert not service.uploads
