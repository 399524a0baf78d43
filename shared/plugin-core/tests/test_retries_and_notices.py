"""Repeats, and warnings that are said once."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest

from mlflow_plugin_core import notices, retries

QUICK = retries.RetryPolicy(attempts=3, timeout=5, wait_initial=0.001, wait_max=0.002)
logger = logging.getLogger("test")


def test_a_passing_fault_is_repeated_until_it_passes() -> None:
    outcomes = [OSError("1"), OSError("2"), "done"]

    def step() -> object:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    assert retries.call(step, retryable=lambda _error: True, policy=QUICK) == "done"


@pytest.mark.parametrize(("answer", "expected"), [(False, 1), (True, 3), (0.001, 3)])
def test_the_last_error_comes_out_unchanged(answer: bool | float, expected: int) -> None:
    calls = 0
    fault = OSError("for good")

    def step() -> None:
        nonlocal calls
        calls += 1
        raise fault

    with pytest.raises(OSError, match="for good") as error:
        retries.call(step, retryable=lambda _error: answer, policy=QUICK)

    assert error.value is fault
    assert calls == expected


def test_without_a_limit_of_attempts_the_time_alone_ends_it() -> None:
    policy = retries.RetryPolicy(attempts=None, timeout=0.5, wait_initial=0.01, wait_max=0.02)
    calls = 0

    def step() -> None:
        nonlocal calls
        calls += 1
        raise OSError

    started = time.monotonic()
    with pytest.raises(OSError):  # noqa: PT011  # no text: the type is all there is
        retries.call(step, retryable=lambda _error: True, policy=policy)

    assert 0.3 < time.monotonic() - started < 5
    assert calls > 5


def test_a_service_that_asks_for_more_time_than_is_left_is_not_waited_for() -> None:
    fault = OSError("come back in an hour")
    calls = 0

    def step() -> None:
        nonlocal calls
        calls += 1
        raise fault

    started = time.monotonic()
    with pytest.raises(OSError, match="in an hour") as error:
        retries.call(step, retryable=lambda _error: 30.0, policy=QUICK)

    assert error.value is fault
    assert calls == 1
    assert time.monotonic() - started < 5


def test_a_warning_is_said_once_and_redacted(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        notices.warn_once("once", "look at x://u:geheim@h", logger)

    assert [record.getMessage() for record in caplog.records] == ["look at x://u:***@h"]


def test_two_distributions_that_claim_one_scheme_are_both_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("first-plugin", "second-plugin"):
        folder = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(
            f"[mlflow.artifact_repository]\nrival = {name[:5]}:Repository\n"
        )
    monkeypatch.syspath_prepend(str(tmp_path))

    for _ in range(2):
        notices.warn_of_rivals("mlflow.artifact_repository", "rival", logger)
        notices.warn_of_rivals("mlflow.artifact_repository", "nobody", logger)

    (record,) = caplog.records
    assert "first-plugin" in record.getMessage()
    assert "second-plugin" in record.getMessage()
