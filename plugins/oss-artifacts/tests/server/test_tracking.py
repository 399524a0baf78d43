"""A real `mlflow server --serve-artifacts`: large files do not pass through it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from mlflow_plugin_servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow_plugin_servers.oss_server import Bucket, OssServer
    from mlflow_plugin_servers.proxy import Proxy

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

_MIB = 1 << 20


class _Tracking(NamedTuple):
    """An MLflow server behind a proxy that counts bytes."""

    url: str
    front: Proxy


def _environment(bucket: Bucket, folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return {
        **kept,
        "MLFLOW_OSS_ENDPOINT_URL": bucket.endpoint,
        "MLFLOW_OSS_KEY_ID": bucket.key_id,
        "MLFLOW_OSS_KEY_SECRET": bucket.key_secret,
        "MLFLOW_OSS_REGION": bucket.region,
        "HOME": str(folder),
    }


@pytest.fixture(scope="module")
def tracking(
    oss_server: OssServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[_Tracking]:
    """MLflow's server with its artifacts in a bucket; its clients have no key."""
    from mlflow_plugin_servers.proxy import Proxy

    folder = tmp_path_factory.mktemp("tracking")
    port = free_port()
    log = folder / "log"
    with log.open("wb") as stream, Proxy(port) as front, oss_server.fresh_bucket() as bucket:
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--host=127.0.0.1", f"--port={port}"),
            *("--workers=1", f"--backend-store-uri=sqlite:///{folder}/tracking.db"),
            *("--serve-artifacts", f"--artifacts-destination=oss://{bucket.name}/served"),
        ]
        process = subprocess.Popen(
            command,
            env=_environment(bucket, folder),
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/health", process, log)
            yield _Tracking(f"http://127.0.0.1:{front.port}", front)
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


def test_a_large_file_goes_past_the_tracking_server_both_ways(
    tracking: _Tracking,
    oss_server: OssServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking.url)
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(5 * _MIB))
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(5 * _MIB))
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_DOWNLOAD_MINIMUM_FILE_SIZE", str(5 * _MIB))
    monkeypatch.setenv("MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE", str(5 * _MIB))
    client = MlflowClient(tracking.url)
    run = client.create_run(client.create_experiment("served"))
    content = os.urandom(24 * _MIB)
    (tmp_path / "größe.bin").write_bytes(content)
    before = tracking.front.sent, tracking.front.received
    oss_server.requests()

    client.log_artifact(run.info.run_id, str(tmp_path / "größe.bin"), "data")

    asked = oss_server.requests()
    parts = [each for each in asked if "partNumber" in dict(each["query"])]
    assert [each["status"] for each in parts] == [200] * 5
    # The client, which has no key, sent them itself.
    assert all("authorization" not in each["headers"] for each in parts)
    (tmp_path / "out").mkdir()
    fetched = client.download_artifacts(run.info.run_id, "data/größe.bin", str(tmp_path / "out"))
    assert Path(fetched).read_bytes() == content
    assert tracking.front.sent - before[0] < _MIB
    assert tracking.front.received - before[1] < _MIB


def test_small_files_are_stored_listed_and_deleted_through_the_server(
    tracking: _Tracking,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    from mlflow import MlflowClient
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking.url)
    client = MlflowClient(tracking.url)
    run = client.create_run(client.create_experiment("small"))
    (tmp_path / "a").write_text("content")

    client.log_artifact(run.info.run_id, str(tmp_path / "a"), "data")

    assert [each.path for each in client.list_artifacts(run.info.run_id, "data")] == ["data/a"]
    assert Path(client.download_artifacts(run.info.run_id, "data/a")).read_text() == "content"
    get_artifact_repository(run.info.artifact_uri).delete_artifacts("data")
    assert client.list_artifacts(run.info.run_id) == []


def test_a_location_in_another_bucket_is_not_opened_by_the_server(
    tracking: _Tracking, oss_server: OssServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking.url)
    client = MlflowClient(tracking.url)
    experiment = client.create_experiment("foreign", artifact_location="oss://somebodys-bucket/a")
    run = client.create_run(experiment)
    oss_server.requests()
    query = f"path=a&run_uuid={run.info.run_id}"

    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{tracking.url}/get-artifact?{query}", timeout=30)

    assert [each for each in oss_server.requests() if each["bucket"] == "somebodys-bucket"] == []
