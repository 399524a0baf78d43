"""A whole repository on an object service: what MLflow asks of it, and what it costs."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from object_service import FakeService
from objects import MIB, content, store_of, write

from mlflow_plugin_core.blob_store import Blob, Download, Upload

SIZES = [0, 1, 1000, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 8 * MIB, 10 * MIB, 23 * MIB + 7]


@pytest.mark.parametrize("size", SIZES)
def test_a_file_of_any_size_comes_back(tmp_path: Path, size: int) -> None:
    service = FakeService()
    store = store_of(service)
    source = write(tmp_path / "a.bin", size)

    store.put_file(source, "folder/a.bin")
    blob = store.stat("folder/a.bin")
    assert blob is not None
    store.get_file(blob, tmp_path / "back" / "a.bin")

    assert service.objects["root/folder/a.bin"].data == source.read_bytes()
    assert (tmp_path / "back" / "a.bin").read_bytes() == source.read_bytes()
    assert [path.name for path in (tmp_path / "back").iterdir()] == ["a.bin"]
    assert not service.uploads


@pytest.mark.parametrize("size", SIZES)
def test_a_stream_of_any_length_comes_back(size: int) -> None:
    service = FakeService()
    data = content(size)

    store_of(service).put_stream(io.BytesIO(data), "s")

    assert service.objects["root/s"].data == data
    assert service.calls["put"] == (size <= 5 * MIB)
    assert not service.uploads


def test_many_files_go_and_come_back(tmp_path: Path) -> None:
    service = FakeService()
    store = store_of(service)
    sizes = [*range(200), 6 * MIB, 17 * MIB]
    uploads = [
        Upload(write(tmp_path / "in" / f"{at}", size, at), f"d/{at % 7}/{at}", size)
        for at, size in enumerate(sizes)
    ]
    done: list[int] = []
    store.put_many(uploads, done.append)
    assert sum(done) == len(sizes)
    found = [blob for blob in store.list_all("d") if not blob.is_folder]
    assert {blob.path for blob in found} == {item.path for item in uploads}
    downloads = [Download(blob, tmp_path / "out" / blob.path) for blob in found]
    done.clear()
    store.get_many(downloads, done.append)
    assert sum(done) == len(sizes)
    for item in uploads:
        assert (tmp_path / "out" / item.path).read_bytes() == item.source.read_bytes()
    store.delete_many([*store.list_all("d"), Blob("d", is_folder=True)])
    assert not service.objects
