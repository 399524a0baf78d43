"""What goes wrong on the way, each with its sentence; nothing is half-written."""

from __future__ import annotations

import io
import logging
import os
import socket
import sqlite3
import stat
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException
from sqlalchemy import text

from mlflow_sqlserver_artifacts.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow_sqlserver_artifacts.repository import SqlArtifactRepository
    from mlflow_sqlserver_artifacts.store import SqlBlobStore

SECRET = "hunter22-very-secret"  # what must never be printed


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "../x",
        "a/../../x",
        "/etc/passwd",
        "/",
        "a//b",
        "a/./b",
        "a\\b",
        "a\0b",
        "%2e%2e/x",
        "a/%2e%2e%2f%2e%2e/x",
        "%252e%252e/x",
        "%2fetc/passwd",
        "x" * 4001,
    ],
)
def test_a_path_that_is_no_artifact_path_is_refused_by_every_method(
    sqlite_location: str,
    open_repository: Callable[[str], SqlArtifactRepository],
    write_file: Callable[..., Path],
    tmp_path: Path,
    path: str,
) -> None:
    repository = open_repository(sqlite_location)
    local = str(write_file("a.txt"))

    for call in (
        lambda: repository.log_artifact(local, path),
        lambda: repository.log_artifacts(str(tmp_path / "local"), path),
        lambda: repository.list_artifacts(path),
        lambda: repository.download_artifacts(path, str(tmp_path)),
        lambda: repository.delete_artifacts(path),
        lambda: repository.log_artifact_from_stream(io.BytesIO(), "a.txt", path),
    ):
        with pytest.raises(MlflowException, match="Invalid artifact path") as error:
            call()
        assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    assert not (tmp_path / "artifacts.db").exists()


@pytest.mark.parametrize("path", [None, ""])
def test_no_path_is_the_root(
    sqlite_location: str,
    open_repository: Callable[[str], SqlArtifactRepository],
    write_file: Callable[..., Path],
    path: str | None,
) -> None:
    repository = open_repository(sqlite_location)
    repository.log_artifact(str(write_file("a.txt")), path)

    assert [info.path for info in repository.list_artifacts(path)] == ["a.txt"]


def test_a_file_that_vanishes_is_named_and_the_others_are_whole(
    sqlite_location: str,
    open_repository: Callable[[str], SqlArtifactRepository],
    write_file: Callable[..., Path],
    tmp_path: Path,
) -> None:
    for index in range(4):
        write_file(f"large-{index}", os.urandom((1 << 20) + index))
    write_file("b-vanishes")
    store = open_store(sqlite_location)
    from mlflow_plugin_core.blob_store import Upload

    folder = tmp_path / "local"
    uploads = [Upload(path, path.name, path.stat().st_size) for path in sorted(folder.iterdir())]
    (folder / "b-vanishes").unlink()

    with pytest.raises(MlflowException, match="b-vanishes"):
        store.put_many(uploads, lambda _count: None)

    for info in open_repository(sqlite_location).list_artifacts():
        copy = Path(open_repository(sqlite_location).download_artifacts(info.path, str(tmp_path)))
        assert copy.read_bytes() == (folder / info.path).read_bytes()


def test_a_symlink_in_the_destination_does_not_lead_out_of_it(
    sqlite_location: str,
    open_repository: Callable[[str], SqlArtifactRepository],
    tmp_path: Path,
) -> None:
    repository = open_repository(sqlite_location)
    repository.log_artifact_from_stream(io.BytesIO(b"x"), "x", "folder")
    outside, destination = tmp_path / "outside", tmp_path / "destination"
    outside.mkdir()
    destination.mkdir()
    (destination / "folder").symlink_to(outside)

    with pytest.raises(MlflowException):
        repository.download_artifacts("folder", str(destination))

    assert list(outside.iterdir()) == []


def test_a_full_database_keeps_what_it_had(
    sqlite_location: str,
    open_repository: Callable[[str], SqlArtifactRepository],
    tmp_path: Path,
) -> None:
    repository = open_repository(sqlite_location)
    store: SqlBlobStore = repository._store  # type: ignore[assignment]
    repository.log_artifact_from_stream(io.BytesIO(b"old"), "a")
    with store.database.engine.connect() as connection:
        connection.execute(text("PRAGMA max_page_count = 600"))

        def limit(dbapi_connection: sqlite3.Connection, *_: object) -> None:
            dbapi_connection.execute("PRAGMA max_page_count = 600")

    from sqlalchemy import event

    event.listen(store.database.engine, "checkout", limit)
    try:
        with pytest.raises(MlflowException, match="database or disk is full.*make room") as error:
            repository.log_artifact_from_stream(io.BytesIO(os.urandom(9 << 20)), "a")
    finally:
        event.remove(store.database.engine, "checkout", limit)

    assert error.value.error_code == "TEMPORARILY_UNAVAILABLE"
    assert Path(repository.download_artifacts("a", str(tmp_path))).read_bytes() == b"old"


