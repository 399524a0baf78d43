"""The Hub server, asked by the Hub's own client."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

if TYPE_CHECKING:
    from mlflow_plugin_servers.hub_server import HubRepo, HubServer

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]


@pytest.fixture
def api(hub_repo: HubRepo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> HfApi:
    monkeypatch.setenv("HF_XET_CACHE", str(tmp_path / "xet"))
    return HfApi(endpoint=hub_repo.endpoint, token=hub_repo.token)


def test_a_folder_goes_there_by_xet_and_comes_back(
    api: HfApi, hub_repo: HubRepo, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    files = {
        "a.txt": b"text",
        "w.bin": os.urandom(700_000),
        "same.bin": b"abc" * 300_000,
        "empty": b"",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    api.upload_folder(repo_id=hub_repo.id, folder_path=str(folder), path_in_repo="m")
    fetched = Path(api.snapshot_download(hub_repo.id, local_dir=str(tmp_path / "out"))) / "m"

    assert {name: (fetched / name).read_bytes() for name in files} == files


def test_an_old_parent_is_a_conflict(api: HfApi, hub_repo: HubRepo) -> None:
    first = api.model_info(hub_repo.id).sha
    add = CommitOperationAdd
    api.create_commit(hub_repo.id, [add("a", b"1")], commit_message="one")

    with pytest.raises(HfHubHTTPError, match="412"):
        api.create_commit(hub_repo.id, [add("b", b"1")], commit_message="two", parent_commit=first)


def test_a_private_repository_is_hidden_and_a_read_token_changes_nothing(
    hub_server: HubServer, hub_repo: HubRepo
) -> None:
    nobody = HfApi(endpoint=hub_repo.endpoint, token=False)
    with pytest.raises(RepositoryNotFoundError):
        nobody.model_info(hub_repo.id)

    reader = HfApi(endpoint=hub_repo.endpoint, token=hub_server.read_token)
    assert reader.model_info(hub_repo.id).private
    with pytest.raises(HfHubHTTPError, match="403"):
        reader.create_branch(hub_repo.id, branch="b")


def test_what_was_committed_outlives_a_kill(private_hub_server: HubServer) -> None:
    with private_hub_server.fresh_repo() as repo:
        api = HfApi(endpoint=repo.endpoint, token=repo.token)
        add = CommitOperationAdd("a", b"1")
        api.create_commit(repo.id, [add], commit_message="one")
        private_hub_server.kill()
        private_hub_server.start()

        assert api.list_repo_files(repo.id) == [".gitattributes", "a"]
