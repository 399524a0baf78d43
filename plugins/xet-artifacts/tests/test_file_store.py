"""What a local store does with files, paths, settings and faults, in one process."""

from __future__ import annotations

import io
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from mlflow_plugin_core.blob_store import Blob

if TYPE_CHECKING:
    from mlflow_xet_artifacts.file_store import XetFileStore
    from mlflow_xet_artifacts.repository import XetFileRepository

_MEBIBYTE = 1 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "artifacts.xet"


@pytest.fixture
def location(folder: Path) -> str:
    return f"xet+file://{folder}/1/run/artifacts"


@pytest.fixture
def repository(location: str) -> XetFileRepository:
    return get_artifact_repository(location)


@pytest.fixture
def store(repository: XetFileRepository) -> XetFileStore:
    return repository._store  # type: ignore[return-value]


def _chunk_files(folder: Path) -> list[Path]:
    return [each for each in folder.glob("chunks-*/xet/xorbs/xorbs/*") if each.suffix != ".tagset"]


@pytest.mark.parametrize(
    "size", [0, 1, 65_536, 65_537, 16 * _MEBIBYTE, 16 * _MEBIBYTE + 1, 40_000_001]
)
def test_a_file_of_any_size_comes_back_whole_and_in_pieces(
    store: XetFileStore, tmp_path: Path, size: int
) -> None:
    source, fetched = tmp_path / "source", tmp_path / "fetched"
    source.write_bytes(data := os.urandom(size))

    store.put_file(source, "a/b")
    blob = store.stat("a/b")
    assert blob is not None
    store.get_file(blob, fetched)

    assert fetched.read_bytes() == data
    assert blob.size == size
    middle = max(size - 10, 0)
    assert store.get_range("a/b", middle, 100) == data[middle:]
    assert store.get_range("a/b", 0, 7) == data[:7]
    assert store.get_range("a/b", size, 7) == b""


