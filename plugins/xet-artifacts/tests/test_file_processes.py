"""Local stores among processes: at once, killed, forked, short of room."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

if TYPE_CHECKING:
    from mlflow_xet_artifacts.file_store import XetFileStore

_PROGRAM = Path(__file__).with_name("file_writers.py")
_MEBIBYTE = 1 << 20


@pytest.fixture
def location(tmp_path: Path) -> str:
    return f"xet+file://{tmp_path}/artifacts.xet/1/run/artifacts"


def _store(location: str) -> XetFileStore:
    return get_artifact_repository(location)._store  # type: ignore[return-value]


def _start(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(_PROGRAM), *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_eight_processes_write_and_read_at_once(location: str, tmp_path: Path) -> None:
    running = [_start(tmp_path, "work", location, str(number), "3") for number in range(8)]

    ends = [process.communicate(timeout=120) for process in running]

    assert [out for out, _ in ends] == ["done\n"] * 8, ends
    files = [blob for blob in _store(location).list_all("") if not blob.is_folder]
    assert len(files) == 8 * 3 * 2


def test_a_wait_for_others_ends_with_their_name_for_it(location: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(200_000))
    _store(location).put_file(source, "model")
    holder = _start(tmp_path, "hold", location, "60")
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        began = time.monotonic()

        with pytest.raises(MlflowException, match="store is busy") as caught:
            _store(f"{location}?lock_timeout=0.5").get_range("model", 0, 1)

        assert caught.value.error_code == "TEMPORARILY_UNAVAILABLE"
        assert time.monotonic() - began < 5
    finally:
        holder.kill()
        holder.communicate()
    assert _store(location).get_range("model", 0, 1) == source.read_bytes()[:1]


def test_an_upload_that_is_killed_leaves_the_old_file_and_can_be_repeated(
    location: str, tmp_path: Path
) -> None:
    old, new = os.urandom(100_000), os.urandom(48 * _MEBIBYTE)
    (tmp_path / "old").write_bytes(old)
    (tmp_path / "new").write_bytes(new)
    _store(location).put_file(tmp_path / "old", "model")
    chunks = tmp_path / "artifacts.xet"
    size = sum(each.stat().st_size for each in chunks.rglob("*") if each.is_file())

    process = _start(tmp_path, "log", location, str(tmp_path / "new"), "model")
    while sum(each.stat().st_size for each in chunks.rglob("default.*")) < size + 10 * _MEBIBYTE:
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    process.kill()
    process.communicate()

    store = _store(location)
    assert store.get_range("model", 0, len(new)) == old
    store.put_file(tmp_path / "new", "model")
    assert store.get_range("model", 0, len(new)) == new


def test_ctrl_c_ends_an_upload_and_leaves_the_old_file_and_no_lock(
    location: str, tmp_path: Path
) -> None:
    old, new = os.urandom(100_000), os.urandom(96 * _MEBIBYTE)
    (tmp_path / "old").write_bytes(old)
    (tmp_path / "new").write_bytes(new)
    store = _store(location)
    store.put_file(tmp_path / "old", "model")
    chunks = tmp_path / "artifacts.xet"
    size = sum(each.stat().st_size for each in chunks.rglob("*") if each.is_file())

    process = _start(tmp_path, "log", location, str(tmp_path / "new"), "model")
    while sum(each.stat().st_size for each in chunks.rglob("default.*")) < size + 10 * _MEBIBYTE:
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)

    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in err
    assert store.get_range("model", 0, len(new)) == old
    # No other process is in its way, and it is not in theirs.
    _store(f"{location}?lock_timeout=5").put_file(tmp_path / "new", "model")
    assert store.get_range("model", 0, len(new)) == new


def test_a_forked_child_uses_the_store_beside_its_parent(location: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(300_000))
    _store(location).put_file(source, "before")
    children = [
        multiprocessing.get_context("fork").Process(target=_in_child, args=(location, number))
        for number in range(3)
    ]
    for child in children:
        child.start()
    _store(location).put_file(source, "parent")
    for child in children:
        child.join(60)

    assert [child.exitcode for child in children] == [0, 0, 0]
    paths = {blob.path for blob in _store(location).list_all("")}
    assert paths == {"before", "parent", "child-0", "child-1", "child-2"}


def _in_child(location: str, number: int) -> None:
    source = Path(location.partition(":")[2].removeprefix("//")).parents[3] / f"child-{number}"
    source.write_bytes(bytes([number]) * 200_000)
    store = _store(location)
    store.put_file(source, source.name)
    assert store.get_range(source.name, 0, 300_000) == source.read_bytes()
    assert len(store.get_range("before", 0, 400_000)) == 300_000


@pytest.fixture
def small_disk(tmp_path: Path):  # noqa: ANN201  # an iterator of a path
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("only root mounts a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_under_the_store_is_named_and_room_helps(
    small_disk: Path, tmp_path: Path
) -> None:
    store = _store(f"xet+file://{small_disk}/a.xet")
    source = tmp_path / "source"
    source.write_bytes(os.urandom(2 * _MEBIBYTE))
    store.put_file(source, "fits")
    source.write_bytes(os.urandom(40 * _MEBIBYTE))

    with pytest.raises(MlflowException, match="(?i)no space left.*make room"):
        store.put_file(source, "too-large")

    assert [blob.path for blob in store.list_all("")] == ["fits"]
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    store.put_file(source, "too-large")
    assert store.get_range("too-large", 0, 50 * _MEBIBYTE) == source.read_bytes()


def test_a_full_disk_under_a_download_is_named_and_nothing_is_left(
    location: str, tmp_path: Path
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(6 * _MEBIBYTE))
    target.mkdir()
    store = _store(location)
    store.put_file(source, "model")
    blob = store.stat("model")
    assert blob is not None
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 * _MEBIBYTE, hard))
    try:
        with pytest.raises(MlflowException, match="Cannot write.*(?i:file too large)"):
            store.get_file(blob, target / "model")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert list(target.iterdir()) == []


def test_a_file_of_300_mib_takes_less_than_80(location: str, tmp_path: Path) -> None:
    source = tmp_path / "large"
    with source.open("wb") as stream:
        for _ in range(300):
            stream.write(os.urandom(_MEBIBYTE))

    process = _start(tmp_path, "grow", location, str(source))
    out, err = process.communicate(timeout=120)

    assert process.returncode == 0, err
    assert int(out) < 80 * _MEBIBYTE
