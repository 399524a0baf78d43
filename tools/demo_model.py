"""The same model for every step of the demo: trained once, logged to each plugin's store, used again.

    logged = demo_model.log(demo, "models in S3", "s3+http://127.0.0.1:8333/bucket/demo")
    demo_model.check_listing(demo, logged)
    demo_model.predict_elsewhere(demo, logged)
    demo_model.download(demo, logged)
    demo_model.look_through_the_server(demo, logged)
    demo_model.delete_large(demo, logged)

Each function checks what it did, down to the bytes, and most add a line to the closing table. `log`
adds none: what was stored is read back past MLflow by the step itself (by the service's own client,
or from the files), which then records it, with `stored_row` where that fits.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from onnx import ModelProto

    from demo import Demo, Row

LARGE_BYTES = 64_000_000
PLOT = "plots/roc.png"
LARGE = "data/large.bin"
_PIECE_BYTES = 1_000_000

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


class Trained(NamedTuple):
    """A model and what is needed to try it.

    Attributes:
        model: The classifier, as ONNX.
        features: What it is tried on.
        labels: What is right for these.
        predictions: What it says before it is logged.
        plot: Its ROC curve.
        large: A file of 64 MB that no compression shrinks.
    """

    model: ModelProto
    features: np.ndarray
    labels: np.ndarray
    predictions: np.ndarray
    plot: Path
    large: Path

    @property
    def accuracy(self) -> float:
        """The share of right predictions."""
        return float((self.predictions == self.labels).mean())


class Logged(NamedTuple):
    """What a run holds.

    Attributes:
        experiment: Id of its experiment.
        run_id: Its id.
        artifact_uri: Where its files are.
        model_uri: How the model is loaded.
        seconds: How long each took to be logged, by "model" and by path in the run.
        digests: SHA-256 of the two files in the run, by path.
        sizes: Their bytes.
    """

    experiment: str
    run_id: str
    artifact_uri: str
    model_uri: str
    seconds: dict[str, float]
    digests: dict[str, bytes]
    sizes: dict[str, int]


def train(folder: Path) -> Trained:
    """Train a classifier on scikit-learn's breast cancer data; `demo.trained` does it once for all."""
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
    large = _write_large(folder / "large.bin")
    return Trained(model, test, labels, classifier.predict(test), plot, large)


