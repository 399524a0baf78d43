"""One measurement in a process of its own: what it took, and how far memory grew.

    python measure.py SYSTEMS_FOLDER SYSTEM PLACE FOLDER VERB ARGUMENT…

prints {"seconds": …, "growth": bytes, "peak": bytes, "count": …}, or {"unsupported": true}. The
verb `nothing` only connects. Parent: comparison.py.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import re
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.system import System

_TOUCHED_BYTES = 1 << 30


def _status(name: str) -> int:
    try:
        text = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    match = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return int(match.group(1)) * 1024 if match else 0


def _most_so_far() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _reset_peak() -> int:
    """Begin to watch memory; returns what is resident now."""
    gc.collect()
    try:
        # Linux: the high-water mark begins anew (proc(5), clear_refs).
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return _most_so_far()
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM") or _most_so_far()


def _touch_memory() -> None:
    """Have memory to write to, as a machine that is in use has it.

    A virtual machine gives free memory back to its host and gets it again page by page, at several
    microseconds each: who runs after a system that freed a lot would seem faster than who does not.
    """
    block = bytearray(_TOUCHED_BYTES)
    for start in range(0, _TOUCHED_BYTES, 4096):
        block[start] = 1


def _import_mlflow() -> None:
    """Have every process be MLflow's, also that of a system without it.

    The import takes seconds, in which a virtual machine gives back the memory that the one before
    has freed: without it that system alone would find that memory still warm.
    """
    with suppress(ImportError):  # where only other systems are measured
        import mlflow.store.artifact.artifact_repository_registry  # noqa: F401


def _do(system: System, verb: str, arguments: list[str]) -> int:
    if verb == "put_file":
        system.put_file(Path(arguments[0]), arguments[1])
    elif verb == "put_folder":
        system.put_folder(Path(arguments[0]), arguments[1])
    elif verb == "get":
        system.get(arguments[0], Path(arguments[1]))
    elif verb == "list":
        return system.list(arguments[0])
    elif verb == "delete":
        system.delete(arguments[0])
    elif verb != "nothing":
        message = f"no verb is called {verb!r}"
        raise ValueError(message)
    return 0


def main() -> None:
    """Warm up, measure one verb, print."""
    where, name, place, folder, verb, *arguments = sys.argv[1:]
    sys.path[:0] = [where, str(Path(__file__).parents[1])]
    systems: Any = importlib.import_module("systems")
    _import_mlflow()
    system = systems.make(name, place, Path(folder))
    system.warm()
    os.sync()  # what an earlier measurement wrote is not this one's to wait for
    _touch_memory()
    before = _reset_peak()
    started = time.perf_counter()
    try:
        count = _do(system, verb, arguments)
    except NotImplementedError:
        print(json.dumps({"unsupported": True}))
        return
    seconds = time.perf_counter() - started
    peak = _peak()
    print(json.dumps({"seconds": seconds, "growth": peak - before, "peak": peak, "count": count}))


if __name__ == "__main__":
    main()
