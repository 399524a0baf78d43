"""Many calls share a commit, and each learns how its own files fared."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import pytest
from huggingface_hub.errors import HfHubHTTPError

from mlflow_xet_artifacts import hub_location
from mlflow_xet_artifacts.client_hub import HubClient
from mlflow_xet_artifacts.hub_commits import Committer, _Waiting
from mlflow_xet_artifacts.hub_messages import Note
from mlflow_xet_artifacts.settings import XetHubSettings

# The HTTP library of the installed huggingface_hub: httpx, and httpx2 from its version 2 on.
httpx: Any = import_module(HfHubHTTPError.__mro__[1].__module__.partition(".")[0])
_NOTE = Note("Log", ("1/run/artifacts",), ("a",))


class _Hub(HubClient):
    """A Hub in memory: it keeps commits, refuses some paths, and may be held up."""

    def __init__(self, **options: str) -> None:
        place = hub_location.parse("xet://acme/runs/main/1/run/artifacts")
        super().__init__(place, XetHubSettings.load({"retry_timeout": "0", **options}))
        self.commits: list[list[str]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def commit(self, title: str, description: str, operations: Any) -> str:
        self.entered.set()
        self.gate.wait(10)
        paths = [item["path"] for item in operations]
        if "bad" in paths:
            request = httpx.Request("POST", "https://hub/commit")
            raise HfHubHTTPError("bad path", response=httpx.Response(400, request=request))
        self.commits.append(paths)
        return ""


def _operation(path: str) -> list[dict[str, Any]]:
    return [{"path": path}]


def test_calls_that_come_during_a_commit_share_the_next_one() -> None:
    hub, committer = _Hub(), Committer()
    hub.gate.clear()
    with ThreadPoolExecutor(20) as pool:
        first = pool.submit(committer.commit, hub, _operation("first"), _NOTE)
        hub.entered.wait(10)
        others = [
            pool.submit(committer.commit, hub, _operation(f"{number}"), _NOTE)
            for number in range(19)
        ]
        while len(committer._queue) < len(others):
            assert not first.done()
        hub.gate.set()
        for each in [first, *others]:
            each.result(10)

    assert hub.commits[0] == ["first"]
    assert len(hub.commits) == 2
    assert sorted(hub.commits[1]) == sorted(f"{number}" for number in range(19))


def test_a_call_that_is_interrupted_while_it_waits_holds_up_nobody() -> None:
    class Interrupted(threading.Event):
        """Ctrl-C comes when the turn has just been given to the one who waits."""

        def wait(self, timeout: float | None = None) -> bool:
            hub.gate.set()
            assert super().wait(10)
            raise KeyboardInterrupt

    hub, committer = _Hub(commit_files="1"), Committer()
    hub.gate.clear()
    gone = _Waiting(hub, _operation("gone"), _NOTE, turn=Interrupted())
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(committer.commit, hub, _operation("first"), _NOTE)
        hub.entered.wait(10)
        with pytest.raises(KeyboardInterrupt):
            committer._wait(gone)
        first.result(10)
        pool.submit(committer.commit, hub, _operation("next"), _NOTE).result(10)

    assert hub.commits == [["first"], ["next"]]


def test_a_commit_has_no_more_files_than_the_setting_says() -> None:
    hub, committer = _Hub(commit_files="5"), Committer()
    with ThreadPoolExecutor(20) as pool:
        calls = [
            pool.submit(committer.commit, hub, _operation(f"{number}"), _NOTE)
            for number in range(20)
        ]
        for call in calls:
            call.result(10)

    assert max(map(len, hub.commits)) <= 5
    assert sum(map(len, hub.commits)) == 20


def test_one_bad_path_fails_its_own_call_alone() -> None:
    hub, committer = _Hub(), Committer()
    hub.gate.clear()
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(committer.commit, hub, _operation("first"), _NOTE)
        hub.entered.wait(10)
        calls = {
            path: pool.submit(committer.commit, hub, _operation(path), _NOTE)
            for path in ("good", "bad", "fine")
        }
        while len(committer._queue) < len(calls):
            assert not first.done()
        hub.gate.set()
        first.result(10)
        calls["good"].result(10)
        calls["fine"].result(10)
        with pytest.raises(HfHubHTTPError, match="bad path"):
            calls["bad"].result(10)

    assert sorted(itertools.chain.from_iterable(hub.commits)) == ["fine", "first", "good"]


def test_within_the_window_calls_in_a_row_share_one_commit() -> None:
    hub, committer = _Hub(commit_window="600"), Committer()
    for number in range(10):
        committer.commit_later(hub, _operation(f"{number}"), _NOTE)
    assert hub.commits == []

    committer.flush()

    assert hub.commits == [[f"{number}" for number in range(10)]]


def test_many_commits_in_an_hour_are_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    hub, committer = _Hub(), Committer()
    for number in range(230):
        committer.commit(hub, _operation(f"{number}"), _NOTE)

    assert caplog.text.count("MLFLOW_XET_COMMIT_WINDOW") == 1


def test_the_window_ends_by_itself() -> None:
    hub, committer = _Hub(commit_window="0.05"), Committer()
    committer.commit_later(hub, _operation("a"), _NOTE)

    assert hub.entered.wait(10)
    committer.flush()
    assert hub.commits == [["a"]]


def test_a_full_window_ends_at_once() -> None:
    hub, committer = _Hub(commit_window="600", commit_files="3"), Committer()
    for number in range(3):
        committer.commit_later(hub, _operation(f"{number}"), _NOTE)

    assert hub.commits == [["0", "1", "2"]]


def test_a_failure_in_the_background_reaches_the_next_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hub, committer = _Hub(commit_window="600"), Committer()
    committer.commit_later(hub, _operation("bad"), _NOTE)
    committer._flush_quietly()  # what the timer and the end of the process call

    assert "Artifacts that were logged are not stored" in caplog.text
    with pytest.raises(HfHubHTTPError, match="bad path"):
        committer.commit_later(hub, _operation("next"), _NOTE)
    committer.commit_later(hub, _operation("next"), _NOTE)
    committer.flush()
    assert hub.commits == [["next"]]
