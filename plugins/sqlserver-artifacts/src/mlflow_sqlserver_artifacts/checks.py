"""Tries what an artifact repository needs, one step after another, and cleans up."""

from __future__ import annotations

import io
import secrets
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow.exceptions import MlflowException

from mlflow_plugin_core import errors
from mlflow_sqlserver_artifacts.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow_sqlserver_artifacts.store import SqlBlobStore

_SIZE = 100_000


def run(location: str) -> Iterator[tuple[str, float]]:
    """Yield each step that went well and its seconds; the first that does not raises.

    Raises:
        MlflowException: With the step, what failed in it and what to do.
    """
    name = f".mlflow-check-{secrets.token_hex(8)}"
    content = secrets.token_bytes(_SIZE)
    last = time.perf_counter()

    def took() -> float:
        nonlocal last
        before, last = last, time.perf_counter()
        return last - before

    store = open_store(location)
    yield "settings, driver and credentials", took()
    step = "connect and list"
    with _named(step):
        _check_class(location)
        store.list_folder("")
    yield step, took()
    step = "tables are there, their version fits"
    with _named(step):
        store.database.prepare()
    yield step, took()
    try:
        step = "store a file"
        with _named(step):
            store.put_stream(io.BytesIO(content), name)
        yield step, took()
        step = "read it back, digest verified"
        with _named(step):
            _read_back(store, name, content)
        yield step, took()
    except BaseException:
        # What failed first is what the operator has to know; the clean-up may fail for the same.
        with suppress(Exception):
            store.delete(name)
        raise
    step = "delete it"
    with _named(step):
        store.delete(name)
    yield step, took()


@contextmanager
def _named(step: str) -> Iterator[None]:
    try:
        yield
    except MlflowException as error:
        error.message = f"at the step '{step}': {error.message}"
        error.args = (error.message,)
        raise


def _check_class(location: str) -> None:
    """See that MLflow, too, gives this location to this plugin."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    from mlflow_sqlserver_artifacts.repository import SqlArtifactRepository

    found = type(get_artifact_repository(location))
    if not issubclass(found, SqlArtifactRepository):
        message = errors.explain(
            f"MLflow opens this location with {found.__module__}.{found.__qualname__}",
            location=location,
            why="another installed distribution claims the same scheme",
            remedy="uninstall it, or mlflow-sqlserver-artifacts",
        )
        raise errors.bad_request(message)


def _read_back(store: SqlBlobStore, name: str, content: bytes) -> None:
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
