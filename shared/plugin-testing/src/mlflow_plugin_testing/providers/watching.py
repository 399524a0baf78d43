"""Counts what a plugin does behind one's back: connections that it opens and processes that it starts."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

__all__ = ["Effort", "empty_environment", "watched"]

# A program needs these to find its home and its temporary folder; no plugin is configured by them.
_KEPT = frozenset(
    [
        "HOME",
        "LANG",
        "LC_ALL",
        "PATH",
        "PYTHONPATH",
        "SYSTEMROOT",
        "TEMP",
        "TMP",
        "TMPDIR",
        "USERPROFILE",
    ]
)


@dataclass
class Effort:
    """What happened.

    Attributes:
        connections: Connections that were opened.
        processes: Processes that were started.
    """

    connections: int = 0
    processes: int = 0


_WATCHING: list[Effort] = []
_HOOKED: list[bool] = []


@contextlib.contextmanager
def watched() -> Iterator[Effort]:
    """Count for the length of a `with` block, in all threads of this process.

    Yields:
        The counts.
    """
    # An audit hook cannot be taken away again, so that there is one, and a list of those who listen.
    if not _HOOKED:
        _HOOKED.append(True)
        sys.addaudithook(lambda event, _: _heard(event))
    effort = Effort()
    _WATCHING.append(effort)
    try:
        yield effort
    finally:
        _WATCHING.remove(effort)


def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away all settings, as on a machine where nobody has configured anything.

    Args:
        monkeypatch: Brings them back after the test.
    """
    for name in list(os.environ):
        if name.upper() not in _KEPT:
            monkeypatch.delenv(name)


def _heard(event: str) -> None:
    for effort in _WATCHING:
        if event == "socket.connect":
            effort.connections += 1
        elif event in {"subprocess.Popen", "os.posix_spawn", "os.fork"}:
            effort.processes += 1
