"""Ctrl-C in the middle of a transfer: the process ends soon, and leaves nothing half done."""

from __future__ import annotations

import signal
import sys
import time
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlflow_plugin_servers.hub_server import HubServer
    from mlflow_xet_artifacts.repository import XetHubRepository

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

_SECONDS = 15


@pytest.fixture
def repository(
    open_repository: Callable[..., XetHubRepository],
    private_hub_server: HubServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[XetHubRepository]:
    """One of a server of its own: what it is told to do must not hold others up."""
    with private_hub_server.fresh_repo() as repo:
        for name, value in repo.environment.items():
            monkeypatch.setenv(name, value)
        yield open_repository(repo=repo)


def _interrupted(repository: XetHubRepository, server: HubServer, call: str, word: str) -> str:
    """Start a call that the server holds up, end it by Ctrl-C, and return what it said."""
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository; "
        f"get_artifact_repository(sys.argv[1]).{call}"
    )
    command = [sys.executable, "-c", code, repository.artifact_uri, word]
    with Popen(command, stderr=PIPE, text=True) as worker:
        while not server.waiting():
            assert worker.poll() is None
        began = time.monotonic()
        worker.send_signal(signal.SIGINT)
        try:
            _, said = worker.communicate(timeout=60)
        finally:
            worker.kill()
    assert worker.returncode != 0
    assert time.monotonic() - began < _SECONDS, said
    return said


@pytest.mark.parametrize("path", ["/preupload/", "/xorbs/", "/shards", "/commit/"])
def test_ctrl_c_ends_an_upload_and_nothing_is_committed(
    path: str, repository: XetHubRepository, private_hub_server: HubServer, folder: Path
) -> None:
    private_hub_server.delay(3600, path=path, times=1)

    said = _interrupted(repository, private_hub_server, "log_artifacts(sys.argv[2])", str(folder))

    assert "KeyboardInterrupt" in said
    assert repository.list_artifacts() == []
    repository.log_artifacts(str(folder))
    assert len(repository.list_artifacts()) == 3


def test_ctrl_c_ends_a_download_and_leaves_no_file(
    repository: XetHubRepository, private_hub_server: HubServer, folder: Path, tmp_path: Path
) -> None:
    repository.log_artifacts(str(folder))
    fetched = tmp_path / "fetched"
    fetched.mkdir()
    private_hub_server.delay(3600, path="/xorb/", times=1)

    call = "download_artifacts('data/weights.bin', sys.argv[2])"
    said = _interrupted(repository, private_hub_server, call, str(fetched))

    assert "KeyboardInterrupt" in said
    assert [path for path in fetched.rglob("*") if path.is_file()] == []
