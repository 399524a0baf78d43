"""Several real processes on one database, and processes that are killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException
from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlflow_sqlserver_artifacts.repository import SqlArtifactRepository
    from mlflow_sqlserver_artifacts.store import SqlBlobStore

WRITERS = Path(__file__).with_name("writers.py")
PROCESSES = 20


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start one of the programs in writers.py; ended with the test."""
    running: list[subprocess.Popen[str]] = []

    def run(program: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # this very interpreter, our own file
            [sys.executable, str(WRITERS), program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.communicate()


def finish(process: subprocess.Popen[str]) -> None:
    """Wait for a program and see it succeed."""
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors


def test_twenty_processes_create_the_tables_once_and_lose_nothing(
    location: str,
    start: Callable[..., subprocess.Popen[str]],
    open_repository: Callable[[str], SqlArtifactRepository],
    store: SqlBlobStore,
) -> None:
    files = [f"file-{index:02}" for index in range(PROCESSES)]

    finish(start("first_use", location, str(PROCESSES)))

    listed = open_repository(location).list_artifacts("by")
    assert [info.path for info in listed] == [f"by/{name}" for name in files]
    with store.database.engine.connect() as connection:
        versions = connection.execute(text("SELECT version FROM mlflow_artifact_schema")).all()
    assert versions == [(1,)]


def test_readers_of_a_contested_path_see_one_writers_bytes_only(
    location: str,
    start: Callable[..., subprocess.Popen[str]],
    repository: SqlArtifactRepository,
    store: SqlBlobStore,
    tmp_path: Path,
) -> None:
    seen: set[bytes] = set()
    failures: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                content = Path(
                    repository.download_artifacts("contested", str(tmp_path))
                ).read_bytes()
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST" or seen:
                    failures.append(error)
                    return
            else:
                seen.add(bytes(set(content)))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        finish(start("overwrite", location, "ab", "12"))
    finally:
        stop.set()
        reader.join()

    assert not failures
    assert seen <= {b"a", b"b"}
    assert seen
    with store.database.engine.connect() as connection:
        left = connection.execute(text("SELECT COUNT(*) FROM mlflow_artifact_pending")).scalar()
        chunks = connection.execute(text("SELECT COUNT(*) FROM mlflow_artifact_chunks")).scalar()
    assert (left, chunks) == (0, 1)


def test_a_killed_upload_leaves_the_old_file_and_gc_removes_the_rest(
    location: str,
    start: Callable[..., subprocess.Popen[str]],
    repository: SqlArtifactRepository,
    store: SqlBlobStore,
    tmp_path: Path,
) -> None:
    import io

    from mlflow_sqlserver_artifacts import garbage

    repository.log_artifact_from_stream(io.BytesIO(b"old"), "model")
    process = start("endless", location)
    assert process.stdout is not None
    # Two transactions and more.
    enough = (300 if location.startswith("sqlite") else 80) << 20
    for line in process.stdout:
        if int(line) > enough:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()

    assert Path(repository.download_artifacts("model", str(tmp_path))).read_bytes() == b"old"
    assert garbage.collect(store.database, older_than=3600) == (0, 0)
    contents, chunks = garbage.collect(store.database, older_than=0)
    assert contents == 1
    assert chunks >= 32
    with store.database.engine.connect() as connection:
        left = connection.execute(text("SELECT COUNT(*) FROM mlflow_artifact_chunks")).scalar()
    assert left == 1
    assert Path(repository.download_artifacts("model", str(tmp_path))).read_bytes() == b"old"


def test_a_writer_gets_its_turn_beside_an_upload_that_never_ends(
    location: str,
    start: Callable[..., subprocess.Popen[str]],
    repository: SqlArtifactRepository,
) -> None:
    import io

    process = start("endless", location)
    assert process.stdout is not None
    drain = threading.Thread(target=process.stdout.read, daemon=True)
    process.stdout.readline()
    drain.start()

    for index in range(3):
        repository.log_artifact_from_stream(io.BytesIO(b"x"), f"quick-{index}")
    assert process.poll() is None
    process.kill()
    drain.join()

    assert [info.path for info in repository.list_artifacts()] == [
        f"quick-{index}" for index in range(3)
    ]


def test_an_upload_that_gc_took_for_dead_fails_and_keeps_the_old_file(
    repository: SqlArtifactRepository, store: SqlBlobStore, tmp_path: Path
) -> None:
    import io

    from mlflow_sqlserver_artifacts import garbage

    class CollectedMeanwhile(io.BytesIO):
        """A source so slow that gc runs while it is being read."""

        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 50 << 20 and not self.collected:
                self.collected = garbage.collect(store.database, older_than=0)[0]
            return super().read(size)

        collected = 0

    repository.log_artifact_from_stream(io.BytesIO(b"old"), "model")
    slow = CollectedMeanwhile(bytes(90 << 20))

    with pytest.raises(MlflowException, match="gc took this upload for abandoned"):
        repository.log_artifact_from_stream(slow, "model")

    assert slow.collected == 1
    assert Path(repository.download_artifacts("model", str(tmp_path))).read_bytes() == b"old"


def test_a_folder_that_is_deleted_while_a_file_arrives_comes_back(
    repository: SqlArtifactRepository, store: SqlBlobStore
) -> None:
    import io

    from mlflow_sqlserver_artifacts import folders
    from mlflow_sqlserver_artifacts.keys import path_key
    from mlflow_sqlserver_artifacts.statements import delete_entries

    repository.log_artifact_from_stream(io.BytesIO(b"x"), "x", "a/b")
    root = store._absolute("a")
    store.database.change(delete_entries([path_key(root), path_key(root + "/b")]), what="race")
    assert [info.path for info in repository.list_artifacts()] == []

    folders.heal(store.database, [root + "/b/x"])

    assert [info.path for info in repository.list_artifacts()] == ["a"]
    assert [info.path for info in repository.list_artifacts("a/b")] == ["a/b/x"]


def test_a_forked_child_uses_connections_of_its_own(
    repository: SqlArtifactRepository, tmp_path: Path
) -> None:
    import io
    import os

    repository.log_artifact_from_stream(io.BytesIO(b"parent"), "parent")
    child = os.fork()
    if child == 0:  # pragma: no cover  # measured in the parent only
        try:
            repository.log_artifact_from_stream(io.BytesIO(b"child"), "child")
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert [info.path for info in repository.list_artifacts()] == ["child", "parent"]
    assert Path(repository.download_artifacts("parent", str(tmp_path))).read_bytes() == b"parent"
