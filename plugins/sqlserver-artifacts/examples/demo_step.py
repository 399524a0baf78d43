"""This plugin's step of the demo: a model, a plot and a large file in a SQL database.

MLflow is a client of the demo's server; the artifacts go into a SQLite database through the plugin.
At the end the bytes are read back without MLflow and without the plugin, by Python's own sqlite3.
"""

from __future__ import annotations

import hashlib
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

import demo_model
from demo_model import LARGE, PLOT, Logged, expect

if TYPE_CHECKING:
    from pathlib import Path

    from demo import Demo


def environment(demo: Demo) -> dict[str, str]:
    """Return what the server runs with: it opens SQLite files only where its operator allows it."""
    return {"MLFLOW_SQLSERVER_SQLITE_FOLDERS": str(demo.folder)}


def run(demo: Demo) -> None:
    """Log, list, load and delete artifacts in a SQLite database, and check every byte."""
    database = demo.folder / "artifacts.db"
    logged = demo_model.log(demo, "models in a SQL database", f"sqlite:///{database}")
    demo_model.check_listing(demo, logged)
    _read_without_mlflow(demo, database, logged)
    demo_model.predict_elsewhere(demo, logged)
    demo_model.download(demo, logged)
    demo_model.look_through_the_server(demo, logged)
    _delete(demo, database, logged)


def _read_without_mlflow(demo: Demo, database: Path, logged: Logged) -> None:
    from demo import Row

    with demo.task("read the database with nothing but Python's sqlite3"):
        stored = _stored(database)
    model = [file for path, file in stored.items() if "models/" in path]
    expect(len(model) > 1, "the model has no files in the database")
    demo.record(
        Row(
            f"ONNX model, {len(model)} files",
            logged.model_uri,
            sum(file.size for file in model),
            logged.seconds["model"],
            sum(file.chunks for file in model),
            "as their rows say",
        )
    )
    for path in (PLOT, LARGE):
        file = stored[_inside(logged, path)]
        demo.record(demo_model.stored_row(logged, path, file.digest, file.chunks))


def _delete(demo: Demo, database: Path, logged: Logged) -> None:
    from demo import Row

    before = _stored(database)
    seconds = demo_model.delete_large(demo, logged)
    after = _stored(database)
    expect(set(before) - set(after) == {_inside(logged, LARGE)}, "more or less was deleted")
    freed = before[_inside(logged, LARGE)].chunks
    demo.record(Row("deleted", LARGE, None, seconds, freed, f"{len(after)} files left, equal"))


def _inside(logged: Logged, path: str) -> str:
    return f"{logged.artifact_uri.partition('.db/')[2]}/{path}"


class _File(NamedTuple):
    """A file as the tables hold it."""

    size: int
    chunks: int
    digest: bytes


def _stored(database: Path) -> dict[str, _File]:
    """Read every file from the tables and compare it with the digest in its row."""
    files = "SELECT path, content_id, size, chunks, sha256 FROM mlflow_artifact_entries"
    pieces = "SELECT data FROM mlflow_artifact_chunks WHERE content_id = ? ORDER BY number"
    stored = {}
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        rows = connection.execute(f"{files} WHERE is_folder = 0").fetchall()
        for path, content, size, chunks, expected in rows:
            digest = hashlib.sha256()
            for (data,) in connection.execute(pieces, (content,)):
                digest.update(data)
            expect(digest.digest() == expected, f"{path} is damaged")
            stored[path] = _File(size, chunks, expected)
    finally:
        connection.close()
    return stored
