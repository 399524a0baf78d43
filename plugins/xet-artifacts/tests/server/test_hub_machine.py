"""Faults of the machine and its settings, on a server of the Hub's API."""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlflow_plugin_servers.hub_server import HubRepo
    from mlflow_xet_artifacts.repository import XetHubRepository

    Open = Callable[..., XetHubRepository]

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]


@pytest.mark.parametrize("name", ["weights.bin", "text.txt"])
def test_a_full_disk_under_a_download_leaves_nothing(
    name: str, open_repository: Open, tmp_path: Path
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    (source / "weights.bin").write_bytes(os.urandom(3 << 20))
    (source / "text.txt").write_text("words " * 500_000)
    repository = open_repository()
    repository.log_artifacts(str(source))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(MlflowException, match="(?i)file too large"):
            repository.download_artifacts(name, str(target))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert list(target.iterdir()) == []


def test_tls_to_a_port_without_it_names_the_setting(
    open_repository: Open, hub_repo: HubRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub_repo.endpoint.replace("http:", "https:"))
    repository = open_repository(retry_timeout="1")

    with pytest.raises(
        MlflowException, match="check the network, proxies and HF_ENDPOINT"
    ) as caught:
        repository.list_artifacts()

    assert caught.value.error_code == "TEMPORARILY_UNAVAILABLE"
    assert hub_repo.token not in str(caught.value)
