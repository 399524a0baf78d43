"""Transfers while a process ends: nothing is lost at its exit, and Ctrl-C twice leaves nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mlflow_plugin_core import transfer

PROGRAM = Path(__file__).with_name("endings.py")
MIB = 1 << 20


def run(*arguments: object) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_what_is_logged_at_the_exit_of_the_interpreter_is_stored(tmp_path: Path) -> None:
    found = run("exit", tmp_path)

    assert found["back"] == [100, 5 * MIB, 11 * MIB]
    assert found["right"]
    assert found["squares"] == [0, 1, 4, 9, 16]


@pytest.mark.parametrize("verb", ["begin_upload", "put_part", "chunk"])
def test_a_second_ctrl_c_does_not_wait_and_leaves_nothing(tmp_path: Path, verb: str) -> None:
    found = run("interrupt", tmp_path, verb)

    assert found == {
        "ended": "by Ctrl-C",
        "went_on": False,
        "uploads": [],
        "notes": 0,
        "files": [],
    }


class Unstartable(ThreadPoolExecutor):
    """A pool that queues work and then cannot start a thread, as one without memory for it."""

    def submit(self, function: Any, /, *arguments: Any, **named: Any) -> Any:
        super().submit(function, *arguments, **named)
        message = "can't start new thread"
        raise RuntimeError(message)


def test_work_that_a_pool_has_queued_and_refused_is_done_once() -> None:
    done: list[str] = []
    with Unstartable(1) as pool:
        futures = [
            transfer.submit(pool, lambda: done.append(threading.current_thread().name))
            for _ in range(200)
        ]

    assert all(future.done() for future in futures)
    assert len(done) == 200
