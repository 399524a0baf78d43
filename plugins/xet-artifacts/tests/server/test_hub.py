"""The Hub's half on a server of the Hub's API, by the real huggingface_hub and hf_xet."""

from __future__ import annotations

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import Popen
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException

if TYPE_CHECKING:
    from collections.abc import Callable

    from huggingface_hub import HfApi

    from mlflow_plugin_servers.hub_server import HubRepo, HubServer
    from mlflow_xet_artifacts.repository import XetHubRepository

    Open = Callable[..., XetHubRepository]

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

_ROOT = "1/4f0c/artifacts"


def _titles(api: HfApi, repo: HubRepo, branch: str = "main") -> list[str]:
    return [commit.title for commit in api.list_repo_commits(repo.id, revision=branch)]


def _bytes(folder: str | Path) -> dict[str, bytes]:
    root = Path(folder)
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_a_folder_is_one_commit_that_names_run_and_experiment(
    open_repository: Open, api: HfApi, hub_repo: HubRepo, folder: Path, tmp_path: Path
) -> None:
    repository = open_repository()
    repository.log_artifacts(str(folder))

    assert _titles(api, hub_repo) == [
        "Log 3 artifacts of run 4f0c of experiment 1",
        "initial commit",
    ]
    fetched = tmp_path / "fetched"
    fetched.mkdir()
    repository.download_artifacts("", str(fetched))
    assert _bytes(fetched) == _bytes(folder)


@pytest.mark.parametrize("kind", ["dataset", "space", "bucket"])
def test_other_kinds_of_repositories_hold_artifacts_too(
    kind: str, hub_server: HubServer, open_repository: Open, folder: Path, tmp_path: Path
) -> None:
    with hub_server.fresh_repo(kind) as repo:
        repository = open_repository(repo=repo, repo_type=kind)
        repository.log_artifacts(str(folder), "m")
        fetched = tmp_path / "fetched"
        fetched.mkdir()
        repository.download_artifacts("m", str(fetched))
        assert _bytes(fetched / "m") == _bytes(folder)
        repository.delete_artifacts("m/data")
        assert [info.path for info in repository.list_artifacts("m")] == ["m/MLmodel", "m/empty"]


def test_a_branch_with_a_slash_is_made_on_demand(
    open_repository: Open, api: HfApi, hub_repo: HubRepo, folder: Path
) -> None:
    repository = open_repository("feature%2Fa")
    assert repository.list_artifacts() == []

    repository.log_artifacts(str(folder))

    assert "feature/a" in {branch.name for branch in api.list_repo_refs(hub_repo.id).branches}
    assert _titles(api, hub_repo) == ["initial commit"]


