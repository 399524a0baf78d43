"""Credentials that end while they are in use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from front import Answer
from mlflow.exceptions import MlflowException

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow_plugin_servers.s3_server import S3Bucket
    from mlflow_s3_artifacts.repository import S3ArtifactsRepository

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]


def test_expired_credentials_are_read_anew_once_and_work(
    s3_bucket: S3Bucket,
    open_repository: Callable[[str], S3ArtifactsRepository],
    write_file: Any,
    front: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    before = front(int(s3_bucket.endpoint.rpartition(":")[2]))
    shared = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(shared))
    keys = s3_bucket.access

    def write(access_key: str) -> None:
        shared.write_text(
            f"[default]\naws_access_key_id = {access_key}\n"
            f"aws_secret_access_key = {keys.secret_key}\n"
        )

    before.rule = lambda asked: (
        Answer(400, "ExpiredToken")
        if "old-key" in asked.headers.get("Authorization", asked.headers.get("authorization", ""))
        else None
    )
    write("old-key")
    repository = open_repository(
        f"s3+http://127.0.0.1:{before.port}/{s3_bucket.name}/run?retry_timeout=1"
    )
    with pytest.raises(MlflowException, match="ExpiredToken"):
        repository.list_artifacts()

    write(keys.access_key)
    repository.log_artifact(str(write_file("a")))

    assert [info.path for info in repository.list_artifacts()] == ["a"]
