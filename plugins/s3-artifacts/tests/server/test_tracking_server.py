"""`mlflow server --serve-artifacts`: a large file goes past it, and a user's location is not opened."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mlflow_plugin_servers.s3_server import S3Bucket

pytestmark = [pytest.mark.server, pytest.mark.enable_socket, pytest.mark.timeout(240)]

pytest.importorskip("flask", reason="a tracking server needs the whole of MLflow")

_MEBIBYTE = 1 << 20


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def _server(destination: str, folder: Path) -> Iterator[str]:
    port = _free_port()
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host=127.0.0.1", f"--port={port}"),
        *("--workers=1", "--serve-artifacts", f"--artifacts-destination={destination}"),
        f"--backend-store-uri=sqlite:///{folder / 'tracking.db'}",
    ]
    log = folder / "server.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdout=stream, stderr=stream, cwd=folder, start_new_session=True
        )
        try:
            uri = f"http://127.0.0.1:{port}"
            until = time.monotonic() + 120
            while True:
                try:
                    urllib.request.urlopen(f"{uri}/health", timeout=2).close()
                    break
                except OSError:
                    assert process.poll() is None, log.read_text()
                    assert time.monotonic() < until, log.read_text()
                    time.sleep(0.2)
            yield uri
        finally:
            os.killpg(process.pid, 9)
            process.wait()


def test_a_large_file_goes_past_the_server_and_another_streams_through_it(
    s3_bucket: S3Bucket,
    credentials: Callable[[S3Bucket], None],
    tcp_proxy: Any,
    write_file: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    from mlflow.store.artifact import mlflow_artifacts_repo
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    credentials(s3_bucket)
    content = os.urandom(24 * _MEBIBYTE)
    destination = f"s3+{s3_bucket.endpoint}/{s3_bucket.name}/served"
    with _server(destination, tmp_path) as uri:
        between = tcp_proxy(int(uri.rpartition(":")[2]))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{between.port}")
        for name in ("UPLOAD", "DOWNLOAD"):
            monkeypatch.setenv(f"MLFLOW_ENABLE_PROXY_MULTIPART_{name}", "true")
            monkeypatch.setenv(f"MLFLOW_MULTIPART_{name}_MINIMUM_FILE_SIZE", str(8 * _MEBIBYTE))
            monkeypatch.setenv(f"MLFLOW_MULTIPART_{name}_CHUNK_SIZE", str(8 * _MEBIBYTE))
        client = get_artifact_repository("mlflow-artifacts:/run")

        client.log_artifact(str(write_file("large", content)))
        assert between.sent < _MEBIBYTE
        fetched = Path(client.download_artifacts("large", str(tmp_path)))
        assert fetched.read_bytes() == content
        if hasattr(mlflow_artifacts_repo, "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD"):
            assert between.received < _MEBIBYTE

        monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "false")
        monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "false")
        client.log_artifact(str(write_file("streamed", content)))
        assert between.sent > len(content)
        fetched = Path(client.download_artifacts("streamed", str(tmp_path)))
        assert fetched.read_bytes() == content
        client.delete_artifacts("large")
        assert [info.path for info in client.list_artifacts()] == ["streamed"]
