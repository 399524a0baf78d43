"""Many calls share a commit, and each learns how its own files fared."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotReadyError
from importlib import import_module
from typing import Any

import pytest
from huggingface_hub.errors import HfHubHTTPError
from mlflow.exceptions import MlflowException

from mlflow_plugin_core import notices
from mlflow_xet_artifacts import hub_location
from mlflow_xet_artifacts.client_hub import HubClient
from mlflow_xet_artifacts.hub_commits import Committer, _delay_of
from mlflow_xet_artifacts.hub_messages import Note
from mlflow_xet_artifacts.hub_queue import Queue, Waiting
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
        self.contents: dict[str, str] = {}
        self.posted = 0
        self.refusing: Any = None
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def commit(self, title: str, description: str, operations: Any) -> str:
        self.posted += 1
        self.entered.set()
        self.gate.wait(10)
        if self.refusing is not None:
            raise _refusal(self.refusing)
        values = [item["value"] for item in operations]
        paths = [value["path"] for value in values]
        if "bad" in paths or {"a", "a/b"} <= {*paths, *self.contents}:
            raise _refusal(400, "bad path")
        assert len(set(paths)) == len(paths), "the Hub does not say which of the two would win"
        self.commits.append(paths)
        self.contents |= {value["path"]: value["content"] for value in values}
        return ""


def _refusal(status: int, message: str = "not now", **headers: str) -> HfHubHTTPError:
    request = httpx.Request("POST", "https://hub/commit")
    return HfHubHTTPError(
        message, response=httpx.Response(status, request=request, headers=headers)
    )


def _operation(path: str, content: str = "") -> list[dict[str, Any]]:
    return [{"key": "file", "value": {"path": path, "content": content}}]


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

    hub, queue = _Hub(commit_files="1"), Queue()

    def commit(path: str) -> None:
        wanted = Waiting(hub, _operation(path), _NOTE)
        queue.put([wanted])
        queue.wait(wanted)

    hub.gate.clear()
    gone = Waiting(hub, _operation("gone"), _NOTE, turn=Interrupted())
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(commit, "first")
        hub.entered.wait(10)
        queue.put([gone])
        with pytest.raises(KeyboardInterrupt):
            queue.wait(gone)
        first.result(10)
        pool.submit(commit, "next").result(10)

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


@pytest.mark.parametrize(
    ("window", "advice"),
    [
        ("0", "set MLFLOW_XET_COMMIT_WINDOW (such as 60"),
        ("10", "raise MLFLOW_XET_COMMIT_WINDOW (it is 10 "),
    ],
)
def test_many_commits_in_an_hour_are_warned_of_once(
    window: str, advice: str, caplog: pytest.LogCaptureFixture
) -> None:
    notices._said.discard("hub-commits")
    hub, committer = _Hub(commit_window=window), Committer()
    for number in range(230):
        committer.commit_later(hub, _operation(f"{number}"), _NOTE)
        committer.flush()

    assert caplog.text.count(advice) == 1


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
    with pytest.raises(MlflowException, match="Cannot store 'a', as an earlier call.*bad path"):
        committer.commit_later(hub, _operation("next"), _NOTE)
    committer.commit_later(hub, _operation("next"), _NOTE)
    committer.flush()
    assert hub.commits == [["next"]]


def test_within_a_window_too_one_bad_path_fails_its_own_call_alone() -> None:
    hub, committer = _Hub(commit_window="600"), Committer()
    for path in ("x", "a", "a/b", "y", "bad", "z"):
        note = Note("Log", ("1/run/artifacts",), (path,))
        committer.commit_later(hub, _operation(path), note)

    with pytest.raises(MlflowException, match="Cannot store 'a/b' and 1 more, as an earlier call"):
        committer.flush()

    assert sorted(hub.contents) == ["a", "x", "y", "z"]
    committer.flush()  # what has been told is not told again


def test_one_bad_path_among_many_costs_few_commits() -> None:
    hub, committer = _Hub(commit_window="600"), Committer()
    for number in range(256):
        committer.commit_later(hub, _operation("bad" if number == 77 else f"{number}"), _NOTE)

    with pytest.raises(MlflowException, match="bad path"):
        committer.flush()

    assert len(hub.contents) == 255
    assert hub.posted <= 17


def test_what_the_hub_does_not_take_now_is_kept_for_the_next_window(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hub, committer = _Hub(commit_window="0.05"), Committer()
    hub.refusing = 429
    committer.commit_later(hub, _operation("a", "old"), _NOTE)
    committer.commit_later(hub, _operation("b"), _NOTE)

    with pytest.raises(MlflowException, match="Cannot commit 'a' and 1 more yet") as caught:
        committer.flush()
    assert caught.value.error_code == "TEMPORARILY_UNAVAILABLE"
    committer.commit_later(hub, _operation("a", "new"), _NOTE)
    hub.entered.clear()
    assert hub.entered.wait(10), "nothing was tried again"
    hub.refusing = None
    committer.flush()

    assert hub.contents == {"a": "new", "b": ""}
    assert "not stored" not in caplog.text


def test_what_is_tried_again_does_not_replace_what_came_meanwhile() -> None:
    hub, committer = _Hub(commit_window="600"), Committer()
    hub.refusing = 503
    hub.gate.clear()
    committer.commit_later(hub, _operation("a", "old"), _NOTE)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(committer.flush)
        assert hub.entered.wait(10)
        committer.commit_later(hub, _operation("a", "new"), _NOTE)
        hub.gate.set()
        with pytest.raises(MlflowException, match="not now"):
            reading.result(10)
    hub.refusing = None
    committer.flush()

    assert hub.contents == {"a": "new"}


def test_a_window_that_the_hub_does_not_take_does_not_grow_without_bounds() -> None:
    hub, committer = _Hub(commit_window="600", commit_files="3"), Committer()
    hub.refusing = 503
    for number in range(3):
        committer.commit_later(hub, _operation(f"{number}"), _NOTE)

    with pytest.raises(MlflowException, match="not now"):
        committer.commit_later(hub, _operation("too many"), _NOTE)
    hub.refusing = None
    committer.flush()

    assert sorted(hub.contents) == ["0", "1", "2"]


def test_a_token_that_has_ended_is_not_tried_on_each_file() -> None:
    hub, committer = _Hub(commit_window="600"), Committer()
    for number in range(50):
        committer.commit_later(hub, _operation(f"{number}"), _NOTE)
    hub.refusing = 401

    with pytest.raises(MlflowException, match="set HF_TOKEN"):
        committer.flush()

    assert hub.posted == 1


def test_of_two_files_for_one_path_in_a_window_the_later_one_counts() -> None:
    hub, committer = _Hub(commit_window="600"), Committer()
    for content in ("first", "second", "third"):
        committer.commit_later(hub, _operation("a", content), _NOTE)
    committer.flush()

    assert hub.contents == {"a": "third"}
    assert len(hub.commits) == 1


def test_a_request_has_no_more_text_than_one_of_a_folder() -> None:
    hub, committer = _Hub(commit_window="600"), Committer()
    text = "A" * (9 << 20)
    for number in range(4):
        committer.commit_later(hub, _operation(f"{number}", text), _NOTE)
    committer.flush()

    assert [len(paths) for paths in hub.commits] == [2, 1, 1]


def test_a_read_waits_for_the_commit_that_the_window_began() -> None:
    hub, committer = _Hub(commit_window="0.05"), Committer()
    hub.gate.clear()
    committer.commit_later(hub, _operation("a"), _NOTE)
    assert hub.entered.wait(10)
    with ThreadPoolExecutor(2) as pool:
        reading = pool.submit(committer.flush)
        with pytest.raises(NotReadyError):
            reading.result(0.2)
        committer.commit_later(hub, _operation("b"), _NOTE)
        both = pool.submit(committer.flush)
        hub.gate.set()
        reading.result(10)
        assert "a" in hub.contents
        both.result(10)

    assert hub.commits == [["a"], ["b"]]


def test_the_next_window_is_as_late_as_the_hub_says() -> None:
    assert _delay_of(_refusal(429, **{"Retry-After": "120"})) == 120
    assert _delay_of(_refusal(429)) == 0
