"""What several tests need."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["alive", "eventually"]


def alive(pid: int) -> bool:
    """Tell whether a process is there and not merely waiting to be counted out."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
            != "Z"
        )
    except OSError:
        return False


def eventually(condition: Callable[[], bool], within: float = 20.0) -> bool:
    """Wait for a condition, as long as it may take at most."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
