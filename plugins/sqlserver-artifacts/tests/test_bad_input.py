"""What goes wrong on the way, each with its sentence; nothing is half-written."""

from __future__ import annotations

import io
import logging
import os
import socket
import sqlite3
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException
from sqlalchemy import create_engine, event, text

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


@pytest.mark.parametrize("path", ["a ", " a", "A", "x" * 4_000, "é", "e\u0301"], ids=ascii)
def test_an_unusual_path_is_kept_to_the_letter(
    sqlite_location: str, open_repository: Callable[[str], SqlArtifactRepository], path: str
) -> None:
    repository = open_repository(sqlite_location)
    repository.log_artifact_from_stream(io.BytesIO(b"other"), "a")
    store: SqlBlobStore = repository._store  # type: ignore[assignment]

    store.put_stream(io.BytesIO(b"content"), path)

    assert sorted(info.path for info in repository.list_artifacts()) == sorted(["a", path])
    assert store.get_range(path, 0, 7) == b"content"
    repository.delete_artifacts(path)
    assert [info.path for info in repository.list_artifacts()] == ["a"]


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

    event.listen(store.database.engine, "checkout", limit)
    try:
        with pytest.raises(MlflowException, match="database or disk is full.*make room") as error:
            repository.log_artifact_from_stream(io.BytesIO(os.urandom(9 << 20)), "a")
    finally:
        event.remove(store.database.engine, "checkout", limit)

    assert error.value.error_code == "TEMPORARILY_UNAVAILABLE"
    assert Path(repository.download_artifacts("a", str(tmp_path))).read_bytes() == b"old"


def test_a_read_only_database_can_be_read_and_says_why_it_cannot_be_written(
    sqlite_location: str, open_repository: Callable[[str], SqlArtifactRepository], tmp_path: Path
) -> None:
    open_repository(sqlite_location).log_artifact_from_stream(io.BytesIO(b"old"), "a")
    repository = open_repository(sqlite_location)
    engine = repository._store.database.engine  # type: ignore[attr-defined]

    def forbid(connection: sqlite3.Connection, *_: object) -> None:
        # Not by the file's mode, which root does not heed: SQLite refuses in the same words.
        connection.execute("PRAGMA query_only = ON")

    event.listen(engine, "checkout", forbid)
    with pytest.raises(MlflowException, match="readonly.*can only be read") as error:
        repository.log_artifact_from_stream(io.BytesIO(b"new"), "b")

    assert error.value.error_code == "PERMISSION_DENIED"
    assert Path(repository.download_artifacts("a", str(tmp_path))).read_bytes() == b"old"
    assert [info.path for info in repository.list_artifacts()] == ["a"]


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

    repository = open_repository(sqlite_location)
    for use in (
        repository.list_artifacts,
        lambda: repository.download_artifacts("x", str(tmp_path)),
        lambda: repository.log_artifact_from_stream(io.BytesIO(b"x"), "y"),
    ):
        with pytest.raises(MlflowException, match="version 99.*--upgrade") as error:
            use()
        assert error.value.error_code == "BAD_REQUEST"


def test_reading_makes_no_file_and_no_tables(
    sqlite_location: str, open_repository: Callable[[str], SqlArtifactRepository], tmp_path: Path
) -> None:
    repository = open_repository(sqlite_location)
    database = tmp_path / "artifacts.db"

    assert repository.list_artifacts() == []
    assert not database.exists()

    sqlite3.connect(database).close()
    assert repository.list_artifacts() == []
    assert database.stat().st_size == 0

    repository.log_artifact_from_stream(io.BytesIO(b"x"), "x")
    assert [info.path for info in repository.list_artifacts()] == ["x"]


def test_tables_that_were_dropped_meanwhile_are_made_again(
    sqlite_location: str, open_repository: Callable[[str], SqlArtifactRepository], tmp_path: Path
) -> None:
    repository = open_repository(sqlite_location)
    repository.log_artifact_from_stream(io.BytesIO(b"x"), "before")
    with sqlite3.connect(tmp_path / "artifacts.db") as connection:
        for name in ("entries", "chunks", "pending", "schema"):
            connection.execute(f"DROP TABLE mlflow_artifact_{name}")
    connection.close()

    assert repository.list_artifacts() == []
    repository.log_artifact_from_stream(io.BytesIO(b"x"), "after")

    assert [info.path for info in repository.list_artifacts()] == ["after"]


def test_a_sqlite_file_that_was_removed_meanwhile_is_made_again_and_not_written_into_the_void(
    sqlite_location: str, open_repository: Callable[[str], SqlArtifactRepository], tmp_path: Path
) -> None:
    repository = open_repository(sqlite_location)
    repository.log_artifact_from_stream(io.BytesIO(b"x"), "before")
    (tmp_path / "artifacts.db").unlink()

    repository.log_artifact_from_stream(io.BytesIO(b"x"), "after")
    from mlflow_sqlserver_artifacts.client import dispose_engines

    dispose_engines()
    assert [info.path for info in open_repository(sqlite_location).list_artifacts()] == ["after"]


@pytest.mark.parametrize("name", ["entries", "entries chunks pending"])
def test_a_creation_that_was_killed_is_completed(
    sqlite_location: str,
    open_repository: Callable[[str], SqlArtifactRepository],
    tmp_path: Path,
    name: str,
) -> None:
    from mlflow_sqlserver_artifacts.schema import metadata

    engine = create_engine(f"sqlite:///{tmp_path / 'artifacts.db'}")
    made = [table for table in metadata.sorted_tables if table.name.rpartition("_")[2] in name]
    metadata.create_all(engine, tables=made)  # and no row with the version
    engine.dispose()
    repository = open_repository(sqlite_location)

    assert repository.list_artifacts() == []
    repository.log_artifact_from_stream(io.BytesIO(b"x"), "x")

    assert [info.path for info in repository.list_artifacts()] == ["x"]
    with sqlite3.connect(tmp_path / "artifacts.db") as connection:
        assert connection.execute("SELECT version FROM mlflow_artifact_schema").fetchall() == [(1,)]
    connection.close()


@pytest.mark.enable_socket
@pytest.mark.parametrize(("dialect", "write"), [("postgresql", False), ("mysql", True)])
def test_a_silent_server_is_given_up_after_the_default_of_ten_seconds(
    dialect: str, write: bool, open_repository: Callable[[str], SqlArtifactRepository]
) -> None:
    pytest.importorskip({"postgresql": "psycopg", "mysql": "pymysql"}[dialect])
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        repository = open_repository(f"{dialect}://user:{SECRET}@127.0.0.1:{port}/db")
        started = time.monotonic()
        with pytest.raises(MlflowException, match=r"within 10 s") as error:
            if write:
                repository.log_artifact_from_stream(io.BytesIO(b"x"), "x")
            else:
                repository.list_artifacts()

    assert time.monotonic() - started < 15
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


@pytest.mark.parametrize(
    "option", ["workers=many", "chunk_size=7", "connect_timeout=0", "retry_timeout=-1", "entra=2"]
)
def test_a_broken_option_of_a_location_names_itself(option: str) -> None:
    with pytest.raises(MlflowException) as error:
        open_store(f"mysql://u:{SECRET}@h/db?{option}")

    name, _, value = option.partition("=")
    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    assert f"{name} (URI parameter) cannot be used" in error.value.message
    assert value in error.value.message
    assert SECRET not in error.value.message


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
        store: SqlBlobStore = repository._store  # type: ignore[attr-defined]
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
