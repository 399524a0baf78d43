"""The commands on locations of the Hub: check says what works and what to fix, copy copies."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from mlflow_xet_artifacts.cli import cli

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlflow_plugin_servers.hub_server import HubRepo, HubServer
    from mlflow_xet_artifacts.repository import XetHubRepository

    Open = Callable[..., XetHubRepository]

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]


def _run(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words))


def test_check_tries_every_right_and_leaves_nothing(open_repository: Open) -> None:
    repository = open_repository()

    done = _run("check", repository.artifact_uri)

    assert done.exit_code == 0, done.output
    assert "FAILED" not in done.output
    assert repository.list_artifacts() == []


def test_check_names_the_right_that_is_missing(
    open_repository: Open, hub_server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = open_repository().artifact_uri
    token = hub_server.new_token("read")
    monkeypatch.setenv("HF_TOKEN", token)

    done = _run("check", location)

    assert done.exit_code == 1
    assert "use a token with write access" in done.output
    assert "ok " in done.output
    assert token not in done.output


def test_copy_goes_from_a_folder_to_the_hub_to_a_local_store_and_back(
    open_repository: Open, tmp_path: Path
) -> None:
    (tmp_path / "from" / "deep").mkdir(parents=True)
    (tmp_path / "from" / "deep" / "file").write_text("content")
    (tmp_path / "from" / "large.bin").write_bytes(bytes(range(256)) * 1000)
    places = [
        str(tmp_path / "from"),
        open_repository().artifact_uri,
        f"xet+file://{tmp_path}/local.xet/1",
        str(tmp_path / "to"),
    ]

    for number, (source, target) in enumerate(itertools.pairwise(places)):
        done = _run("copy", source, target, "--journal", str(tmp_path / f"journal-{number}"))
        assert done.exit_code == 0, f"{done.output} {done.exception}"

    assert (tmp_path / "to" / "deep" / "file").read_text() == "content"
    assert (tmp_path / "to" / "large.bin").read_bytes() == bytes(range(256)) * 1000


def test_mlflow_gc_deletes_the_artifacts_and_says_that_the_history_keeps_them(
    open_repository: Open, hub_repo: HubRepo, tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    database = f"sqlite:///{tmp_path}/tracking.db"
    client = MlflowClient(database)
    location = f"xet://{hub_repo.id}/main/runs"
    run = client.create_run(client.create_experiment("deleted", artifact_location=location))
    client.log_text(run.info.run_id, "content", "a.txt")
    repository = open_repository(root="runs")
    assert [info.path for info in repository.list_artifacts()] == [run.info.run_id]
    client.delete_run(run.info.run_id)

    command = [sys.executable, "-m", "mlflow", "gc", f"--backend-store-uri={database}"]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": database}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "stay in the history of the repository on the Hub" in done.stderr
    assert hub_repo.token not in done.stderr + done.stdout
    assert repository.list_artifacts() == []
