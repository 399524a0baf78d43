"""A copy fails where it would leave out what somebody asked for, and before it has begun."""

from __future__ import annotations

from pathlib import Path

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from mlflow_plugin_core import copying


def test_a_journal_that_cannot_be_written_fails_before_anything_is_copied(tmp_path: Path) -> None:
    source, target = tmp_path / "from", tmp_path / "to"
    source.mkdir()
    (source / "f").write_text("x")

    with pytest.raises(MlflowException, match="another file by --journal") as error:
        copying.copy(str(source), str(target), journal=tmp_path / "no" / "journal")

    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    assert not list(target.glob("*"))


def test_a_home_without_room_for_the_journal_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "f").write_text("x")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    with pytest.raises(MlflowException, match="another file by --journal"):
        copying.copy(str(tmp_path / "from"), str(tmp_path / "to"))


@pytest.mark.parametrize("name", ["misspelled", "from/f", "empty"])
def test_where_no_file_is_nothing_is_copied_and_that_is_no_success(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "f").write_text("x")

    with pytest.raises(MlflowException) as error:
        copying.copy(str(tmp_path / name), str(tmp_path / "to"))

    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.skipif(
    not hasattr(mlflow, "create_external_model"), reason="MLflow 2 has no logged models"
)
def test_a_run_with_logged_models_is_not_copied_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    try:
        mlflow.create_experiment("e", artifact_location=str(tmp_path / "artifacts"))
        mlflow.set_experiment("e")
        with mlflow.start_run() as plain:
            mlflow.log_text("x", "f")
        with mlflow.start_run() as run:
            mlflow.log_text("x", "f")
            model = mlflow.create_external_model("m", source_run_id=run.info.run_id)

        assert copying.copy(f"runs:/{plain.info.run_id}", str(tmp_path / "to")).copied == 1
        with pytest.raises(MlflowException, match=f"models:/{model.model_id}"):
            copying.copy(f"runs:/{run.info.run_id}", str(tmp_path / "to2"))
    finally:
        mlflow.set_tracking_uri(before)
