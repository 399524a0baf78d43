"""A real `mlflow server --serve-artifacts` on both kinds of storage; its clients have no plugin's settings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlflow_plugin_servers.hub_server import HubRepo
    from mlflow_plugin_servers.proxy import Proxy

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

_MIB = 1 << 20


class _Tracking(NamedTuple):
    """An MLflow server behind a proxy that counts bytes."""

    url: str
    front: Proxy


@contextmanager
def _serving(destination: str, folder: Path, environment: Mapping[str, str]) -> Iterator[_Tracking]:
    # Here, since pytest loads this file also where the servers are not installed and not wanted.
    from mlflow_plugin_servers.ports import free_port
    from mlflow_plugin_servers.proxy import Proxy

    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    log = folder / "log"
    with log.open("wb") as stream, Proxy(port) as front:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "mlflow", "server", "--host=127.0.0.1", f"--port={port}"),
                *("--workers=1", f"--backend-store-uri=sqlite:///{folder}/tracking.db"),
                *("--serve-artifacts", f"--artifacts-destination={destination}"),
            ],
            env={**kept, **environment, "HOME": str(folder)},
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/health", process, log)
            yield _Tracking(f"http://127.0.0.1:{front.port}", front)
        finally:
            with suppress(ProcessLookupError):
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


def _upload_list_download_delete(
    tracking: _Tracking, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> int:
    """Do all that a client does; returns the bytes that the download took from the server."""
    from mlflow import MlflowClient
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking.url)
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_DOWNLOAD_MINIMUM_FILE_SIZE", str(2 * _MIB))
    monkeypatch.setenv("MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE", str(2 * _MIB))
    client = MlflowClient(tracking.url)
    run = client.create_run(client.create_experiment("served"))
    (tmp_path / "größe.bin").write_bytes(content)
    (tmp_path / "out").mkdir()

    client.log_artifact(run.info.run_id, str(tmp_path / "größe.bin"), "data")
    client.log_text(run.info.run_id, "content", "data/a.txt")
    listed = {each.path: each.file_size for each in client.list_artifacts(run.info.run_id, "data")}
    assert listed == {"data/a.txt": 7, "data/größe.bin": len(content)}

    before = tracking.front.received
    fetched = client.download_artifacts(run.info.run_id, "data/größe.bin", str(tmp_path / "out"))
    received = tracking.front.received - before
    assert Path(fetched).read_bytes() == content
    assert Path(client.download_artifacts(run.info.run_id, "data/a.txt")).read_text() == "content"

    get_artifact_repository(run.info.artifact_uri).delete_artifacts("data")
    assert client.list_artifacts(run.info.run_id) == []
    return received


def test_on_the_hub_a_large_file_comes_past_the_server(
    hub_repo: HubRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = os.urandom(8 * _MIB)
    destination = f"xet://{hub_repo.id}/main/served"
    with _serving(destination, tmp_path, hub_repo.environment) as tracking:
        received = _upload_list_download_delete(tracking, content, tmp_path, monkeypatch)
        _is_refused(tracking, "xet://somebody/else/main/a")

    from mlflow.store.artifact import mlflow_artifacts_repo

    if hasattr(mlflow_artifacts_repo, "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD"):
        assert received < _MIB
    assert hub_repo.token not in (tmp_path / "log").read_text(errors="replace")


def test_in_a_local_store_everything_passes_through_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = os.urandom(8 * _MIB)
    with _serving(f"xet+file://{tmp_path}/served.xet", tmp_path, {}) as tracking:
        received = _upload_list_download_delete(tracking, content, tmp_path, monkeypatch)
        _is_refused(tracking, f"xet+file://{tmp_path}/other.xet")

    assert received > len(content)
    assert not (tmp_path / "other.xet").exists()


def _is_refused(tracking: _Tracking, location: str) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(tracking.url)
    run = client.create_run(client.create_experiment("foreign", artifact_location=location))
    address = f"{tracking.url}/get-artifact?path=a&run_uuid={run.info.run_id}"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(address, timeout=30)
    assert b"does not open this artifact location" in caught.value.read()