def test_a_folder_of_every_size_and_name_comes_back(
    repository: XetFileRepository, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    names = [
        "a/x",
        "a0",
        "a-b",
        "a.b",
        "b c",
        "c/d/e",
        "c/d0",
        "c0/é",
        "ü/ß.bin",
        "\U0001f600",
        "%41",
        "'\"",
    ]
    for number, name in enumerate(names):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(os.urandom(number * 20_000))

    repository.log_artifacts(str(source), "m")
    fetched = Path(repository.download_artifacts("m", str(tmp_path)))

    assert {name: (fetched / name).read_bytes() for name in names} == {
        name: (source / name).read_bytes() for name in names
    }
    assert [info.path for info in repository.list_artifacts("m")] == sorted(
        {f"m/{name.partition('/')[0]}" for name in names}
    )
    assert [info.path for info in repository.list_artifacts("m/c")] == ["m/c/d", "m/c/d0"]


def test_ten_thousand_and_one_entries_are_listed(
    repository: XetFileRepository, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(10_001):
        (source / f"{number:05}").touch()

    repository.log_artifacts(str(source), "many")

    assert len(repository.list_artifacts("many")) == 10_001
    repository.delete_artifacts("many")
    assert repository.list_artifacts() == []


def test_the_same_content_is_stored_once(
    repository: XetFileRepository, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "model").write_bytes(os.urandom(3 * _MEBIBYTE))
    repository.log_artifact(str(tmp_path / "model"), "first")
    before = _chunk_files(folder)

    repository.log_artifact(str(tmp_path / "model"), "second")

    assert _chunk_files(folder) == before
    assert [info.path for info in repository.list_artifacts("second")] == ["second/model"]


def test_a_changed_region_takes_little_more_than_itself(store: XetFileStore, folder: Path) -> None:
    data = bytearray(os.urandom(40 * _MEBIBYTE))
    store.put_stream(io.BytesIO(data), "checkpoint")
    before = sum(each.stat().st_size for each in _chunk_files(folder))
    data[20 * _MEBIBYTE : 21 * _MEBIBYTE] = os.urandom(_MEBIBYTE)

    store.put_stream(io.BytesIO(data), "checkpoint")

    grown = sum(each.stat().st_size for each in _chunk_files(folder)) - before
    assert _MEBIBYTE <= grown < 1.5 * _MEBIBYTE
    assert store.get_range("checkpoint", 0, len(data)) == data


def test_a_stream_that_breaks_leaves_the_old_content(store: XetFileStore, folder: Path) -> None:
    class Broken(io.RawIOBase):
        def __init__(self) -> None:
            super().__init__()
            self._left = 10

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            if not self._left:
                message = "the sender is gone"
                raise ConnectionResetError(message)
            self._left -= 1
            return len(buffer)

    store.put_stream(io.BytesIO(b"old"), "file")
    left = sorted(each.name for each in folder.iterdir())

    with pytest.raises(ConnectionResetError, match="the sender is gone"):
        store.put_stream(io.BufferedReader(Broken(), _MEBIBYTE), "file")

    assert store.get_range("file", 0, 10) == b"old"
    assert sorted(each.name for each in folder.iterdir()) == left


def test_a_file_and_a_folder_do_not_share_a_path(store: XetFileStore) -> None:
    store.put_stream(io.BytesIO(b"1"), "a/b")

    with pytest.raises(MlflowException, match="it is a folder"):
        store.put_stream(io.BytesIO(b"2"), "a")
    with pytest.raises(MlflowException, match="'1/run/artifacts/a/b' is a file"):
        store.put_stream(io.BytesIO(b"2"), "a/b/c")


def test_a_file_that_cannot_be_read_does_not_stop_its_neighbours(
    repository: XetFileRepository, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "gone").symlink_to("nowhere")
    for name, size in (("small", 10), ("middling", 200_000), ("middling2", 200_000)):
        (source / name).write_bytes(os.urandom(size))

    with pytest.raises(MlflowException, match="gone"):
        repository.log_artifacts(str(source))

    assert {info.path for info in repository.list_artifacts()} >= {"small"}


@pytest.mark.parametrize("size", [100, 3 * _MEBIBYTE])
def test_a_damaged_content_is_noticed_and_nothing_is_left(
    store: XetFileStore, folder: Path, tmp_path: Path, size: int
) -> None:
    store.put_stream(io.BytesIO(os.urandom(size)), "model")
    if size == 100:
        with closing(sqlite3.connect(folder / "xet-index.db")) as connection, connection:
            connection.execute("UPDATE contents SET data = zeroblob(100)")
    for each in _chunk_files(folder):
        each.chmod(0o644)
        with each.open("r+b") as stream:
            stream.seek(1_000_000)
            stream.write(b"\xff" * 70_000)
    target = tmp_path / "target"
    target.mkdir()

    with pytest.raises(MlflowException, match="'model' is damaged in the store") as caught:
        store.get_file(Blob("model"), target / "model")

    assert caught.value.error_code == "INTERNAL_ERROR"
    assert list(target.iterdir()) == []


def test_a_missing_chunk_file_is_noticed(store: XetFileStore, folder: Path, tmp_path: Path) -> None:
    store.put_stream(io.BytesIO(os.urandom(_MEBIBYTE)), "model")
    for each in _chunk_files(folder):
        each.unlink()

    with pytest.raises(MlflowException, match="'model' is damaged in the store"):
        store.get_file(Blob("model"), tmp_path / "model")


def test_a_read_that_stands_still_is_ended(location: str, folder: Path, tmp_path: Path) -> None:
    repository = get_artifact_repository(f"{location}?stall_timeout=1")
    repository._store.put_stream(io.BytesIO(os.urandom(_MEBIBYTE)), "model")
    (chunks,) = _chunk_files(folder)
    chunks.unlink()
    os.mkfifo(chunks)  # opening it waits for a writer that never comes

    with pytest.raises(MlflowException, match="no progress for 1 seconds") as caught:
        repository._store.get_file(Blob("model"), tmp_path / "model")

    assert caught.value.error_code == "TEMPORARILY_UNAVAILABLE"
    os.close(os.open(chunks, os.O_WRONLY | os.O_NONBLOCK))  # lets the thread go


def test_what_is_read_survives_a_replacement(store: XetFileStore, tmp_path: Path) -> None:
    store.put_stream(io.BytesIO(b"a" * 200_000), "model")
    blob = store.stat("model")
    assert blob is not None
    store.put_stream(io.BytesIO(b"b" * 200_000), "model")

    store.get_file(blob, tmp_path / "old")

    assert (tmp_path / "old").read_bytes() == b"a" * 200_000


def test_threads_write_and_read_at_once(store: XetFileStore) -> None:
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            for index in range(5):
                data = bytes([number, index]) * 100_000
                store.put_stream(io.BytesIO(data), f"{number}/{index}")
                assert store.get_range(f"{number}/{index}", 0, len(data)) == data
        except Exception as error:  # noqa: BLE001  # shown by the assertion
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(list(store.list_all(""))) == 6 + 30


def test_an_index_of_a_later_version_is_left_alone(store: XetFileStore, folder: Path) -> None:
    folder.mkdir()
    with closing(sqlite3.connect(folder / "xet-index.db")) as connection:
        connection.execute("PRAGMA user_version = 99")

    with pytest.raises(MlflowException, match="has version 99"):
        store.stat("model")


def test_a_folder_without_rights_is_named(store: XetFileStore, folder: Path) -> None:
    folder.parent.joinpath("file").touch()
    broken = get_artifact_repository(f"xet+file://{folder.parent}/file/a.xet")._store

    with pytest.raises(MlflowException, match="Not a directory"):
        broken.put_stream(io.BytesIO(b"1"), "model")


def test_an_unknown_parameter_is_refused_with_the_nearest_name(folder: Path) -> None:
    with pytest.raises(MlflowException, match="did you mean 'workers'"):
        get_artifact_repository(f"xet+file://{folder}?worker=1")


def test_a_server_opens_only_the_folders_that_its_operator_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = f"xet+file://{tmp_path}/users/a.xet/1/run/artifacts"
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_DESTINATION", f"xet+file://{tmp_path}/own")

    with pytest.raises(MlflowException, match="MLFLOW_XET_FOLDERS"):
        get_artifact_repository(users)

    monkeypatch.setenv("MLFLOW_XET_FOLDERS", str(tmp_path / "users"))
    assert get_artifact_repository(users).list_artifacts() == []
    own = get_artifact_repository(f"xet+file:{tmp_path}/own/1/run/artifacts")
    assert own._store.database.folder == tmp_path / "own" / "1" / "run" / "artifacts"


def test_no_presigned_transfer_is_offered(repository: XetFileRepository) -> None:
    names = {base.__name__ for base in type(repository).__mro__}

    assert "StreamUploads" in names
    assert not {name for name in names if "Multipart" in name or "Presigned" in name}
