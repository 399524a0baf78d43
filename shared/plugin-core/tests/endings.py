"""A process that ends while it transfers; see test_objects_endings.py.

    endings.py exit FOLDER              stores and fetches when the interpreter ends
    endings.py interrupt FOLDER VERB    has two Ctrl-C while a request of that verb hangs

Each prints as JSON what is left.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from object_service import FakeService, Stored
from objects import MIB, content, store_of, write

from mlflow_plugin_core import transfer
from mlflow_plugin_core.blob_store import Download, Upload
from mlflow_plugin_core.objects import notes

SIZES = {"small": 100, "whole": 5 * MIB, "parts": 11 * MIB}


def at_exit(folder: Path) -> None:
    """Store and fetch a small file, one of one request and one in parts."""
    service = FakeService()
    store = store_of(service, workers=8, memory=16 * MIB)
    for name, size in SIZES.items():
        write(folder / name, size)
    items = [Upload(folder / name, name, size) for name, size in SIZES.items()]
    store.put_many(items, lambda _count: None)
    found = list(store.list_folder(""))
    store.get_many(
        [Download(blob, folder / "back" / blob.path) for blob in found], lambda _count: None
    )
    back = [len((folder / "back" / name).read_bytes()) for name in SIZES]
    right = all((folder / "back" / name).read_bytes() == content(SIZES[name]) for name in SIZES)
    squares = transfer.run_all(lambda item: item * item, range(5), workers=2)
    print(json.dumps({"back": back, "right": right, "squares": squares}), flush=True)


def waits_for_threads() -> bool:
    """Tell whether the main thread waits for those of a pool."""
    main = threading.main_thread().ident or 0
    stack = traceback.walk_stack(sys._current_frames()[main])
    return any(frame.f_code.co_name == "shutdown" for frame, _ in stack)


def interrupted(folder: Path, verb: str) -> None:
    """Interrupt the main thread while requests hang, and again while it waits for them."""
    service, go_on, hangs = FakeService(), threading.Event(), threading.Event()

    def hang(asked: str) -> None:
        if asked == verb:
            hangs.set()
            go_on.wait(60)

    def chunk(_key: str, _offset: int, data: bytes) -> bytes:
        hang("chunk")
        return data

    def press() -> None:
        hangs.wait(60)
        os.kill(os.getpid(), signal.SIGINT)
        while not waits_for_threads():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    service.on_request = lambda asked, _key: hang(asked)
    service.on_chunk = chunk
    service.objects["root/b"] = Stored(content(11 * MIB), 5 * MIB)
    store = store_of(service)
    blob = store.stat("b")
    assert blob is not None
    threading.Thread(target=press, daemon=True).start()
    try:
        if verb == "chunk":
            store.get_file(blob, folder / "out" / "b")
        else:
            store.put_file(write(folder / "a", 11 * MIB), "a")
        ended = "well"
    except KeyboardInterrupt:
        ended = "by Ctrl-C"
    went_on = go_on.is_set()
    go_on.set()
    for thread in threading.enumerate():
        if thread.name.startswith("mlflow-transfer"):
            thread.join(60)
    out = folder / "out"
    left = {
        "ended": ended,
        "went_on": went_on,
        "uploads": list(service.uploads),
        "notes": len(list(notes.folder().iterdir())) if notes.folder().is_dir() else 0,
        "files": [path.name for path in out.iterdir()] if out.is_dir() else [],
    }
    print(json.dumps(left), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "exit":
        atexit.register(at_exit, Path(sys.argv[2]))
    else:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        interrupted(Path(sys.argv[2]), sys.argv[3])
