"""Runs the parts of `nox -s tests` beside each other and prints each one's output as a whole."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import left_out as omissions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_CLOSING = re.compile(r"^=*\s?(?:\d+ (?:passed|failed|skipped|error)|no tests ran).* in [\d.]+s")

_LAST_LINES = 40


@dataclass(frozen=True)
class _Ended:
    code: int
    seconds: float
    text: str

    @property
    def closing(self) -> list[str]:
        """The closing lines of the test runners."""
        return [line for line in self.text.splitlines() if _CLOSING.match(line)]


def run(
    commands: Mapping[str, Sequence[str]],
    logs: Path,
    *,
    at_once: int = 2,
    left_out: Iterable[str] = (),
) -> list[str]:
    """Run commands, in their order and some at a time.

    The output of each is kept in `logs/NAME.log`, with a dash for each space, and printed when it
    ends: lines of two parts never mix. At the end stands a table, with the closing lines of the
    test runners and with all that was left out.

    Args:
        commands: By name.
        logs: Folder for the outputs.
        at_once: How many run at a time.
        left_out: What is known to be left out before anything runs.

    Returns:
        The names of those that failed.
    """
    logs.mkdir(exist_ok=True)
    printing = threading.Lock()
    ended: dict[str, _Ended] = {}

    def one(name: str) -> None:
        with printing:
            print(f"started {name}; follow it in {logs / _file(name)}", flush=True)
        done = _ended(commands[name], logs / _file(name))
        with printing:
            ended[name] = done
            print(f"\n───── {name} ─────\n{done.text}", flush=True)

    print(f"running {', '.join(commands)}: {at_once} at a time", flush=True)
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(one, commands))
    print("\n═════ summary ═════")
    width = max(map(len, commands), default=0)
    for name in commands:
        row = ended[name]
        print(f"{'FAILED' if row.code else 'ok    '}  {name:<{width}} {row.seconds:6.0f} s")
        for line in row.closing:
            print(line)
    omitted = list(left_out)
    omitted += [f"{name}: {why}" for name in commands for why in omissions.found(ended[name].text)]
    print("\nleft out:" if omitted else "\nnothing was left out")
    for line in omitted:
        print(f"  {line}")
    failed = [name for name in commands if ended[name].code]
    # Once more, and last: a log that is cut from the front still says what is wrong.
    for name in failed:
        lines = ended[name].text.splitlines()
        print(f"\n───── {name} FAILED, and ended with ─────")
        print("\n".join(lines[-_LAST_LINES:]))
    sys.stdout.flush()
    return failed


def _file(name: str) -> str:
    return f"{name.replace(' ', '-')}.log"


def _ended(command: Sequence[str], log: Path) -> _Ended:
    started = time.monotonic()
    with log.open("wb") as stream:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, "NO_COLOR": "1"},
            check=False,
        )
    text = log.read_text(encoding="utf-8", errors="replace")
    return _Ended(done.returncode, time.monotonic() - started, text)
