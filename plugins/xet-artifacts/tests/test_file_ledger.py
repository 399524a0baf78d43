"""What a power failure leaves of an upload that did not end, and that no later one builds on it."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from mlflow_xet_artifacts import client_local, file_garbage, file_ledger, file_survey

if TYPE_CHECKING:
    from mlflow_xet_artifacts.file_store import XetFileStore

_PROGRAM = Path(__file__).with_name("file_writers.py")
_MEBIBYTE = 1 << 20
_BLOCKS, _SHARDS, _CACHE = "xorbs/xorbs", "xorbs/shards", "shard-cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "artifacts.xet"


@pytest.fixture
def store(folder: Path) -> XetFileStore:
    return get_artifact_repository(f"xet+file://{folder}")._store  # type: ignore[return-value]


@pytest.fixture
def chunks(folder: Path) -> Path:
    return folder / "chunks-1"


def _files(chunks: Path) -> set[Path]:
    return {
        each for kind in (_BLOCKS, _SHARDS, _CACHE) for each in (chunks / "xet" / kind).glob("*")
    }


def _half_an_upload(chunks: Path, data: bytes) -> set[Path]:
    """Do what an upload does up to the moment before it puts anything on the disk."""
    before = _files(chunks)
    source = client_local.Source(len(data), iter([data]))
    client_local.Upload(chunks).run([source])
    return _files(chunks) - before


def _lose(files: set[Path], kind: str, how: str) -> None:
    lost = [each for each in files if str(each.parent).endswith(kind)]
    assert lost
    for each in lost:
        if how == "missing":
            each.unlink()
        else:
            each.chmod(0o644)
            each.write_bytes(b"")


def _block_bytes(chunks: Path) -> int:
    return sum(each.stat().st_size for each in (chunks / "xet" / _BLOCKS).iterdir())


@pytest.mark.parametrize("how", ["missing", "empty"])
@pytest.mark.parametrize(
    "kinds", [(_BLOCKS,), (_BLOCKS, _SHARDS), (_BLOCKS, _CACHE), (_SHARDS,), (_CACHE,)]
)
def test_after_a_power_failure_in_mid_upload_the_next_one_stores_everything(
    store: XetFileStore, chunks: Path, kinds: tuple[str, ...], how: str
) -> None:
    kept, data = os.urandom(3 * _MEBIBYTE), os.urandom(3 * _MEBIBYTE)
    store.put_stream(io.BytesIO(kept), "kept")
    written = _half_an_upload(chunks, data)
    for kind in kinds:
        _lose(written, kind, how)

    store.put_stream(io.BytesIO(data), "model")

    assert store.get_range("model", 0, len(data)) == data
    assert store.get_range("kept", 0, len(kept)) == kept


def test_what_an_unfinished_upload_left_is_set_aside_and_not_deleted(
    store: XetFileStore, chunks: Path
) -> None:
    store.put_stream(io.BytesIO(os.urandom(_MEBIBYTE)), "kept")
    written = _half_an_upload(chunks, os.urandom(_MEBIBYTE))
    names = {each.name for each in written if each.parent.name != _CACHE}

    store.put_stream(io.BytesIO(os.urandom(_MEBIBYTE)), "next")

    assert {each.name for each in (chunks / file_ledger.ASIDE).iterdir()} == names
    file_garbage.collect(store.database, full=True, advance=lambda _done, _total: None)
    assert not chunks.exists()


def test_an_unfinished_upload_costs_no_deduplication_against_finished_ones(
    store: XetFileStore, chunks: Path
) -> None:
    data = bytearray(os.urandom(8 * _MEBIBYTE))
    store.put_stream(io.BytesIO(data), "first")
    _half_an_upload(chunks, os.urandom(_MEBIBYTE))
    before = _block_bytes(chunks) - _MEBIBYTE  # those are set aside
    data[:1_000] = os.urandom(1_000)

    store.put_stream(io.BytesIO(data), "second")

    assert _block_bytes(chunks) - before < _MEBIBYTE
    assert store.get_range("second", 0, len(data)) == data


def test_an_upload_that_failed_in_this_process_is_followed_by_a_whole_one(
    store: XetFileStore, chunks: Path
) -> None:
    data = os.urandom(3 * _MEBIBYTE)
    store.put_stream(io.BytesIO(os.urandom(_MEBIBYTE)), "kept")

    def failing() -> None:
        with file_ledger.recorded(chunks):
            client_local.Upload(chunks).run([client_local.Source(len(data), iter([data]))])
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        failing()

    store.put_stream(io.BytesIO(data), "model")

    assert (chunks / file_ledger.ASIDE).is_dir()
    assert store.get_range("model", 0, len(data)) == data


def test_uploads_reads_and_gc_leave_nothing_to_set_aside(
    store: XetFileStore, folder: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(20 * _MEBIBYTE))
    for number in range(3):
        store.put_file(source, f"large-{number}")
        store.put_stream(io.BytesIO(os.urandom(100_000 + number)), f"small-{number}")
        store.get_range("large-0", 0, 10)
    store.delete("small-0")
    file_garbage.collect(store.database, full=False, advance=lambda _done, _total: None)
    store.put_stream(io.BytesIO(os.urandom(100_000)), "after")

    assert not list(folder.rglob(file_ledger.ASIDE))
    assert list(file_survey.verify(store.database, "", lambda _done, _total: None)) == []


def test_a_folder_that_came_back_without_its_ledger_keeps_all_that_it_holds(
    store: XetFileStore, chunks: Path
) -> None:
    data = os.urandom(3 * _MEBIBYTE)
    store.put_stream(io.BytesIO(data), "model")
    (chunks / file_ledger.NAME).unlink()

    store.put_stream(io.BytesIO(os.urandom(_MEBIBYTE)), "next")

    assert store.get_range("model", 0, len(data)) == data
    assert not (chunks / file_ledger.ASIDE).exists()


def test_a_ledger_that_was_begun_for_a_folder_without_one_counts_for_nothing(
    store: XetFileStore, chunks: Path
) -> None:
    data = os.urandom(2 * _MEBIBYTE)
    store.put_stream(io.BytesIO(data), "a")
    # As a kill leaves it that strikes before the first name is written.
    (chunks / file_ledger.NAME).rename(chunks / "ledger.new")
    (chunks / "ledger.new").write_bytes(b"")

    store.put_stream(io.BytesIO(os.urandom(_MEBIBYTE)), "b")

    assert not (chunks / file_ledger.ASIDE).exists()
    assert not (chunks / "ledger.new").exists()
    assert store.get_range("a", 0, len(data)) == data


def test_a_line_that_was_cut_short_spoils_no_other(store: XetFileStore, chunks: Path) -> None:
    first, second = os.urandom(_MEBIBYTE), os.urandom(_MEBIBYTE)
    store.put_stream(io.BytesIO(first), "first")
    with (chunks / file_ledger.NAME).open("a") as ledger:
        ledger.write("\nxorbs/xorbs/default.0123")

    store.put_stream(io.BytesIO(second), "second")
    store.put_stream(io.BytesIO(os.urandom(_MEBIBYTE)), "third")

    assert store.get_range("first", 0, len(first)) == first
    assert store.get_range("second", 0, len(second)) == second


def test_files_are_not_moved_under_an_upload_that_was_given_up_and_still_runs(
    store: XetFileStore, folder: Path, chunks: Path, tmp_path: Path
) -> None:
    data = os.urandom(_MEBIBYTE)
    store.put_stream(io.BytesIO(data), "kept")
    process = subprocess.Popen(
        [sys.executable, str(_PROGRAM), "stray", f"xet+file://{folder}"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    other = threading.Thread(target=store.put_stream, args=(io.BytesIO(os.urandom(90_000)), "next"))
    other.start()

    other.join(0.5)  # it waits, as long as the other one has the store open
    assert other.is_alive()
    assert not (chunks / file_ledger.ASIDE).exists()

    process.communicate("end\n")
    other.join(60)
    assert len(store.get_range("next", 0, 100_000)) == 90_000
    assert (chunks / file_ledger.ASIDE).is_dir()
