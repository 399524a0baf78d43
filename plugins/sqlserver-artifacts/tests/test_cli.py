"""The operator's commands."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from mlflow_plugin_core import command_line
from mlflow_sqlserver_artifacts.cli import cli
from mlflow_sqlserver_artifacts.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlflow_sqlserver_artifacts.repository import SqlArtifactRepository


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), catch_exceptions=False)


def test_the_printed_script_makes_tables_that_the_plugin_takes(
    tmp_path: Path, open_repository: Callable[[str], SqlArtifactRepository]
) -> None:
    import sqlite3

    script = _run("ddl", "--dialect", "sqlite").output
    database = tmp_path / "artifacts.db"
    with sqlite3.connect(database) as connection:
        connection.executescript(script)

    repository = open_repository(f"sqlite:///{database}/1/run/artifacts")
    repository.log_artifact_from_stream(io.BytesIO(b"x"), "file")

    assert [info.path for info in repository.list_artifacts()] == ["file"]


def test_check_names_every_step_and_leaves_nothing(
    sqlite_location: str, open_repository: Callable[[str], SqlArtifactRepository]
) -> None:
    done = _run("check", sqlite_location)

    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert all(line.startswith("ok ") for line in lines)
    assert [line.removeprefix("ok").strip().split("  ")[0].split(",")[0] for line in lines] == [
        "settings",
        "MLflow opens it with this plugin",
        "connect and list",
        "tables are there",
        "store a file",
        "read it back",
        "delete it",
    ]
    assert open_repository(sqlite_location).list_artifacts() == []


def test_gc_says_what_it_removed(sqlite_location: str) -> None:
    done = _run("gc", sqlite_location)

    assert done.exit_code == 0
    assert done.output.startswith("removed 0 chunks of 0 contents")


def test_copy_moves_a_folder_in_and_out_and_goes_on_where_it_stopped(
    tmp_path: Path, sqlite_location: str
) -> None:
    source, back, journal = tmp_path / "source", tmp_path / "back", tmp_path / "journal"
    contents = {"a.txt": b"a", "deep/er/b.bin": bytes(3 << 20), "deep/größe": b""}
    for name, content in contents.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    back.mkdir()
    into = ("copy", source.as_uri(), sqlite_location, "--journal", str(journal))

    first = _run(*into)
    (source / "late").write_bytes(b"late")
    second = _run(*into)
    _run("copy", sqlite_location, back.as_uri(), "--journal", str(tmp_path / "journal-back"))

    assert "copied 3 files, 3145729 bytes; 0 were there already; 3 digests" in first.output
    assert "copied 1 files, 4 bytes; 3 were there already; 1 digests" in second.output
    assert {
        path.relative_to(back).as_posix(): path.read_bytes()
        for path in back.rglob("*")
        if path.is_file()
    } == {**contents, "late": b"late"}


@pytest.mark.parametrize("content", [b"longer than before", b"SHORT"], ids=["size", "bytes"])
def test_copy_stores_again_what_changed(
    tmp_path: Path, sqlite_location: str, content: bytes
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_bytes(b"short")
    into = ("copy", source.as_uri(), sqlite_location, "--journal", str(tmp_path / "journal"))
    _run(*into)
    (source / "file").write_bytes(content)

    _run(*into)

    store = open_store(sqlite_location)
    blob = store.stat("file")
    assert blob is not None
    store.get_file(blob, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == content


def test_copy_continues_a_run_that_was_killed(tmp_path: Path, sqlite_location: str) -> None:
    source, journal = tmp_path / "source", tmp_path / "journal"
    source.mkdir()
    for index in range(6):  # a batch each
        (source / f"{index}.bin").write_bytes(os.urandom(1) * (65 << 20))
    into = ["copy", source.as_uri(), sqlite_location, "--journal", str(journal)]
    program = [sys.executable, "-m", "mlflow_sqlserver_artifacts.cli"]
    with subprocess.Popen([*program, *into], stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not (journal.exists() and journal.read_text()):
            time.sleep(0.01)
        process.kill()
    arrived = journal.read_text().count('"path"')
    assert 0 < arrived < 6

    finished = _run(*into)

    assert f"copied {6 - arrived} files" in finished.output
    assert f"{arrived} were there already" in finished.output
    store = open_store(sqlite_location)
    for path in source.iterdir():
        blob = store.stat(path.name)
        assert blob is not None
        assert blob.handle.sha256 == hashlib.sha256(path.read_bytes()).digest()  # type: ignore[attr-defined]


def test_an_error_is_one_sentence_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.run(lambda: cli(["gc", "sqlite:///relative.db"], standalone_mode=False))

    assert ended.value.code == 1
    printed = capsys.readouterr().err
    assert printed.startswith("error: Invalid artifact location")
    assert "Traceback" not in printed


def test_two_distributions_with_one_scheme_are_named_once(
    tmp_path: Path,
    sqlite_location: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from mlflow_plugin_core import notices

    rival = tmp_path / "rival-1.0.dist-info"
    rival.mkdir()
    (rival / "METADATA").write_text("Metadata-Version: 2.1\nName: rival-artifacts\nVersion: 1.0\n")
    (rival / "entry_points.txt").write_text("[mlflow.artifact_repository]\nsqlite = rival:Rival\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    notices._said.clear()

    with caplog.at_level(logging.WARNING):
        open_store(sqlite_location)
        open_store(sqlite_location)

    (said,) = [record.getMessage() for record in caplog.records if "claim" in record.getMessage()]
    assert "rival-artifacts" in said
    assert "mlflow-sqlserver-artifacts" in said
