"""What services that others run, or that a location alone names, are not given."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from memory_s3 import Told
from mlflow.exceptions import MlflowException

if TYPE_CHECKING:
    from mlflow_s3_artifacts.repository import S3ArtifactsRepository

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def location(service: Any) -> str:
    return f"s3+http://127.0.0.1:{service.port}/bucket/run"


def test_a_profile_without_keys_does_not_bring_the_machines_role_to_another_host(
    service: Any,
    front: Any,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    role = front(0)
    keys = {"AccessKeyId": "role", "SecretAccessKey": "secret", "Token": "the-token"}
    role.rule = lambda _asked: Told(
        200, json.dumps({**keys, "Expiration": "2099-01-01T00:00:00Z"}).encode()
    )
    (tmp_path / "config").write_text("[profile team]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{role.port}/")
    monkeypatch.setenv("MLFLOW_S3_ARTIFACTS_PROFILES", "team")
    monkeypatch.setenv("MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES", "s3+http")
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_DESTINATION", "s3+https://own.example/models/root")

    with pytest.raises(MlflowException, match="has no credentials of its own") as caught:
        open_repository(f"{location}?profile=team").list_artifacts()

    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    assert role.asked
    assert service.asked == []


@pytest.mark.parametrize("kind", ["token", "server"])
def test_a_redirect_takes_neither_a_session_token_nor_a_server_to_another_host(
    kind: str,
    memory: Any,
    service: Any,
    front: Any,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from front import Answer

    memory.objects["run/file"] = (b"content", "9a0364b9e99bb480dd25e1f0284c8555", 0)
    other = front(0)
    other.rule = memory
    there = f"http://127.0.0.1:{other.port}/bucket/run/file"
    service.rule = lambda asked: (
        Answer(307, "TemporaryRedirect", headers={"Location": there})
        if asked.method == "GET" and asked.path.startswith("/bucket/run/file")
        else memory(asked)
    )
    if kind == "token":
        monkeypatch.setenv("AWS_SESSION_TOKEN", "the-token")
    else:
        location = location.replace("://", "://key:secret@")
        monkeypatch.setenv("MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES", "s3+http")
        monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_DESTINATION", "s3+https://own.example/a-b/c")

    with pytest.raises(MlflowException, match="Redirect"):
        open_repository(f"{location}?retry_timeout=0").download_artifacts("file")

    assert other.asked == []
