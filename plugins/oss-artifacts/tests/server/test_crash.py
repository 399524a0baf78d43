"""Processes that end in the middle of an upload, by force and by Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlflow_plugin_servers.oss_server import Bucket, OssServer
    from mlflow_plugin_servers.proxy import Proxy

    Own = tuple[OssServer, Bucket, str]

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

_MIB = 1 << 20
_PARTS = "?part_size=5242880&memory=16777216&workers=2"
_COUNT = 8
_UPLOADER = Path(__file__).with_name("uploader.py")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A file of eight parts."""
    path = tmp_path / "model.bin"
    path.write_bytes(os.urandom(_COUNT * 5 * _MIB))
    return path


@pytest.fixture
def slowly(
    own: Own,
    model: Path,
    tcp_proxy: Callable[[int], Proxy],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is logging the file on a slow line, with some parts sent already."""
    server, bucket, location = own
    # Where the notes of unfinished uploads are kept.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    proxy = tcp_proxy(int(bucket.endpoint.rpartition(":")[2]))
    proxy.rate = 8 * _MIB
    environment = {**os.environ, "MLFLOW_OSS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}"}
    command = [sys.executable, str(_UPLOADER), location + _PARTS, str(model)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        sent = 0
        while sent < 2:
            assert process.poll() is None, "the file was logged before the process could be ended"
            time.sleep(0.05)
            sent += _parts(server)
        yield process
        process.kill()


def _parts(server: OssServer) -> int:
    return sum(
        each["method"] == "PUT" and each["status"] == 200 and "partNumber" in dict(each["query"])
        for each in server.requests()
    )


def test_after_kill_9_only_the_missing_parts_are_sent(
    own: Own, model: Path, slowly: subprocess.Popen[bytes]
) -> None:
    server, bucket, location = own
    slowly.kill()
    slowly.wait()
    repository = get_artifact_repository(location + _PARTS)
    assert repository.list_artifacts() == []
    (upload,) = repository._store.client.list_uploads("")
    there = repository._store.client.list_parts(upload.key, upload.upload_id)
    assert len(there) >= 2
    server.requests()

    repository.log_artifact(str(model))

    assert _parts(server) == _COUNT - len(there)
    fetched = repository.download_artifacts("model.bin")
    assert Path(fetched).read_bytes() == model.read_bytes()
    assert list(repository._store.client.list_uploads("")) == []
    assert bucket


def test_after_kill_9_a_file_that_changed_is_sent_whole(
    own: Own, model: Path, slowly: subprocess.Popen[bytes]
) -> None:
    _, _, location = own
    slowly.kill()
    slowly.wait()
    before = model.stat()
    model.write_bytes(os.urandom(before.st_size))
    # Even one whose size and times are as they were: the parts at OSS are compared with the file.
    os.utime(model, ns=(before.st_atime_ns, before.st_mtime_ns))
    repository = get_artifact_repository(location + _PARTS)

    repository.log_artifact(str(model))

    fetched = repository.download_artifacts("model.bin")
    assert Path(fetched).read_bytes() == model.read_bytes()


def test_ctrl_c_ends_the_process_and_leaves_no_upload(
    own: Own, slowly: subprocess.Popen[bytes]
) -> None:
    _, _, location = own
    slowly.send_signal(signal.SIGINT)

    assert slowly.wait(timeout=30) != 0

    repository = get_artifact_repository(location)
    assert list(repository._store.client.list_uploads("")) == []
    assert repository.list_artifacts() == []


def test_what_a_killed_process_left_is_listed_and_removed_by_clean(
    own: Own, slowly: subprocess.Popen[bytes]
) -> None:
    _, _, location = own
    slowly.kill()
    slowly.wait()
    command = [sys.executable, "-m", "mlflow_oss_artifacts.cli", "clean", location]

    listed = subprocess.run(
        [*command, "--older-than", "0", "--dry-run"], capture_output=True, text=True, check=True
    )
    young = subprocess.run(command, capture_output=True, text=True, check=True)
    cleaned = subprocess.run(
        [*command, "--older-than", "0"], capture_output=True, text=True, check=True
    )

    assert "model.bin" in listed.stdout
    assert "model.bin" not in young.stdout
    assert "model.bin" in cleaned.stdout
    assert list(get_artifact_repository(location)._store.client.list_uploads("")) == []
