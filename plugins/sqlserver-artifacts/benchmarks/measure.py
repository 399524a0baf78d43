"""One measurement in a process of its own: what it took, and how far memory grew.

    python measure.py SYSTEM URL FOLDER VERB ARGUMENT…

prints {"seconds": …, "growth": bytes, "count": …}. Parent: run.py.
"""

from __future__ import annotations

import gc
import json
import os
import re
import resource
import sys
import time
from pathlib import Path

import systems

_TOUCHED_BYTES = 1 << 30


def _status(name: str) -> int:
    text = Path("/proc/self/status").read_text(encoding="ascii")
    match = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return int(match.group(1)) * 1024 if match else 0


def _reset_peak() -> int:
    """Begin to watch memory; returns what is resident now."""
    gc.collect()
    try:
        # Linux: the high-water mark begins anew (proc(5), clear_refs).
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _touch_memory() -> None:
    """Have memory to write to, as a machine that is in use has it.

    A virtual machine gives free memory back to its host and gets it again page by page, at several
    microseconds each: who runs after a system that freed a lot would seem faster than who does not.
    """
    block = bytearray(_TOUCHED_BYTES)
    for start in range(0, _TOUCHED_BYTES, 4096):
        block[start] = 1


def _import_mlflow() -> None:
    """Have every process be MLflow's, the bare driver's too.

    The import takes seconds, in which a virtual machine gives back the memory that the one before
    has freed: without it the driver alone would find that memory still warm.
    """
    import mlflow.store.artifact.artifact_repository_registry  # noqa: F401


def main() -> None:
    """Warm up, measure one verb, print."""
    name, url, folder, verb, *arguments = sys.argv[1:]
    _import_mlflow()
    system = systems.make(name, url, Path(folder))
    system.warm()
    count = 0
    os.sync()  # what an earlier measurement wrote is not this one's to wait for
    _touch_memory()
    before = _reset_peak()
    started = time.perf_counter()
    if verb == "put_file":
        system.put_file(Path(arguments[0]), arguments[1])
    elif verb == "put_folder":
        system.put_folder(Path(arguments[0]), arguments[1])
    elif verb == "get":
        system.get(arguments[0], Path(arguments[1]))
    elif verb == "list":
        count = system.list(arguments[0])
    else:
        system.delete(arguments[0])
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "growth": _peak() - before, "count": count}))


if __name__ == "__main__":
    main()