def _write_large(path: Path) -> Path:
    with path.open("wb") as target:
        for _ in range(LARGE_BYTES // _PIECE_BYTES):
            target.write(os.urandom(_PIECE_BYTES))
    return path


def log(demo: Demo, title: str, location: str) -> Logged:
    """Log the model, its plot and the large file to a new experiment's run.

    Args:
        demo: The demo.
        title: Name of the experiment.
        location: The experiment's artifact location, of the plugin's scheme.
    """
    import mlflow

    mlflow.set_tracking_uri(demo.tracking_uri)
    experiment = mlflow.create_experiment(title, artifact_location=location)
    trained, seconds = demo.trained, {}
    with mlflow.start_run(experiment_id=experiment, run_name="onnx") as active:
        mlflow.log_metric("accuracy", trained.accuracy)
        with demo.task("log the ONNX model"):
            started = time.monotonic()
            # The providers that every machine has: without the choice MLflow looks for CUDA's too.
            providers = ["CPUExecutionProvider"]
            model = mlflow.onnx.log_model(
                trained.model,
                name="model",
                onnx_execution_providers=providers,
                # Else MLflow loads the model once more to find them out, for several seconds a step.
                pip_requirements=["onnx", "onnxruntime"],
            )
            seconds["model"] = time.monotonic() - started
        for what, path, folder in (
            ("a plot", trained.plot, "plots"),
            ("a file of 64 MB", trained.large, "data"),
        ):
            with demo.task(f"log {what}"):
                started = time.monotonic()
                mlflow.log_artifact(str(path), folder)
                seconds[f"{folder}/{path.name}"] = time.monotonic() - started
    demo.look.append(f"/#/experiments/{experiment}/runs/{active.info.run_id}/artifacts")
    files = {PLOT: trained.plot, LARGE: trained.large}
    return Logged(
        experiment,
        active.info.run_id,
        active.info.artifact_uri,
        model.model_uri,
        seconds,
        {path: digest(file) for path, file in files.items()},
        {path: file.stat().st_size for path, file in files.items()},
    )


def stored_row(logged: Logged, path: str, found: bytes, chunks: int | None = None) -> Row:
    """Compare the digest of what the store holds; returns the table's line about it.

    Args:
        logged: The run.
        path: `PLOT` or `LARGE`.
        found: SHA-256 of the stored bytes, read past MLflow and past the plugin.
        chunks: In how many pieces they are kept, where that is known.
    """
    from demo import Row

    expect(found == logged.digests[path], f"{path} differs in the store")
    shown = f"SHA-256 {found.hex()[:8]}… equal"
    return Row("logged", path, logged.sizes[path], logged.seconds[path], chunks, shown)


def check_listing(demo: Demo, logged: Logged) -> None:
    """List the run, and see that it is what was logged."""
    import mlflow

    with demo.task("list the run"):
        listed = sorted(
            entry.path
            for folder in ("", "plots", "data")
            for entry in mlflow.artifacts.list_artifacts(run_id=logged.run_id, artifact_path=folder)
            if not entry.is_dir
        )
    expect(listed == sorted(logged.digests), f"listed {listed}")


def predict_elsewhere(demo: Demo, logged: Logged) -> None:
    """Load the model in another process, and see that it predicts as it did."""
    import numpy as np

    from demo import Row

    trained = demo.trained
    with demo.task("load the model in a new process and predict"):
        started = time.monotonic()
        np.save(demo.folder / "features.npy", trained.features)
        arguments = [demo.tracking_uri, logged.model_uri, str(demo.folder)]
        subprocess.run([sys.executable, "-c", _PREDICT, *arguments], check=True)
        loaded = np.load(demo.folder / "predictions.npy")
        seconds = time.monotonic() - started
    expect(bool((loaded == trained.predictions).all()), "the loaded model predicts differently")
    where = f"a new process; accuracy {trained.accuracy:.3f}"
    same = f"{len(loaded)} predictions equal"
    demo.record(Row("loaded, predicted", where, None, seconds, None, same))


def download(demo: Demo, logged: Logged) -> None:
    """Download the large file and compare its digest."""
    import mlflow

    from demo import Row

    with demo.task("download the large file"):
        started = time.monotonic()
        copy = Path(
            mlflow.artifacts.download_artifacts(
                f"runs:/{logged.run_id}/{LARGE}",
                dst_path=str(demo.folder / "copies" / logged.run_id),
            )
        )
        seconds = time.monotonic() - started
    expect(digest(copy) == logged.digests[LARGE], "the downloaded file differs")
    where = f"{demo.folder.name}/copies/…/{LARGE}"
    demo.record(Row("downloaded", where, copy.stat().st_size, seconds, None, "SHA-256 equal"))


def look_through_the_server(demo: Demo, logged: Logged) -> None:
    """Fetch the plot as the server's UI does: the server itself reads the store then."""
    with demo.task("fetch the plot as the server's UI does"):
        query = urllib.parse.urlencode({"path": PLOT, "run_uuid": logged.run_id})
        url = f"{demo.tracking_uri}/get-artifact?{query}"
        with urllib.request.urlopen(url) as answer:  # noqa: S310  # the demo's own server
            page = answer.read()
    expect(page == demo.trained.plot.read_bytes(), "the server's UI shows another plot")


def delete_large(demo: Demo, logged: Logged) -> float:
    """Delete the large file, see that it alone is gone, and return the seconds that took."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository: Any = get_artifact_repository(logged.artifact_uri)
    with demo.task("delete the large file"):
        started = time.monotonic()
        repository.delete_artifacts(LARGE)
        seconds = time.monotonic() - started
    expect(repository.list_artifacts("data") == [], "the large file is still listed")
    left = [entry.path for entry in repository.list_artifacts("plots")]
    expect(left == [PLOT], f"of the plots {left} is left")
    return seconds


def digest(path: Path) -> bytes:
    """Return the SHA-256 of a local file."""
    with path.open("rb") as stream:
        found = hashlib.sha256()
        while piece := stream.read(_PIECE_BYTES):
            found.update(piece)
    return found.digest()


def expect(holds: bool, otherwise: str) -> None:  # noqa: FBT001  # reads as an assertion
    """End the demo where something does not hold."""
    if not holds:
        raise SystemExit(f"demo failed: {otherwise}")
