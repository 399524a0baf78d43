"""What MLflow does with an artifact repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from mlflow_xet_artifacts import errors


def test_a_folder_comes_back_as_it_was(tmp_path: Path) -> None:
    repository = get_artifact_repository(f"xet://{tmp_path}/store/1/run/artifacts")
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "file").write_bytes(b"content")

    repository.log_artifacts(str(source), "model")

    assert [info.path for info in repository.list_artifacts("model")] == ["model/deep"]
    fetched = Path(repository.download_artifacts("model", str(tmp_path)))
    assert (fetched / "deep" / "file").read_bytes() == b"content"
    repository.delete_artifacts("model/deep/file")
    assert repository.list_artifacts("model/deep") == []
    repository.delete_artifacts()
    assert not (tmp_path / "store/1/run/artifacts").exists()


def test_an_unknown_parameter_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(MlflowException, match="workers"):
        get_artifact_repository(f"xet://{tmp_path}/store?worker=1")


def test_a_server_opens_only_the_folders_that_its_operator_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = f"xet://{tmp_path}/users/1/run/artifacts"
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_DESTINATION", f"xet://{tmp_path}/own")

    with pytest.raises(MlflowException, match="MLFLOW_XET_ARTIFACTS_FOLDERS"):
        get_artifact_repository(location)

    monkeypatch.setenv("MLFLOW_XET_ARTIFACTS_FOLDERS", str(tmp_path / "users"))
    assert get_artifact_repository(location).list_artifacts() == []
    own = get_artifact_repository(f"xet://{tmp_path}/own/1/run/artifacts")
    assert own.list_artifacts() == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FileNotFoundError(2, "No such file"), "RESOURCE_DOES_NOT_EXIST"),
        (PermissionError(13, "Permission denied"), "PERMISSION_DENIED"),
        (OSError(28, "No space left on device"), "INTERNAL_ERROR"),
    ],
)
def test_an_error_of_the_service_keeps_its_reason(
    error: OSError, code: str, tmp_path: Path
) -> None:
    found = errors.explained(error, "model/file", tmp_path)

    assert found.error_code == code
    assert str(error.strerror) in str(found)
    assert "model/file" in str(found)
