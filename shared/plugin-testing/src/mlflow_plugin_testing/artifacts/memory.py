"""How much a process grows."""

from __future__ import annotations

import sys
import tracemalloc
from pathlib import Path

__all__ = ["Growth"]

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
# Linux: forget the peak of the resident size (proc_pid_clear_refs(5)).
_FORGET_PEAK = "5"


class Growth:
    """Counts from the moment it is made.

    On Linux it is the peak of the resident size, which has the buffers of drivers in it. Elsewhere Python's own
    objects are counted: the peak of a process cannot be forgotten there, and importing MLflow is higher than a file.
    """

    def __init__(self) -> None:
        """Begin to count."""
        self._by_system = sys.platform == "linux"
        if self._by_system:
            self._before = _resident("VmRSS")
            _CLEAR.write_text(_FORGET_PEAK, encoding="ascii")
        else:
            tracemalloc.start()

    def bytes(self) -> int:
        """Return the highest growth until now, and stop counting."""
        if self._by_system:
            return _resident("VmHWM") - self._before
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak


def _resident(field: str) -> int:
    line = next(
        line
        for line in _STATUS.read_text(encoding="ascii").splitlines()
        if line.startswith(f"{field}:")
    )
    return int(line.split()[1]) * 1024
