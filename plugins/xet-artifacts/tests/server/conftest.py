"""A repository of the Hub's test server, and MLflow's repository on it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from huggingface_hub import HfApi

    from mlflow_plugin_servers.hub_server import HubRepo
    from mlflow_xet_artifacts.repository import XetHubRepository

ROOT = "1/4f0c/artifacts"


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for name in list(os.environ):
        if name.startswith(("MLFLOW_XET_", "_MLFLOW_SERVER_", "HF_")) and "TEST" not in name:
            monkeypatch.delenv(name)
    # hf_xet remembers on disk what it sent to whom, and a stored login is nobody's here.
    monkeypatch.setenv("HF_HOME", str(tmp_path_factory.getbasetemp() / "hf"))


@pytest.fixture
def open_repository(
    hub_repo: HubRepo, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., XetHubRepository]:
    """Open the repository, or another branch, folder or place, with settings by their names."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    for name, value in hub_repo.environment.items():
        monkeypatch.setenv(name, value)

    def open_it(
        branch: str = "main", *, repo: HubRepo = hub_repo, root: str = ROOT, **settings: str
    ) -> XetHubRepository:
        options = "&".join(f"{name}={value}" for name, value in settings.items())
        return get_artifact_repository(f"xet://{repo.id}/{branch}/{root}?{options}")

    return open_it


@pytest.fixture
def api(hub_repo: HubRepo) -> HfApi:
    from huggingface_hub import HfApi

    return HfApi(endpoint=hub_repo.endpoint, token=hub_repo.token)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "data").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}")
    (folder / "empty").write_bytes(b"")
    (folder / "data" / "weights.bin").write_bytes(os.urandom(300_000))
    return folder
