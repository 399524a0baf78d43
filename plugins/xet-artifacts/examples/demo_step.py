"""This plugin's step of the demo: one model twice in a local Xet store, with a small change between.

MLflow is a client of the demo's server; the artifacts go into a folder that keeps each chunk once.
At the end the bytes are read back without MLflow and without the plugin, by sqlite3 and bare hf_xet.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import demo_model
from demo_model import LARGE, PLOT, Logged, expect

if TYPE_CHECKING:
    from pathlib import Path

    from demo import Demo

_CHANGED = 1 << 20
# What a changed region takes more than itself: the chunks at its two ends.
_ALLOWANCE = 1 << 20


def environment(demo: Demo) -> dict[str, str]:
    """Return what the server runs with: it opens local stores only where its operator allows it."""
    return {"MLFLOW_XET_FOLDERS": str(demo.folder)}


def run(demo: Demo) -> None:
    """Log, list, load and delete artifacts in a local store, and check every byte."""
    folder = demo.folder / "artifacts.xet"
    logged = demo_model.log(demo, "models in a Xet store", f"xet+file://{folder}")
    demo_model.check_listing(demo, logged)
    _read_without_mlflow(demo, folder, logged)
    _log_a_little_changed(demo, folder, logged)
    demo_model.predict_elsewhere(demo, logged)
    demo_model.download(demo, logged)
    demo_model.look_through_the_server(demo, logged)
    _delete(demo, folder, logged)


def _read_without_mlflow(demo: Demo, folder: Path, logged: Logged) -> None:
    from demo import Row

    with demo.task("read the store with nothing but sqlite3 and hf_xet"):
        stored = _stored(folder)
    model = [file for path, file in stored.items() if "models/" in path]
    expect(len(model) > 1, "the model has no files in the store")
    size, pieces = sum(file.size for file in model), sum(file.pieces for file in model)
    seconds = logged.seconds["model"]
    what = f"ONNX model, {len(model)} files"
    demo.record(Row(what, logged.model_uri, size, seconds, pieces, "as the index says"))
    for path in (PLOT, LARGE):
        file = stored[_inside(folder, logged, path)]
        demo.record(demo_model.stored_row(logged, path, file.digest, file.pieces))


def _log_a_little_changed(demo: Demo, folder: Path, logged: Logged) -> None:
    """Log the model and the large file once more, with 1 MiB of the file changed."""
    import mlflow

    from demo import Row

    changed = demo.folder / "changed" / "large.bin"
    changed.parent.mkdir(exist_ok=True)
    data = bytearray(demo.trained.large.read_bytes())
    data[20_000_000 : 20_000_000 + _CHANGED] = os.urandom(_CHANGED)
    changed.write_bytes(data)
    before = _room(folder)
    with demo.task("log the same model, and the large file with 1 MiB changed"):
        started = time.monotonic()
        with mlflow.start_run(experiment_id=logged.experiment, run_name="a little changed"):
            mlflow.onnx.log_model(
                demo.trained.model,
                name="model",
                onnx_execution_providers=["CPUExecutionProvider"],
                pip_requirements=["onnx", "onnxruntime"],
            )
            mlflow.log_artifact(str(changed), "data")
        seconds = time.monotonic() - started
    grown = _room(folder) - before
    expect(grown < _CHANGED + _ALLOWANCE, f"1 MiB of change took {grown} bytes")
    what, shown = "logged, 1 MiB changed", f"{grown / 1e6:.1f} MB more on the disk"
    demo.record(Row(what, LARGE, len(data), seconds, None, shown))


def _delete(demo: Demo, folder: Path, logged: Logged) -> None:
    from demo import Row

    before = _stored(folder)
    seconds = demo_model.delete_large(demo, logged)
    after = _stored(folder)
    expect(set(before) - set(after) == {_inside(folder, logged, LARGE)}, "more or less was deleted")
    demo.record(Row("deleted", LARGE, None, seconds, None, f"{len(after)} files left, equal"))


def _inside(folder: Path, logged: Logged, path: str) -> str:
    return f"{logged.artifact_uri.partition(f'{folder.name}/')[2]}/{path}"


def _room(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.rglob("default.*"))


class _File(NamedTuple):
    """A file as the index has it."""

    size: int
    pieces: int
    digest: bytes


def _stored(folder: Path) -> dict[str, _File]:
    """Read every file and compare it with the digest in the index."""
    import hf_xet

    files = "SELECT path, id, size, sha256, data FROM entries JOIN contents ON id = content"
    pieces = "SELECT hash, size FROM parts WHERE content = ? ORDER BY number"
    stored = {}
    with closing(sqlite3.connect(f"file:{folder}/xet-index.db?mode=ro", uri=True)) as connection:
        (generation,) = connection.execute("SELECT value FROM meta").fetchone()
        # hf_xet reports transfers in the background unless told otherwise.
        session = hf_xet.XetSession(hf_xet.XetConfig().with_config("telemetry.enabled", False))
        endpoint = f"local://{folder}/chunks-{generation}"
        with session.new_download_stream_group(endpoint=endpoint) as group:
            for path, number, size, expected, data in connection.execute(files).fetchall():
                digest, parts = hashlib.sha256(data or b""), []
                if data is None:
                    parts = connection.execute(pieces, (number,)).fetchall()
                for part in parts:
                    for block in group.download_stream(hf_xet.XetFileInfo(*part)):
                        digest.update(block)
                expect(digest.digest() == expected, f"{path} is damaged")
                stored[path] = _File(size, len(parts) or 1, expected)
    return stored
