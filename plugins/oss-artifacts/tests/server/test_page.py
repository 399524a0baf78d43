"""MLflow's page's own example, and what users do with it, against a server that checks signatures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

if TYPE_CHECKING:
    from mlflow_plugin_servers.oss_server import Bucket, OssServer

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

_MIB = 1 << 20


def test_the_pages_three_variables_are_enough(
    bucket: Bucket, sdk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/tracking.db")
    experiment = mlflow.create_experiment("page", artifact_location=f"oss://{bucket.name}/path")

    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_text(sdk, "notes/sdk.txt")

    run_id = run.info.run_id
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/notes/sdk.txt") == sdk
    assert [each.path for each in mlflow.artifacts.list_artifacts(run_id=run_id)] == ["notes"]


@pytest.mark.parametrize("region", ["", "cn-hangzhou"], ids=["v1", "v4"])
@pytest.mark.parametrize(
    "size", [0, 1, 5 * _MIB, 5 * _MIB + 1, 10 * _MIB, 12 * _MIB + 3], ids=lambda size: f"{size}b"
)
def test_a_file_of_any_size_comes_back(
    bucket: Bucket, sdk: str, region: str, size: int, tmp_path: Path
) -> None:
    options = "?part_size=5242880&memory=16777216" + (f"&region={region}" if region else "")
    repository = get_artifact_repository(f"oss://{bucket.name}/sizes{options}")
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)

    repository.log_artifact(str(tmp_path / "file"), "deep")

    (tmp_path / "out").mkdir()
    fetched = repository.download_artifacts("deep/file", str(tmp_path / "out"))
    assert Path(fetched).read_bytes() == content
    assert [(each.path, each.file_size) for each in repository.list_artifacts("deep")] == [
        ("deep/file", size)
    ]
    repository.delete_artifacts("deep")
    assert repository.list_artifacts() == []
    assert sdk


def test_two_locations_have_their_own_endpoints_and_keys_at_once(
    bucket: Bucket, private_oss_server: OssServer, tmp_path: Path
) -> None:
    with private_oss_server.fresh_bucket() as other:
        home = Path(os.environ["HOME"], ".alibabacloud")
        home.mkdir(parents=True)
        profile = home / "credentials.ini"
        profile.write_text(
            f"[other]\naccess_key_id = {other.key_id}\naccess_key_secret = {other.key_secret}\n"
            f"endpoint = {other.endpoint}\n"
        )
        profile.chmod(0o600)
        first = get_artifact_repository(f"oss://{bucket.name}/a")
        second = get_artifact_repository(
            f"oss://{other.name}/a?endpoint={other.endpoint}&profile=other&region={other.region}"
        )
        for repository, text in ((first, "first"), (second, "second")):
            (tmp_path / "file").write_text(text)
            repository.log_artifact(str(tmp_path / "file"))

        found = [Path(each.download_artifacts("file")).read_text() for each in (first, second)]

    assert found == ["first", "second"]


def test_the_key_of_this_machine_is_not_sent_to_an_endpoint_that_a_location_names(
    bucket: Bucket, private_oss_server: OssServer
) -> None:
    private_oss_server.requests()

    with pytest.raises(MlflowException, match="is not sent to 127.0.0.1"):
        get_artifact_repository(f"oss://{bucket.name}/a?endpoint={private_oss_server.uri}")

    assert private_oss_server.requests() == []


def test_a_key_in_the_location_works_and_is_warned_about(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("MLFLOW_OSS_KEY_ID")
    monkeypatch.delenv("MLFLOW_OSS_KEY_SECRET")
    location = f"oss://{bucket.key_id}:{bucket.key_secret}@{bucket.name}/a"

    assert get_artifact_repository(location).list_artifacts() == []

    assert "holds an access key" in caplog.text
    assert bucket.key_secret not in caplog.text
