"""What a commit window holds back is committed: by a read, at the end, and in a forked child."""

from __future__ import annotations

import sys
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from huggingface_hub import HfApi

    from mlflow_plugin_servers.hub_server import HubRepo, HubServer
    from mlflow_xet_artifacts.repository import XetHubRepository

    Open = Callable[..., XetHubRepository]

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

_BEGIN = """
import multiprocessing, sys
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
repository = get_artifact_repository(sys.argv[1])
repository.log_artifact(sys.argv[2])
"""
_FORK = """
child = multiprocessing.get_context("fork").Process(
    target=repository.log_artifact, args=(sys.argv[2], "child")
)
child.start()
child.join()
print(child.exitcode, [info.path for info in get_artifact_repository(sys.argv[3]).list_artifacts()])
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "a.txt"
    file.write_text("a")
    return file


@pytest.fixture
def slow(
    open_repository: Open, private_hub_server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Open]:
    """One of a server of its own, which takes a while for its next commit."""
    with private_hub_server.fresh_repo() as repo:
        for name, value in repo.environment.items():
            monkeypatch.setenv(name, value)
        private_hub_server.delay(2, path="/commit/", times=1)
        yield lambda **settings: open_repository(repo=repo, **settings)


def _run(code: str, *words: str) -> Popen[str]:
    return Popen([sys.executable, "-c", code, *words], stdin=PIPE, stdout=PIPE, text=True)


def _names(repository: XetHubRepository) -> list[str]:
    return [info.path for info in repository.list_artifacts()]


def test_a_process_that_ends_waits_for_the_commit_on_its_way(
    slow: Open, private_hub_server: HubServer, file: Path
) -> None:
    repository = slow(commit_window="0.05")
    with _run(_BEGIN + "sys.stdin.read()", repository.artifact_uri, str(file)) as worker:
        while not private_hub_server.waiting():
            assert worker.poll() is None
        worker.communicate(timeout=60)

    assert worker.returncode == 0
    assert _names(repository) == ["a.txt"]


def test_a_read_waits_for_the_commit_on_its_way(
    slow: Open, private_hub_server: HubServer, file: Path
) -> None:
    repository = slow(commit_window="0.05")
    repository.log_artifact(str(file))
    while not private_hub_server.waiting():
        pass

    assert _names(repository) == ["a.txt"]


@pytest.mark.skipif(not hasattr(sys, "getdlopenflags"), reason="there is no fork on Windows")
def test_a_forked_child_commits_what_is_its_own(open_repository: Open, file: Path) -> None:
    location = open_repository(commit_window="600").artifact_uri
    other = open_repository().artifact_uri  # of the same branch, and the same process

    with _run(_BEGIN + _FORK, location, str(file), other.replace("?", "/child?")) as parent:
        said, _ = parent.communicate(timeout=120)

    assert said.strip() == "0 ['a.txt']"
    assert _names(open_repository()) == ["a.txt", "child"]


def test_a_commit_that_the_hub_refuses_is_made_again_in_halves(
    hub_server: HubServer, open_repository: Open, api: HfApi, hub_repo: HubRepo, file: Path
) -> None:
    repository = open_repository(commit_window="600")
    for name in ("one", "two", "three", "four"):
        repository.log_artifact(str(file), name)
    # The whole, and then its first half: one file is refused in the end.
    for _ in range(3):
        hub_server.fail(400, path="/commit/", message="this path cannot be there")

    with pytest.raises(MlflowException, match="one/a.txt', as an earlier call wanted.*cannot be"):
        repository.list_artifacts()

    assert _names(repository) == ["four", "three", "two"]
    assert len(api.list_repo_commits(hub_repo.id)) == 3


def test_a_limit_of_the_rate_that_lasts_loses_nothing(
    hub_server: HubServer, open_repository: Open, file: Path
) -> None:
    repository = open_repository(commit_window="600", retry_timeout="1")
    repository.log_artifact(str(file))
    hub_server.fail(
        429, path="/commit/", message="Too many. You can retry this action in about 43 minutes."
    )

    with pytest.raises(MlflowException, match="try again in about 43 minutes, as the Hub says"):
        repository.list_artifacts()

    assert _names(repository) == ["a.txt"]
