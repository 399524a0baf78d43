"""This plugin's step of the demo: a model, a plot and a large file in a SQL database.

MLflow is a client of the demo's server; the artifacts go into a SQLite database through the plugin.
At the end the bytes are read back without MLflow and without the plugin, by Python's own sqlite3.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from onnx import ModelProto

    from demo import Demo

_LARGE_BYTES = 64_000_000
_PIECE_BYTES = 1_000_000
_PLOT = "plots/roc.png"
_LARGE = "data/large.bin"

# What somebody else does later, in another process: load the model by its URI and use it.
_PREDICT = """
import sys
import mlflow, numpy
tracking_uri, model_uri, folder = sys.argv[1:]
mlflow.set_tracking_uri(tracking_uri)
model = mlflow.pyfunc.load_model(model_uri)
features = numpy.load(f"{folder}/features.npy")
labels = numpy.asarray(model.predict(features)["label"])
numpy.save(f"{folder}/predictions.npy", labels)
"""


class _Trained(NamedTuple):
    """A model and what is needed to try it."""

    model: ModelProto
    features: np.ndarray
    labels: np.ndarray
    predictions: np.ndarray
    plot: Path


class _Logged(NamedTuple):
    """What the run holds, and the digests of what was put there."""

    run_id: str
    artifact_uri: str
    model_uri: str
    seconds: dict[str, float]
    digests: dict[str, bytes]


def server_environment(folder: Path) -> dict[str, str]:
    """Return what the server runs with: it opens SQLite files only where its operator allows it."""
    return {"MLFLOW_SQLSERVER_SQLITE_FOLDERS": str(folder)}


def run(demo: Demo) -> None:
    """Log, list, load and delete artifacts in a SQLite database, and check every byte."""
    import mlflow

    database = demo.folder / "artifacts.db"
    mlflow.set_tracking_uri(demo.tracking_uri)
    experiment = mlflow.create_experiment(
        "models in a SQL database", artifact_location=f"sqlite:///{database}"
    )
    with demo.task("train a classifier on scikit-learn's breast cancer data"):
        trained = _train(demo.folder)
    large = _write_large(demo.folder)
    logged = _log(demo, experiment, trained, large)
    _list(demo, logged)
    _read_without_mlflow(demo, database, logged)
    _predict_elsewhere(demo, trained, logged)
    _download(demo, logged)
    _look_through_the_server(demo, trained, logged)
    _delete(demo, database, logged)
    demo.look.append(f"/#/experiments/{experiment}/runs/{logged.run_id}/artifacts")


def _log(demo: Demo, experiment: str, trained: _Trained, large: Path) -> _Logged:
    import mlflow

    seconds = {}
    with mlflow.start_run(experiment_id=experiment, run_name="onnx") as active:
        mlflow.log_metric("accuracy", _accuracy(trained))
        with demo.task("log the ONNX model"):
            started = time.monotonic()
            # The providers that every machine has: without the choice MLflow looks for CUDA's too.
            providers = ["CPUExecutionProvider"]
            model = mlflow.onnx.log_model(
                trained.model, name="model", onnx_execution_providers=providers
            )
            seconds["model"] = time.monotonic() - started
        for title, path, folder in (
            ("a plot", trained.plot, "plots"),
            ("a file of 64 MB", large, "data"),
        ):
            with demo.task(f"log {title}"):
                started = time.monotonic()
                mlflow.log_artifact(str(path), folder)
                seconds[f"{folder}/{path.name}"] = time.monotonic() - started
    digests = {_PLOT: _digest(trained.plot), _LARGE: _digest(large)}
    info = active.info
    return _Logged(info.run_id, info.artifact_uri, model.model_uri, seconds, digests)


def _accuracy(trained: _Trained) -> float:
    return float((trained.predictions == trained.labels).mean())


def _list(demo: Demo, logged: _Logged) -> None:
    import mlflow

    with demo.task("list the run"):
        listed = sorted(
            entry.path
            for folder in ("", "plots", "data")
            for entry in mlflow.artifacts.list_artifacts(run_id=logged.run_id, artifact_path=folder)
            if not entry.is_dir
        )
    _expect(listed == sorted(logged.digests), f"listed {listed}")


def _read_without_mlflow(demo: Demo, database: Path, logged: _Logged) -> None:
    from demo import Row

    with demo.task("read the database with nothing but Python's sqlite3"):
        stored = _stored(database)
    model = [file for path, file in stored.items() if "models/" in path]
    _expect(len(model) > 1, "the model has no files in the database")
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
    for path, digest in logged.digests.items():
        file = stored[_inside(logged, path)]
        _expect(file.digest == digest, f"{path} differs in the database")
        shown = f"SHA-256 {digest.hex()[:8]}… equal"
        demo.record(Row("logged", path, file.size, logged.seconds[path], file.chunks, shown))


def _predict_elsewhere(demo: Demo, trained: _Trained, logged: _Logged) -> None:
    import numpy as np

    from demo import Row

    with demo.task("load the model in a new process and predict"):
        started = time.monotonic()
        np.save(demo.folder / "features.npy", trained.features)
        arguments = [demo.tracking_uri, logged.model_uri, str(demo.folder)]
        subprocess.run([sys.executable, "-c", _PREDICT, *arguments], check=True)  # noqa: S603  # our own
        loaded = np.load(demo.folder / "predictions.npy")
        seconds = time.monotonic() - started
    _expect(bool((loaded == trained.predictions).all()), "the loaded model predicts differently")
    where = f"a new process; accuracy {_accuracy(trained):.3f}"
    same = f"{len(loaded)} predictions equal"
    demo.record(Row("loaded, predicted", where, None, seconds, None, same))


def _download(demo: Demo, logged: _Logged) -> None:
    import mlflow

    from demo import Row

    with demo.task("download the large file"):
        started = time.monotonic()
        copy = Path(
            mlflow.artifacts.download_artifacts(
                f"runs:/{logged.run_id}/{_LARGE}", dst_path=str(demo.folder / "copy")
            )
        )
        seconds = time.monotonic() - started
    _expect(_digest(copy) == logged.digests[_LARGE], "the downloaded file differs")
    where = f"{demo.folder.name}/{copy.relative_to(demo.folder)}"
    demo.record(Row("downloaded", where, copy.stat().st_size, seconds, None, "SHA-256 equal"))


def _look_through_the_server(demo: Demo, trained: _Trained, logged: _Logged) -> None:
    with demo.task("fetch the plot as the server's UI does"):
        query = urllib.parse.urlencode({"path": _PLOT, "run_uuid": logged.run_id})
        url = f"{demo.tracking_uri}/get-artifact?{query}"
        with urllib.request.urlopen(url) as answer:  # noqa: S310  # the demo's own server
            page = answer.read()
    _expect(page == trained.plot.read_bytes(), "the server's UI shows another plot")


def _delete(demo: Demo, database: Path, logged: _Logged) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    from demo import Row

    before = _stored(database)
    with demo.task("delete the large file"):
        started = time.monotonic()
        get_artifact_repository(logged.artifact_uri).delete_artifacts(_LARGE)
        seconds = time.monotonic() - started
    after = _stored(database)
    _expect(set(before) - set(after) == {_inside(logged, _LARGE)}, "more or less was deleted")
    freed = before[_inside(logged, _LARGE)].chunks
    demo.record(Row("deleted", _LARGE, None, seconds, freed, f"{len(after)} files left, equal"))


def _inside(logged: _Logged, path: str) -> str:
    return f"{logged.artifact_uri.partition('.db/')[2]}/{path}"


def _train(folder: Path) -> _Trained:
    import matplotlib as mpl
    import numpy as np
    from skl2onnx import to_onnx
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import RocCurveDisplay
    from sklearn.model_selection import train_test_split

    mpl.use("agg")
    data = load_breast_cancer()
    train, test, train_labels, labels = train_test_split(
        data.data.astype(np.float32), data.target, random_state=0
    )
    classifier = RandomForestClassifier(random_state=0).fit(train, train_labels)
    figure = RocCurveDisplay.from_estimator(
        classifier, test, labels, name="random forest", plot_chance_level=True
    ).figure_
    figure.axes[0].set_title("Breast cancer data: which tumours are benign?")
    plot = folder / "roc.png"
    figure.savefig(plot, dpi=150, bbox_inches="tight")
    model = to_onnx(classifier, train[:1], options={"zipmap": False})
    return _Trained(model, test, labels, classifier.predict(test), plot)


def _write_large(folder: Path) -> Path:
    path = folder / "large.bin"
    with path.open("wb") as target:
        for _ in range(_LARGE_BYTES // _PIECE_BYTES):
            target.write(os.urandom(_PIECE_BYTES))
    return path


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
            _expect(digest.digest() == expected, f"{path} is damaged")
            stored[path] = _File(size, chunks, expected)
    finally:
        connection.close()
    return stored


def _digest(path: Path) -> bytes:
    with path.open("rb") as stream:
        digest = hashlib.sha256()
        while piece := stream.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.digest()


def _expect(holds: bool, otherwise: str) -> None:  # noqa: FBT001  # reads as an assertion
    if not holds:
        raise SystemExit(f"demo failed: {otherwise}")
