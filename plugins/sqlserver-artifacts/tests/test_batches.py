"""Many files at once: what fails is named, what can be done is done, and statements stay few."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mlflow.exceptions import MlflowException
from sqlalchemy import event, func, select, text, update

from mlflow_plugin_core.blob_store import Upload
from mlflow_sqlserver_artifacts.schema import chunks, entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlflow_sqlserver_artifacts.repository import SqlArtifactRepository
    from mlflow_sqlserver_artifacts.store import SqlBlobStore


@pytest.fixture
def statements(store: SqlBlobStore) -> Iterator[list[str]]:
    """Every statement that is sent."""
    sent: list[str] = []
    engine = store.database.engine

    def note(*arguments: Any) -> None:
        sent.append(arguments[2])

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


def test_replacing_2000_small_files_takes_as_few_statements_as_storing_them(
    repository: SqlArtifactRepository, statements: list[str], write_file: Callable[..., Path]
) -> None:
    for index in range(2_000):
        write_file(f"{index:04}", b"old" * 1_000)
    folder = str(write_file("0000").parent)
    repository.log_artifacts(folder, "many")
    stored = len(statements)
    statements.clear()
    for index in range(2_000):
        write_file(f"{index:04}", b"new")

    repository.log_artifacts(folder, "many")

    assert len(statements) <= stored + 20 <= 60
    assert {info.file_size for info in repository.list_artifacts("many")} == {3}


def test_files_that_vanish_are_all_named_and_the_others_are_stored(
    store: SqlBlobStore, repository: SqlArtifactRepository, write_file: Callable[..., Path]
) -> None:
    paths = [write_file(f"small-{index}", b"%d" % index) for index in range(6)]
    uploads = [Upload(path, f"in/{path.name}", path.stat().st_size) for path in paths]
    paths[1].unlink()
    paths[4].unlink()

    with pytest.raises(MlflowException) as error:
        store.put_many(uploads, lambda _count: None)

    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert "in/small-1" in error.value.message
    assert "in/small-4" in error.value.message
    stored = [info.path for info in repository.list_artifacts("in")]
    assert stored == [f"in/small-{index}" for index in (0, 2, 3, 5)]


@pytest.mark.parametrize("size", [10, 3 << 20], ids=["small", "large"])
def test_a_file_that_vanishes_has_one_kind_of_error(
    store: SqlBlobStore, tmp_path: Path, size: int
) -> None:
    gone = Upload(tmp_path / "gone", "gone", size)

    with pytest.raises(MlflowException, match="it has to stay until it is logged") as error:
        store.put_many([gone], lambda _count: None)

    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_damaged_files_are_all_named_and_the_others_arrive(
    repository: SqlArtifactRepository,
    store: SqlBlobStore,
    tmp_path: Path,
    write_file: Callable[..., Path],
) -> None:
    for name in "abcd":
        write_file(name, name.encode() * 100)
    repository.log_artifacts(str(write_file("a", b"a" * 100).parent))
    with store.database.engine.begin() as connection:
        for name in "bd":
            path = store._absolute(name)
            content = select(entries.c.content_id).where(entries.c.path.like(path))
            found = connection.execute(content).scalar_one()
            damage = update(chunks).where(chunks.c.content_id == found).values(data=b"x")
            connection.execute(damage)
    target = tmp_path / "target"
    target.mkdir()

    with pytest.raises(MlflowException) as error:
        repository.download_artifacts("", str(target))

    assert error.value.error_code == "INTERNAL_ERROR"
    assert "\nb: The stored bytes" in error.value.message
    assert "\nd: The stored bytes" in error.value.message
    assert {path.name: path.read_bytes()[:1] for path in target.iterdir()} == {"a": b"a", "c": b"c"}


def test_what_is_stored_is_no_failure_although_its_forerunner_cannot_be_removed(
    sqlite_location: str,
    open_repository: Callable[[str], SqlArtifactRepository],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    repository = open_repository(sqlite_location)
    # Large enough to be removed after the commit, and not with it.
    repository.log_artifact_from_stream(io.BytesIO(bytes(65 << 20)), "model")
    store: Any = repository._store
    forbid = (
        "CREATE TRIGGER forbid BEFORE DELETE ON mlflow_artifact_chunks "
        "BEGIN SELECT RAISE(ABORT, 'no deletes here'); END"
    )
    with store.database.engine.begin() as connection:
        connection.execute(text(forbid))

    repository.log_artifact_from_stream(io.BytesIO(b"new"), "model")

    assert Path(repository.download_artifacts("model", str(tmp_path))).read_bytes() == b"new"
    assert "no deletes here" in caplog.text
    assert "gc" in caplog.text


def test_deleting_everything_leaves_no_row_behind(
    repository: SqlArtifactRepository, store: SqlBlobStore, write_file: Callable[..., Path]
) -> None:
    repository.log_artifact(str(write_file("a", os.urandom(3 << 20))), "deep/er")
    repository.log_artifact(str(write_file("b")))

    repository.delete_artifacts()

    with store.database.engine.connect() as connection:
        left = [
            connection.execute(select(func.count()).select_from(table)).scalar()
            for table in (entries, chunks)
        ]
    assert left == [0, 0]


def test_deleting_one_run_leaves_the_others_alone(
    sqlite_location: str, open_repository: Callable[[str], SqlArtifactRepository]
) -> None:
    one = open_repository(sqlite_location)
    other = open_repository(sqlite_location.replace("/abc/", "/xyz/"))
    for repository in (one, other):
        repository.log_artifact_from_stream(io.BytesIO(b"x"), "x", "folder")

    one.delete_artifacts()

    assert one.list_artifacts() == []
    assert [info.path for info in other.list_artifacts("folder")] == ["folder/x"]
