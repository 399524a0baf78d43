"""Through MLflow's own doors: its command line, its server, its garbage collection."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import mlflow
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlflow_sqlserver_artifacts.repository import SqlArtifactRepository

pytestmark = pytest.mark.enable_socket


class _Server(NamedTuple):
    url: str
    folder: Path


def _environment(**more: str) -> dict[str, str]:
    # A location of the machine that runs the tests is none of theirs.
    kept = {name: text for name, text in os.environ.items() if not name.startswith("MLFLOW_")}
    return {**kept, "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false", **more}


def _mlflow(*arguments: str, **more: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mlflow", *arguments],
        env=_environment(**more),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Server]:
    """An MLflow server that keeps its artifacts in SQLite through the plugin."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host=127.0.0.1", f"--port={port}"),
        *("--workers=1", f"--backend-store-uri=sqlite:///{folder}/tracking.db"),
        *("--serve-artifacts", f"--artifacts-destination=sqlite:///{folder}/served.db"),
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env=_environment(), stdout=log, stderr=log, start_new_session=True
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/health", process, folder / "log")
            yield _Server(f"http://127.0.0.1:{port}", folder)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(log.read_text(errors="replace")[-3000:])


def test_a_server_stores_lists_serves_and_deletes_through_the_plugin(
    server: _Server,
    open_repository: Callable[[str], SqlArtifactRepository],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    # MLflow 2.22 looks for the server of an mlflow-artifacts location here and nowhere else.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    from mlflow import MlflowClient
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    client = MlflowClient(server.url)
    run = client.create_run(client.create_experiment("served"))
    content = os.urandom(12 << 20)
    (tmp_path / "größe.bin").write_bytes(content)

    client.log_artifact(run.info.run_id, str(tmp_path / "größe.bin"), "data")

    (listed,) = client.list_artifacts(run.info.run_id, "data")
    assert (listed.path, listed.file_size) == ("data/größe.bin", len(content))
    fetched = client.download_artifacts(run.info.run_id, "data", str(tmp_path))
    assert (Path(fetched) / "größe.bin").read_bytes() == content
    inside = run.info.artifact_uri.partition("mlflow-artifacts:/")[2]
    behind = open_repository(f"sqlite:///{server.folder}/served.db/{inside}")
    assert [info.path for info in behind.list_artifacts("data")] == ["data/größe.bin"]
    get_artifact_repository(
        f"{server.url}/api/2.0/mlflow-artifacts/artifacts/{inside}"
    ).delete_artifacts("data")
    assert behind.list_artifacts() == []


def _skip_unless_streamed() -> None:
    from mlflow.store.artifact import artifact_repo

    if not hasattr(artifact_repo, "StreamUploadMixin"):
        pytest.skip("this MLflow's server writes uploads to a temporary file first")
    from mlflow_sqlserver_artifacts.repository import SqlArtifactRepository

    assert issubclass(SqlArtifactRepository, artifact_repo.StreamUploadMixin)


def test_an_upload_is_in_the_database_before_it_has_ended(server: _Server) -> None:
    _skip_unless_streamed()
    host, _, port = server.url.removeprefix("http://").partition(":")
    content = os.urandom(1 << 20)
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.putrequest("PUT", "/api/2.0/mlflow-artifacts/artifacts/1/slow/artifacts/large")
    connection.putheader("Content-Length", str(32 << 20))
    connection.endheaders()
    for _ in range(24):
        connection.send(content)

    assert _eventually(lambda: _count(server.folder / "served.db", "pending") == 1)
    for _ in range(8):
        connection.send(content)
    assert connection.getresponse().status == 200
    connection.close()

    with urllib.request.urlopen(
        f"{server.url}/api/2.0/mlflow-artifacts/artifacts/1/slow/artifacts/large"
    ) as answer:
        assert answer.read() == content * 32
    assert _count(server.folder / "served.db", "pending") == 0


def test_a_client_that_goes_away_leaves_nothing_to_see(server: _Server) -> None:
    _skip_unless_streamed()
    host, _, port = server.url.removeprefix("http://").partition(":")
    path = "/api/2.0/mlflow-artifacts/artifacts/1/gone/artifacts/large"
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.putrequest("PUT", path)
    connection.putheader("Content-Length", str(32 << 20))
    connection.endheaders()
    connection.send(bytes(1 << 20))
    connection.close()

    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{server.url}{path}")


def test_mlflow_gc_empties_what_the_server_keeps(
    server: _Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    from mlflow import MlflowClient

    client = MlflowClient(server.url)
    run = client.create_run(client.create_experiment("collected"))
    (tmp_path / "model.bin").write_bytes(os.urandom(3 << 20))
    client.log_artifact(run.info.run_id, str(tmp_path / "model.bin"))
    before = _count(server.folder / "served.db", "chunks")
    client.delete_run(run.info.run_id)

    _mlflow(
        *("gc", "--backend-store-uri", f"sqlite:///{server.folder}/tracking.db"),
        *("--run-ids", run.info.run_id),
        MLFLOW_TRACKING_URI=server.url,
    )

    assert before - _count(server.folder / "served.db", "chunks") == 3


def test_a_server_does_not_open_a_database_that_an_experiment_names(
    server: _Server, tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(server.url)
    elsewhere = tmp_path / "elsewhere.db"
    location = f"sqlite:///{elsewhere}"
    run = client.create_run(client.create_experiment("elsewhere", location))
    query = urllib.parse.urlencode({"run_id": run.info.run_id})

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{server.url}/api/2.0/mlflow/artifacts/list?{query}")

    answer = refused.value.read()
    if mlflow.__version__.startswith("2."):  # it stumbles over the answer that it made of the error
        assert refused.value.code == 500
    else:
        assert refused.value.code == 400
        assert b"MLFLOW_SQLSERVER_SQLITE_FOLDERS" in answer
    assert not elsewhere.exists()


def test_mlflows_command_line_logs_lists_downloads_and_collects(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    store = f"sqlite:///{tmp_path}/tracking.db"
    client = MlflowClient(store)
    location = f"sqlite:///{tmp_path}/artifacts.db"
    run_id = client.create_run(client.create_experiment("cli", location)).info.run_id
    (tmp_path / "note.txt").write_text("from the command line")
    chosen = {"MLFLOW_TRACKING_URI": store}

    _mlflow(
        *("artifacts", "log-artifact", "--run-id", run_id, "--artifact-path", "notes"),
        *("--local-file", str(tmp_path / "note.txt")),
        **chosen,
    )
    listed = _mlflow("artifacts", "list", "--run-id", run_id, "--artifact-path", "notes", **chosen)
    fetched = _mlflow(
        *("artifacts", "download", "--run-id", run_id, "--artifact-path", "notes/note.txt"),
        *("--dst-path", str(tmp_path)),
        **chosen,
    )

    ((path, size),) = [(item["path"], int(item["file_size"])) for item in json.loads(listed)]
    assert (path, size) == ("notes/note.txt", 21)
    assert Path(fetched.strip().splitlines()[-1]).read_text() == "from the command line"

    client.delete_run(run_id)
    _mlflow("gc", "--backend-store-uri", store, "--run-ids", run_id, **chosen)

    assert _count(tmp_path / "artifacts.db", "chunks") == 0


def test_copy_takes_a_run_out_of_mlflow_and_an_experiment_back_in(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    store = f"sqlite:///{tmp_path}/tracking.db"
    client = MlflowClient(store)
    location = f"sqlite:///{tmp_path}/artifacts.db"
    experiment = client.create_experiment("copied", location)
    runs = [client.create_run(experiment).info.run_id for _ in range(2)]
    for index, run_id in enumerate(runs):
        client.log_text(run_id, f"of run {index}", "notes/note.txt")
    (tmp_path / "out").mkdir()
    chosen = {"MLFLOW_TRACKING_URI": store, "XDG_CACHE_HOME": str(tmp_path / "cache")}

    _copy(f"runs:/{runs[1]}", f"file://{tmp_path}/out", **chosen)
    # An experiment's artifacts are all that lies below its location.
    inside = client.get_experiment(experiment).artifact_location
    _copy(inside, f"sqlite:///{tmp_path}/other.db/experiment", **chosen)

    assert (tmp_path / "out/notes/note.txt").read_text() == "of run 1"
    (tmp_path / "back").mkdir()
    _copy(f"sqlite:///{tmp_path}/other.db/experiment", f"file://{tmp_path}/back", **chosen)
    copied = sorted(path.read_text() for path in (tmp_path / "back").rglob("note.txt"))
    assert copied == ["of run 0", "of run 1"]


def _copy(source: str, destination: str, **more: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mlflow_sqlserver_artifacts.cli", "copy", source, destination],
        env=_environment(**more),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "digests compared" in done.stdout


def _count(database: Path, table: str) -> int:
    with contextlib.closing(sqlite3.connect(database, timeout=30)) as connection:
        statement = f"SELECT count(*) FROM mlflow_artifact_{table}"
        return int(connection.execute(statement).fetchone()[0])


def _eventually(condition: Callable[[], bool], within: float = 30.0) -> bool:
    end = time.monotonic() + within
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False
