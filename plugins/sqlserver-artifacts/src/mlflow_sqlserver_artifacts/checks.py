"""Tries what an artifact repository needs, one step after another, and cleans up."""

from __future__ import annotations

import io
import secrets
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_plugin_core import errors
from mlflow_sqlserver_artifacts.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator


def run(location: str) -> Iterator[tuple[str, float]]:
    """Yield each step that went well and its seconds; the first that does not raises.

    Raises:
        MlflowException: With what failed and what to do.
    """
    name = f".mlflow-check-{secrets.token_hex(8)}"
    content = secrets.token_bytes(100_000)
    clock = time.perf_counter
    start = clock()
    store = open_store(location)
    yield "settings, driver and credentials", clock() - start
    start = clock()
    store.list_folder("")
    yield "connect and list", clock() - start
    start = clock()
    store.database.prepare()
    yield "tables are there, their version fits", clock() - start
    try:
        start = clock()
        store.put_stream(io.BytesIO(content), name)
        yield "store a file", clock() - start
        start = clock()
        blob = store.stat(name)
        if blob is None:
            message = "The file that was just stored cannot be seen"
            raise errors.internal(message)
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, "copy")
            store.get_file(blob, copy)
            if copy.read_bytes() != content:
                message = "The file that was just stored came back with other bytes"
                raise errors.internal(message)
        yield "read it back, digest verified", clock() - start
    finally:
        start = clock()
        store.delete(name)
    yield "delete it", clock() - start