def test_a_missing_repository_is_named_and_made_when_that_is_wanted(
    open_repository: Open,
    api: HfApi,
    hub_repo: HubRepo,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import dataclasses

    missing = dataclasses.replace(hub_repo, id=f"{hub_repo.id}-new")
    with pytest.raises(MlflowException, match="MLFLOW_XET_CREATE_REPO=true") as caught:
        open_repository(repo=missing).log_artifacts(str(folder))
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"

    monkeypatch.setenv("MLFLOW_XET_CREATE_REPO", "true")
    try:
        open_repository("dev", repo=missing).log_artifacts(str(folder))
        assert api.model_info(missing.id).private
    finally:
        api.delete_repo(missing.id)


def test_a_missing_bucket_is_made_when_that_is_wanted(
    open_repository: Open, hub_repo: HubRepo, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dataclasses

    missing = dataclasses.replace(hub_repo, id=f"{hub_repo.id}-bucket")
    with pytest.raises(MlflowException, match="MLFLOW_XET_CREATE_REPO=true"):
        open_repository(repo=missing, repo_type="bucket").list_artifacts()

    monkeypatch.setenv("MLFLOW_XET_CREATE_REPO", "true")
    repository = open_repository(repo=missing, repo_type="bucket")
    for _ in range(2):
        repository.log_artifacts(str(folder))
    assert len(repository.list_artifacts()) == 3


def test_only_what_goes_into_git_counts_for_the_size_of_a_commit(
    open_repository: Open, api: HfApi, hub_repo: HubRepo, tmp_path: Path
) -> None:
    for number in range(4):
        (tmp_path / f"{number}.bin").write_bytes(os.urandom(9 << 20))
    open_repository().log_artifacts(str(tmp_path))

    assert len(_titles(api, hub_repo)) - 1 == 1


def test_a_deletion_is_a_commit_and_its_history_is_spoken_of(
    open_repository: Open,
    api: HfApi,
    hub_repo: HubRepo,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from mlflow_plugin_core import notices

    notices._said.discard("hub-history")
    repository = open_repository()
    repository.log_artifacts(str(folder))
    repository.delete_artifacts()
    repository.delete_artifacts()

    assert repository.list_artifacts() == []
    assert _titles(api, hub_repo)[0] == "Delete 3 artifacts of run 4f0c of experiment 1"
    assert len(_titles(api, hub_repo)) == 3
    assert caplog.text.count("stay in the history") == 1


@pytest.mark.parametrize("status", [409, 412, 429, 503])
def test_a_commit_that_may_pass_later_is_made_again(
    status: int, hub_server: HubServer, open_repository: Open, folder: Path
) -> None:
    hub_server.fail(status, times=2, path="/commit/")
    repository = open_repository()

    repository.log_artifacts(str(folder))

    assert [info.path for info in repository.list_artifacts()] == ["MLmodel", "data", "empty"]


def test_the_hub_is_waited_for_as_long_as_it_says(
    hub_server: HubServer, open_repository: Open, folder: Path
) -> None:
    import time

    hub_server.fail(429, retry_after=2, path="/commit/")
    began = time.monotonic()
    open_repository().log_artifacts(str(folder))

    assert time.monotonic() - began >= 2


def test_a_rate_limit_without_end_says_how_to_make_fewer_commits(
    hub_server: HubServer, open_repository: Open, folder: Path
) -> None:
    hub_server.fail(429, times=99, path="/commit/")

    with pytest.raises(MlflowException, match="MLFLOW_XET_COMMIT_WINDOW") as caught:
        open_repository(retry_timeout="1").log_artifacts(str(folder))

    assert caught.value.error_code == "TEMPORARILY_UNAVAILABLE"


def test_a_lost_answer_changes_nothing(
    hub_server: HubServer, open_repository: Open, folder: Path
) -> None:
    repository = open_repository()
    hub_server.fail(503, after=True, path="/commit/")
    repository.log_artifacts(str(folder))
    assert len(repository.list_artifacts()) == 3

    hub_server.fail(503, after=True, path="/commit/")
    repository.delete_artifacts()
    assert repository.list_artifacts() == []


def test_calls_at_once_share_commits(
    open_repository: Open, api: HfApi, hub_repo: HubRepo, hub_server: HubServer, tmp_path: Path
) -> None:
    hub_server.delay(0.2, path="/commit/")
    repository = open_repository()
    for number in range(24):
        (tmp_path / f"{number}.txt").write_text(f"{number}")
    with ThreadPoolExecutor(24) as pool:
        list(pool.map(lambda n: repository.log_artifact(str(tmp_path / f"{n}.txt")), range(24)))

    assert len(repository.list_artifacts()) == 24
    assert len(_titles(api, hub_repo)) - 1 <= 6


def test_within_the_window_calls_in_a_row_share_a_commit_that_a_read_brings_about(
    open_repository: Open, api: HfApi, hub_repo: HubRepo, tmp_path: Path
) -> None:
    repository = open_repository(commit_window="600")
    for number in range(10):
        (tmp_path / f"{number}.txt").write_text(f"{number}")
        repository.log_artifact(str(tmp_path / f"{number}.txt"))
        # The content is taken when the call is made: what becomes of the file is of no interest.
        (tmp_path / f"{number}.txt").unlink()
    assert _titles(api, hub_repo) == ["initial commit"]

    assert len(repository.list_artifacts()) == 10
    assert len(_titles(api, hub_repo)) == 2


def _in_another_process(repository: XetHubRepository, call: str, *words: str) -> Popen[bytes]:
    code = (
        "import sys; from pathlib import Path; "
        "from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository; "
        f"repository = get_artifact_repository(sys.argv[1]); {call}"
    )
    return Popen([sys.executable, "-c", code, repository.artifact_uri, *words])


def test_a_process_that_ends_in_order_leaves_nothing_uncommitted(
    open_repository: Open, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("a")
    repository = open_repository(commit_window="600")
    call = "repository.log_artifact(sys.argv[2])"
    worker = _in_another_process(repository, call, str(tmp_path / "a.txt"))

    assert worker.wait(120) == 0
    assert [info.path for info in repository.list_artifacts()] == ["a.txt"]


def test_two_processes_write_to_one_branch_at_once(open_repository: Open, tmp_path: Path) -> None:
    workers = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(5):
            (tmp_path / name / f"{name}{number}.bin").write_bytes(os.urandom(20_000))
        call = "[repository.log_artifact(str(file)) for file in Path(sys.argv[2]).iterdir()]"
        workers.append(_in_another_process(open_repository(), call, str(tmp_path / name)))

    assert [worker.wait(120) for worker in workers] == [0, 0]
    assert len(open_repository().list_artifacts()) == 10


@pytest.mark.parametrize("path", ["/commit/", "/shards", "/preupload/"])
def test_a_process_killed_half_way_leaves_nothing_and_the_next_one_succeeds(
    path: str, open_repository: Open, private_hub_server: HubServer, folder: Path
) -> None:
    with private_hub_server.fresh_repo() as repo, pytest.MonkeyPatch.context() as patch:
        for name, value in repo.environment.items():
            patch.setenv(name, value)
        repository = open_repository(repo=repo)
        private_hub_server.delay(3600, path=path, times=1)
        worker = _in_another_process(
            repository, "repository.log_artifacts(sys.argv[2])", str(folder)
        )
        while not private_hub_server.waiting():
            assert worker.poll() is None
        worker.kill()
        assert worker.wait(30) == -9

        assert repository.list_artifacts() == []
        repository.log_artifacts(str(folder))
        assert len(repository.list_artifacts()) == 3


def test_a_folder_of_1001_files_is_listed_over_pages_and_deleted(
    open_repository: Open, api: HfApi, hub_repo: HubRepo, tmp_path: Path
) -> None:
    for number in range(1001):
        (tmp_path / f"{number:04}.txt").write_text(f"{number}")
    repository = open_repository()
    repository.log_artifacts(str(tmp_path), "many")

    assert len(repository.list_artifacts("many")) == 1001
    assert len(_titles(api, hub_repo)) - 1 == 3  # 500 files in one commit
    repository.delete_artifacts("many")
    assert repository.list_artifacts() == []


def _again(repository: XetHubRepository) -> XetHubRepository:
    return type(repository)(repository.artifact_uri)


def test_a_token_that_has_ended_and_one_that_may_only_read_are_told_apart(
    open_repository: Open, hub_server: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = hub_server.new_token()
    monkeypatch.setenv("HF_TOKEN", token)
    repository = open_repository()
    repository.log_artifacts(str(folder))
    hub_server.revoke(token)
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(MlflowException, match="set HF_TOKEN to a valid token") as caught:
        repository.list_artifacts()
    assert caught.value.error_code == "UNAUTHENTICATED"
    assert token not in str(caught.value)

    monkeypatch.setenv("HF_TOKEN", hub_server.new_token("read"))
    reader = _again(repository)
    assert len(reader.list_artifacts()) == 3
    with pytest.raises(MlflowException, match="write access") as caught:
        reader.log_artifacts(str(folder))
    assert caught.value.error_code == "PERMISSION_DENIED"

    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(MlflowException, match="it is private") as caught:
        _again(repository).list_artifacts()
    assert caught.value.error_code == "UNAUTHENTICATED"


def test_a_hub_that_is_down_is_named(
    private_hub_server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow_xet_artifacts.repository import XetHubRepository

    for name, value in private_hub_server.environment.items():
        monkeypatch.setenv(name, value)
    private_hub_server.kill()
    repository = XetHubRepository("xet://tester/x/main/1?retry_timeout=0")

    with pytest.raises(MlflowException, match=re.escape(private_hub_server.endpoint)) as caught:
        repository.list_artifacts()

    assert caught.value.error_code == "TEMPORARILY_UNAVAILABLE"


def test_a_pinned_revision_is_read_and_never_changed(
    open_repository: Open, api: HfApi, hub_repo: HubRepo, folder: Path, tmp_path: Path
) -> None:
    repository = open_repository()
    repository.log_artifacts(str(folder))
    revision = api.model_info(hub_repo.id).sha
    assert revision is not None
    repository.delete_artifacts()
    pinned = open_repository(revision=revision)

    assert [info.path for info in pinned.list_artifacts()] == ["MLmodel", "data", "empty"]
    pinned.download_artifacts("data", str(tmp_path))
    assert (tmp_path / "data/weights.bin").stat().st_size == 300_000
    with pytest.raises(MlflowException, match="names a revision, which cannot change"):
        pinned.log_artifacts(str(folder))
    with pytest.raises(MlflowException, match="branch or revision"):
        open_repository(revision="0" * 40).list_artifacts()


def test_a_gitignore_of_the_repository_loses_no_artifact(
    open_repository: Open, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / ".gitignore").write_text("*.bin\nMLmodel\n")
    open_repository(root="").log_artifact(str(tmp_path / ".gitignore"))

    repository = open_repository()
    repository.log_artifacts(str(folder))

    assert [info.path for info in repository.list_artifacts()] == ["MLmodel", "data", "empty"]


def test_the_hubs_own_file_is_no_artifact_of_the_whole_repository(
    open_repository: Open, tmp_path: Path
) -> None:
    repository = open_repository(root="")
    (tmp_path / ".gitattributes").write_text("x")
    (tmp_path / "a.txt").write_text("a")
    repository.log_artifact(str(tmp_path / "a.txt"))

    assert [info.path for info in repository.list_artifacts()] == ["a.txt"]
    with pytest.raises(MlflowException, match="belongs to the repository"):
        repository.log_artifact(str(tmp_path / ".gitattributes"))
    with pytest.raises(MlflowException, match="no file or folder of the name .git"):
        repository.log_artifact(str(tmp_path / "a.txt"), ".git/hooks")
    repository.delete_artifacts()
    assert repository.list_artifacts() == []
