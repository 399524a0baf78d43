"""A real model, stored, listed, loaded and deleted as MLflow's users do it, on every database."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import mlflow
import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tracking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A tracking store of this test's own; by the environment, which other tests choose by too."""
    uri = f"sqlite:///{tmp_path / 'tracking.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return uri


@pytest.mark.enable_socket
def test_a_model_is_logged_loaded_and_deleted(database_uri: str, tracking: str) -> None:
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    features, labels = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=500).fit(features, labels)
    experiment = mlflow.create_experiment("models", artifact_location=database_uri)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own: of pickles, signatures, deprecated names
        with mlflow.start_run(experiment_id=experiment) as run:
            info = mlflow.sklearn.log_model(model, "model")
            mlflow.log_dict({"accuracy": 1}, "report.json")
        loaded = mlflow.pyfunc.load_model(info.model_uri)

    assert list(loaded.predict(features)) == list(model.predict(features))
    client = mlflow.MlflowClient(tracking)
    assert "report.json" in [item.path for item in client.list_artifacts(run.info.run_id)]
    repository = mlflow.artifacts.get_artifact_repository(run.info.artifact_uri)
    repository.delete_artifacts("report.json")
    assert "report.json" not in [item.path for item in client.list_artifacts(run.info.run_id)]
