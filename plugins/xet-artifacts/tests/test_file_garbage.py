"""`gc`, `verify`, `stats` and the other commands of local stores."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from mlflow_xet_artifacts import file_garbage, file_lock, file_survey
from mlflow_xet_artifacts.cli import cli

if TYPE_CHECKING:
    from mlflow_xet_artifacts.file_store import XetFileStore

_PROGRAM = Path(__file__).with_name("file_writers.py")
_MEBIBYTE = 1 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "artifacts.xet"


@pytest.fixture
def store(folder: Path) -> XetFileStore:
    return get_artifact_repository(f"xet+file://{folder}")._store  # type: ignore[return-value]


def _collect(store: XetFileStore, *, full: bool = False) -> file_garbage.Report:
    return file_garbage.collect(store.database, full=full, advance=lambda _done, _total: None)


def _damages(store: XetFileStore) -> list[file_survey.Damage]:
    return list(file_survey.verify(store.database, "", lambda _done, _total: None))


def test_the_space_of_deleted_artifacts_comes_back_and_the_rest_stays(store: XetFileStore) -> None:
    kept = {
        f"kept/{size}": os.urandom(size)
        for size in (0, 100, 200_000, 20 * _MEBIBYTE, 150 * _MEBIBYTE)
    }
    for path, data in kept.items():
        store.put_stream(io.BytesIO(data), path)
    for size in (500, 10 * _MEBIBYTE):
        store.put_stream(io.BytesIO(os.urandom(size)), f"dead/{size}")
    store.delete_many(list(store.list_all("dead")))

    report = _collect(store)

    assert report.contents == 2
    assert report.rewritten
    assert report.before - report.after > 9 * _MEBIBYTE
    assert {path: store.get_range(path, 0, 200 * _MEBIBYTE) for path in kept} == kept
    assert _damages(store) == []
    assert [each.name for each in store.database.folder.glob("chunks-*")] == ["chunks-2"]


def test_without_deletions_nothing_is_copied_unless_asked_for(store: XetFileStore) -> None:
    store.put_stream(io.BytesIO(os.urandom(100_000)), "model")

    assert not _collect(store).rewritten
    assert _collect(store, full=True).rewritten
    assert len(store.get_range("model", 0, 200_000)) == 100_000


def test_writers_go_on_while_garbage_is_collected(store: XetFileStore) -> None:
    stop = threading.Event()
    written: dict[str, bytes] = {}
    failures: list[Exception] = []

    def write() -> None:
        try:
            while not stop.is_set():
                path, data = (
                    f"new/{len(written)}",
                    os.urandom(100_000 + 17 * _MEBIBYTE * (len(written) % 2)),
                )
                store.put_stream(io.BytesIO(data), path)
                written[path] = data
        except Exception as error:  # noqa: BLE001  # shown by the assertion
            failures.append(error)

    store.put_stream(io.BytesIO(os.urandom(30 * _MEBIBYTE)), "old")
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3):
            _collect(store, full=True)
    finally:
        stop.set()
        writer.join()

    assert failures == []
    assert written
    assert {path: store.get_range(path, 0, 40 * _MEBIBYTE) for path in written} == written
    assert _damages(store) == []


def test_a_second_gc_is_refused(store: XetFileStore, folder: Path) -> None:
    store.put_stream(io.BytesIO(b"1"), "a")

    with (
        file_lock.held(folder / "gc.lock", time.monotonic()),
        pytest.raises(MlflowException, match="another gc runs"),
    ):
        _collect(store)


def test_a_damaged_content_stops_gc_before_the_swap(store: XetFileStore, folder: Path) -> None:
    store.put_stream(io.BytesIO(os.urandom(2 * _MEBIBYTE)), "good")
    store.put_stream(io.BytesIO(os.urandom(_MEBIBYTE)), "bad")
    newest = max(
        folder.glob("chunks-1/xet/xorbs/xorbs/default.*"), key=lambda each: each.stat().st_mtime_ns
    )
    for each in folder.glob("chunks-1/xet/xorbs/xorbs/default.*"):
        if each.stat().st_size < 1.5 * _MEBIBYTE and not each.name.endswith("tagset"):
            newest = each
    newest.chmod(0o644)
    with newest.open("r+b") as stream:
        stream.seek(500_000)
        stream.write(b"\xff" * 70_000)

    with pytest.raises(MlflowException):
        _collect(store, full=True)

    assert len(store.get_range("good", 0, 3 * _MEBIBYTE)) == 2 * _MEBIBYTE
    assert [damage.path for damage in _damages(store)] == ["bad"]


@pytest.mark.parametrize("moment", [0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.9])
def test_a_gc_that_is_killed_loses_nothing(
    store: XetFileStore, folder: Path, tmp_path: Path, moment: float
) -> None:
    kept = {f"kept/{number}": os.urandom(5 * _MEBIBYTE) for number in range(4)}
    for path, data in kept.items():
        store.put_stream(io.BytesIO(data), path)
    store.put_stream(io.BytesIO(os.urandom(5 * _MEBIBYTE)), "dead")
    store.delete("dead")
    process = subprocess.Popen(
        [sys.executable, str(_PROGRAM), "gc", f"xet+file://{folder}"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"

    time.sleep(moment)  # the moment of the kill is what is tried
    process.kill()
    process.communicate()

    assert {path: store.get_range(path, 0, 6 * _MEBIBYTE) for path in kept} == kept
    _collect(store, full=True)
    assert {path: store.get_range(path, 0, 6 * _MEBIBYTE) for path in kept} == kept
    assert len(list(folder.glob("chunks-*"))) == 1


def test_the_commands_say_what_they_found(store: XetFileStore, folder: Path) -> None:
    data = os.urandom(300_000)
    for name in ("a", "b", "c"):
        store.put_stream(io.BytesIO(data), name)
    location = f"xet+file://{folder}"
    run = CliRunner().invoke

    counted = run(cli, ["stats", location]).output
    assert "files           3\n" in counted
    assert "logical bytes   900000\n" in counted
    assert "unique bytes    300000\n" in counted
    assert "all artifacts are as they were stored: 3 read" in run(cli, ["verify", location]).output
    assert "the chunks stayed" in run(cli, ["gc", location]).output
    assert run(cli, ["check", location]).exit_code == 0

    for each in folder.glob("chunks-1/xet/xorbs/xorbs/default.*"):
        each.unlink()
    verified = run(cli, ["verify", location])
    assert verified.exit_code == 1
    assert verified.output.count("DAMAGED") == 3


def test_a_location_of_the_hub_is_refused_by_what_it_has_not() -> None:
    found = CliRunner().invoke(cli, ["gc", "xet://owner/repo/main"])

    assert isinstance(found.exception, MlflowException)
    assert "for local Xet stores" in str(found.exception)


def test_an_empty_place_has_nothing_to_do(store: XetFileStore, folder: Path) -> None:
    assert _collect(store, full=True).contents == 0
    assert file_survey.stats(store.database).ratio == 1.0
    assert not folder.exists()


def test_where_no_store_is_nothing_is_verified(folder: Path) -> None:
    found = CliRunner().invoke(cli, ["verify", f"xet+file://{folder}"])

    assert isinstance(found.exception, MlflowException)
    assert "There is no local Xet store" in str(found.exception)
    assert not folder.exists()
