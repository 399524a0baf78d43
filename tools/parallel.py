"""Runs the parts of `nox -s tests` beside each other and prints each one's output as a whole."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_CLOSING = re.compile(r"^=*\s?(?:\d+ (?:passed|failed|skipped|error)|no tests ran).* in [\d.]+s")


def run(commands: Mapping[str, Sequence[str]], logs: Path, *, at_once: int = 2) -> list[str]:
    """Run commands, in their order and `at_once` at a time; returns the names of those that failed.

    The output of each is kept in `logs/NAME.log` and printed when it ends: lines of two parts never
    mix. At the end stands a table, with the closing lines of the test runners.
    """
    logs.mkdir(exist_ok=True)
    printing = threading.Lock()
    rows: dict[str, tuple[int, float, list[str]]] = {}

    def one(name: str) -> None:
        started = time.monotonic()
        log = logs / f"{name}.log"
        with log.open("wb") as stream:
            code = subprocess.run(
                commands[name],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, "NO_COLOR": "1"},
                check=False,
            ).returncode
        text = log.read_text(encoding="utf-8", errors="replace")
        closing = [line for line in text.splitlines() if _CLOSING.match(line)]
        with printing:
            rows[name] = (code, time.monotonic() - started, closing)
            print(f"\n───── {name} ─────\n{text}", flush=True)

    print(f"running {', '.join(commands)}: {at_once} at a time", flush=True)
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(one, commands))
    print("\n═════ summary ═════")
    for name in commands:
        code, seconds, closing = rows[name]
        print(f"{'ok    ' if code == 0 else 'FAILED'}  {name:<10} {seconds:6.0f} s")
        for line in closing:
            print(line)
    sys.stdout.flush()
    return [name for name in commands if rows[name][0]]
