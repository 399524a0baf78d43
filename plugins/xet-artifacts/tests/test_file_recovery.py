"""Broken, torn and half-finished local stores: what is refused, what is named, and what repairs them."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from mlflow_plugin_core.blob_store import Blob
from mlflow_xet_artifacts import file_garbage, file_survey
from mlflow_xet_artifacts.cli import cli

if TYPE_CHECKING:
    from mlflow_xet_artifacts.file_store import XetFileStore

_MEBIBYTE = 1 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "artifacts.xet"


@pytest.fixture
def store(folder: Path) -> XetFileStore:
    return get_artifact_repository(f"xet+file://{folder}")._store  # type: ignore[return-value]


def _collect(store: XetFileStore, *, full: bool = False) -> file_garbage.Report:
    return file_garbage.collect(store.database, full=full, advance=lambda _done, _total: None)


def _damage(folder: Path) -> None:
    for each in folder.glob("chunks-*/xet/xorbs/xorbs/default.*"):
        if each.suffix != ".tagset":
            each.chmod(0o644)
            with each.open("r+b") as stream:
                stream.seek(each.stat().st_size // 2)
                stream.write(b"\xff" * 70_000)


def test_a_damaged_artifact_that_is_forgotten_can_be_logged_again(
    store: XetFileStore, folder: Path
) -> None:
    data = os.urandom(3 * _MEBIBYTE)
    store.put_stream(io.BytesIO(data), "model")
    store.put_stream(io.BytesIO(b"small"), "note")
    _damage(folder)

    found = CliRunner().invoke(cli, ["verify", "--forget", f"xet+file://{folder}"])

    assert found.exit_code == 1
    assert "DAMAGED  model" in found.output
    assert "1 of 2 artifacts are damaged" in found.output
    assert [blob.path for blob in store.list_all("")] == ["note"]
    store.put_stream(io.BytesIO(data), "model")
    assert store.get_range("model", 0, len(data)) == data


def test_the_remedy_that_a_damaged_artifact_names_repairs_it(
    store: XetFileStore, folder: Path, tmp_path: Path
) -> None:
    data = os.urandom(3 * _MEBIBYTE)
    store.put_stream(io.BytesIO(data), "model")
    _damage(folder)
    with pytest.raises(MlflowException, match="delete it, run `mlflow-xet-artifacts gc`, and log"):
        store.get_file(Blob("model"), tmp_path / "model")

    store.delete("model")
    _collect(store)
    store.put_stream(io.BytesIO(data), "model")

    assert store.get_range("model", 0, len(data)) == data


def test_an_index_from_before_the_chunks_deletes_none_of_them(
    store: XetFileStore, folder: Path, tmp_path: Path
) -> None:
    data = os.urandom(_MEBIBYTE)
    store.put_stream(io.BytesIO(data), "model")
    backup = tmp_path / "backup"
    _copy_index(folder, backup)
    _collect(store, full=True)
    newest = tmp_path / "newest"
    _copy_index(folder, newest)

    _restore_index(folder, backup)

    for attempt in (
        lambda: _collect(store, full=True),
        lambda: store.put_stream(io.BytesIO(os.urandom(_MEBIBYTE)), "next"),
        lambda: store.get_range("model", 0, 1),
    ):
        with pytest.raises(MlflowException, match="do not belong together.*same backup"):
            attempt()
    assert [each.name for each in folder.glob("chunks-*")] == ["chunks-2"]
    _restore_index(folder, newest)
    assert store.get_range("model", 0, len(data)) == data


def _copy_index(folder: Path, target: Path) -> None:
    script = "import sqlite3, sys; a, b = map(sqlite3.connect, sys.argv[1:]); a.backup(b)"

    subprocess.run(
        [sys.executable, "-c", script, str(folder / "xet-index.db"), str(target)], check=True
    )


def _restore_index(folder: Path, source: Path) -> None:
    for each in folder.glob("xet-index.db*"):
        each.unlink()
    (folder / "xet-index.db").write_bytes(source.read_bytes())


def test_a_gc_that_fails_leaves_no_half_copy_and_the_next_one_gives_the_space_back(
    store: XetFileStore, folder: Path
) -> None:
    good, size = os.urandom(2 * _MEBIBYTE), 5 * _MEBIBYTE
    store.put_stream(io.BytesIO(good), "good")
    store.put_stream(io.BytesIO(os.urandom(size)), "dead")
    blocks = set(folder.glob("chunks-1/xet/xorbs/xorbs/default.*"))
    store.put_stream(io.BytesIO(os.urandom(_MEBIBYTE)), "lost")
    away = {
        each: each.rename(folder.parent / each.name)
        for each in set(folder.glob("chunks-1/xet/xorbs/xorbs/default.*")) - blocks
    }
    store.delete("dead")

    with pytest.raises(MlflowException):
        _collect(store)

    assert [each.name for each in folder.glob("chunks-*")] == ["chunks-1"]
    for place, moved in away.items():
        moved.rename(place)
    report = _collect(store)
    assert report.contents == 1
    assert report.rewritten
    assert report.before - report.after > size * 0.9
    assert store.get_range("good", 0, len(good)) == good


@pytest.mark.parametrize("kind", ["xorbs", "shards"])  # hf_xet raises, or yields nothing
def test_a_file_that_gc_took_away_in_mid_read_is_gone_and_not_damaged(
    store: XetFileStore, tmp_path: Path, kind: str
) -> None:
    source = tmp_path / "source"
    with source.open("wb") as stream:
        for _ in range(300):
            stream.write(os.urandom(_MEBIBYTE))
    store.put_file(source, "model")
    deleted: list[int] = []

    def sink(_block: bytes) -> None:
        if not deleted:
            deleted.append(1)
            store.delete("model")
            # What gc does at its end, between two openings.
            with store.database.writing() as connection:
                connection.execute("DELETE FROM contents")
            for each in store.database.folder.glob(f"chunks-1/xet/xorbs/{kind}/*"):
                each.unlink()

    blob = store.stat("model")
    assert blob is not None
    from mlflow_xet_artifacts import file_downloads

    with pytest.raises(MlflowException, match="deleted or replaced while it was read") as caught:
        file_downloads.read_all(store.database, "model", blob.handle, sink)  # type: ignore[arg-type]

    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_a_lock_that_cannot_be_opened_is_named(store: XetFileStore, folder: Path) -> None:
    store.put_stream(io.BytesIO(os.urandom(_MEBIBYTE)), "model")
    (folder / "gc.lock").mkdir()
    (folder / "turn.lock").unlink()
    (folder / "turn.lock").mkdir()

    for attempt in (lambda: store.get_range("model", 0, 1), lambda: _collect(store)):
        with pytest.raises(MlflowException, match="Cannot take turns in the local Xet store"):
            attempt()


def test_what_is_damaged_may_be_all_that_points_to_a_content(
    store: XetFileStore, folder: Path
) -> None:
    data = os.urandom(_MEBIBYTE)
    for path in ("a", "b"):
        store.put_stream(io.BytesIO(data), path)
    _damage(folder)

    found = list(file_survey.verify(store.database, "a", lambda _done, _total: None))
    whole = list(file_survey.verify(store.database, "", lambda _done, _total: None))

    assert found == []  # nothing lies below the file itself
    file_survey.forget(store.database, whole[:1])
    assert list(store.list_all("")) == []
