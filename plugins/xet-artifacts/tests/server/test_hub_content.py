"""The content store of the Hub: its tokens, what is damaged or stands still on the way, links and parts of files."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow_plugin_servers.hub_server import HubServer
    from mlflow_xet_artifacts.repository import XetHubRepository

    Open = Callable[..., XetHubRepository]

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]


def test_the_hubs_token_does_not_go_to_the_content_store(
    open_repository: Open, hub_server: HubServer, folder: Path, tmp_path: Path
) -> None:
    hub_server.requests()
    repository = open_repository()
    repository.log_artifacts(str(folder))
    repository.download_artifacts("data", str(tmp_path))

    asked = hub_server.requests()
    assert any("/xorbs/" in each["path"] for each in asked)
    # The server refuses the Hub's token there, so each request that succeeded had one of its own.
    assert all(each["status"] < 400 or each["status"] == 404 for each in asked)


def test_a_token_of_the_content_store_that_ends_is_renewed(
    open_repository: Open, hub_server: HubServer, folder: Path
) -> None:
    # The requests of one upload take longer together than a token lives, and each one shorter.
    hub_server.set_lifetime(6)
    hub_server.delay(2, path="/_cas/")
    hub_server.requests()

    open_repository().log_artifacts(str(folder))

    asked = [each["path"] for each in hub_server.requests()]
    assert sum("xet-write-token" in path for path in asked) > 1

    assert len(open_repository().list_artifacts()) == 3


def test_bytes_that_changed_on_the_way_are_noticed_and_leave_no_file(
    open_repository: Open, hub_server: HubServer, folder: Path, tmp_path: Path
) -> None:
    repository = open_repository()
    repository.log_artifacts(str(folder))
    hub_server.corrupt(times=9, path="/xorb/")
    fetched = tmp_path / "fetched"
    fetched.mkdir()

    with pytest.raises(MlflowException, match=r"weights\.bin"):
        repository.download_artifacts("data/weights.bin", str(fetched))

    assert [path for path in fetched.rglob("*") if path.is_file()] == []


def test_a_transfer_that_stands_still_is_ended(
    open_repository: Open, hub_server: HubServer, folder: Path, tmp_path: Path
) -> None:
    repository = open_repository(stall_timeout="2")
    repository.log_artifacts(str(folder))
    hub_server.delay(30, path="/xorb/")

    with pytest.raises(MlflowException, match="MLFLOW_XET_STALL_TIMEOUT") as caught:
        repository.download_artifacts("data/weights.bin", str(tmp_path))

    assert caught.value.error_code == "TEMPORARILY_UNAVAILABLE"
    assert not (tmp_path / "data" / "weights.bin").exists()


def test_content_that_the_hub_has_is_not_sent_again(
    open_repository: Open, hub_server: HubServer, folder: Path
) -> None:
    open_repository().log_artifacts(str(folder))
    hub_server.requests()

    open_repository(root="1/other/artifacts").log_artifacts(str(folder))

    assert not [each for each in hub_server.requests() if "/xorbs/" in each["path"]]
    assert len(open_repository(root="1/other/artifacts").list_artifacts()) == 3


def test_a_large_file_has_a_link_that_needs_no_token_and_small_text_has_none(
    open_repository: Open, folder: Path
) -> None:
    pytest.importorskip("mlflow.entities.presigned_download", reason="MLflow has it since 3.11")
    repository = open_repository()
    repository.log_artifacts(str(folder))

    found = repository.get_download_presigned_url("data/weights.bin")
    with urllib.request.urlopen(found.url, timeout=30) as answer:
        assert answer.read() == (folder / "data/weights.bin").read_bytes()
    assert found.file_size == 300_000
    assert repository.get_download_presigned_url("MLmodel").file_size is None


def test_a_part_of_a_file_is_read(open_repository: Open, folder: Path) -> None:
    repository = open_repository()
    repository.log_artifacts(str(folder))
    content = (folder / "data/weights.bin").read_bytes()

    assert repository._store.get_range("data/weights.bin", 150_000, 70) == content[150_000:150_070]
    assert repository._store.get_range("data/weights.bin", 299_999, 70) == content[299_999:]
    assert repository._store.get_range("MLmodel", 3, 4) == b"vors"
    assert repository._store.get_range("MLmodel", 300, 4) == b""