def test_a_read_only_database_can_be_read_and_says_why_it_cannot_be_written(
    tmp_path: Path, open_repository: Callable[[str], SqlArtifactRepository]
) -> None:
    folder = tmp_path / "db"
    folder.mkdir()
    location = f"sqlite:///{folder / 'artifacts.db'}/run"
    open_repository(location).log_artifact_from_stream(io.BytesIO(b"old"), "a")
    from mlflow_sqlserver_artifacts.client import dispose_engines

    dispose_engines()
    if os.geteuid() == 0:
        # Root writes to any file: the immutable flag of SQLite's own header does the same job.
        with sqlite3.connect(folder / "artifacts.db") as connection:
            connection.execute(
                "CREATE TRIGGER no_writing BEFORE INSERT ON mlflow_artifact_entries "
                "BEGIN SELECT RAISE(ABORT, 'attempt to write a readonly database'); END"
            )
    else:
        (folder / "artifacts.db").chmod(stat.S_IRUSR)
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)

    repository = open_repository(location)
    try:
        with pytest.raises(MlflowException, match="readonly.*can only be read") as error:
            repository.log_artifact_from_stream(io.BytesIO(b"new"), "b")
        out = tmp_path / "out"
        out.mkdir()
        assert Path(repository.download_artifacts("a", str(out))).read_bytes() == b"old"
    finally:
        folder.chmod(stat.S_IRWXU)
    assert error.value.error_code == "PERMISSION_DENIED"


def test_a_missing_folder_of_a_sqlite_file_is_named(
    tmp_path: Path, open_repository: Callable[[str], SqlArtifactRepository]
) -> None:
    repository = open_repository(f"sqlite:///{tmp_path}/missing/artifacts.db")

    with pytest.raises(MlflowException, match="the folder of the SQLite file has to exist"):
        repository.log_artifact_from_stream(io.BytesIO(b"x"), "x")


def test_a_newer_schema_is_refused(
    sqlite_location: str, open_repository: Callable[[str], SqlArtifactRepository], tmp_path: Path
) -> None:
    open_repository(sqlite_location).log_artifact_from_stream(io.BytesIO(b"x"), "x")
    from mlflow_sqlserver_artifacts.client import dispose_engines

    dispose_engines()
    with sqlite3.connect(tmp_path / "artifacts.db") as connection:
        connection.execute("UPDATE mlflow_artifact_schema SET version = 99")

    with pytest.raises(MlflowException, match="version 99.*--upgrade") as error:
        open_repository(sqlite_location).log_artifact_from_stream(io.BytesIO(b"x"), "y")
    assert error.value.error_code == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("uri", "command"),
    [
        ("mssql+pymssql://h/db", "mlflow-sqlserver-artifacts[pymssql]"),
        ("postgresql+psycopg2://h/db", "psycopg2-binary"),
    ],
)
def test_a_missing_driver_is_one_sentence_with_the_command(uri: str, command: str) -> None:
    with pytest.raises(MlflowException) as error:
        open_store(uri)

    assert f"pip install {command}" in str(error.value).replace("'", "")


@pytest.mark.enable_socket
def test_an_unreachable_server_is_given_up_within_the_time_that_was_set() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as silent:
        port = silent.getsockname()[1]
        store = open_store(
            f"mysql+pymysql://user:{SECRET}@127.0.0.1:{port}/db?connect_timeout=1&retry_timeout=0"
        )
        started = time.monotonic()
        with pytest.raises(MlflowException) as error:
            store.list_folder("")

    assert time.monotonic() - started < 8  # seconds; one is asked for
    assert error.value.error_code == "TEMPORARILY_UNAVAILABLE"
    assert SECRET not in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("MLFLOW_SQLSERVER_WORKERS", "many", ["MLFLOW_SQLSERVER_WORKERS", "environment"]),
        ("MLFLOW_SQLSERVER_CHUNK_SIZE", "7", ["MLFLOW_SQLSERVER_CHUNK_SIZE", "environment"]),
        ("MLFLOW_SQLSERVER_PASSWORD", SECRET, ["MLFLOW_SQLSERVER_HOST"]),
        ("MLFLOW_SQLSERVER_CREDENTIALS_FILE", "/nowhere", ["CREDENTIALS_FILE", "/nowhere"]),
    ],
)
def test_a_broken_setting_names_itself_and_its_source_when_it_is_used(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: list[str]
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(MlflowException) as error:
        open_store("mysql://h/db")

    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    for word in words:
        assert word in str(error.value)
    assert SECRET not in str(error.value)


def test_an_unknown_option_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(MlflowException, match="did you mean 'workers'"):
        open_store("sqlite:////srv/a.db?wrkers=2")


@pytest.mark.enable_socket
def test_no_password_is_ever_printed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("sqlalchemy").setLevel(logging.DEBUG)
    uri = f"mysql+pymysql://user:{SECRET}@127.0.0.1:1/db?connect_timeout=1&retry_timeout=1"
    texts = []
    try:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        repository = get_artifact_repository(uri)
        store = repository._store
        texts += [repr(repository), repr(store), repr(store.database), repr(store.database.target)]
        texts += [str(store.database.engine.url), repr(store.database.engine)]
        with pytest.raises(MlflowException) as error:
            repository.list_artifacts()
        current: BaseException | None = error.value
        while current is not None:
            texts += [str(current), repr(current), *map(str, current.args)]
            current = current.__cause__ or current.__context__
        texts += traceback.format_exception(error.value)
    finally:
        logging.getLogger("sqlalchemy").setLevel(logging.NOTSET)
    texts += [record.getMessage() for record in caplog.records]

    assert texts
    assert not [found for found in texts if SECRET in found]


def test_importing_the_entry_module_imports_no_database_library() -> None:
    import subprocess

    program = (
        "import sys, mlflow; before = set(sys.modules);"
        "import mlflow_sqlserver_artifacts.repository;"
        "new = set(sys.modules) - before;"
        "bad = [n for n in new if n.split('.')[0] in "
        "('sqlalchemy','pydantic_settings','stamina','psycopg','pymysql','pyodbc')];"
        "assert not bad, bad"
    )
    subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", program], check=True
    )  # this interpreter, the program above
