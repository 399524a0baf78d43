"""Buckets with a retention policy: what is stored stays, and everybody is told so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

if TYPE_CHECKING:
    from pathlib import Path

    from mlflow_plugin_servers.oss_server import Bucket, OssServer

    Own = tuple[OssServer, Bucket, str]

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]


def test_a_file_whose_first_answer_was_lost_is_found_stored(
    own: Own, sdk: str, tmp_path: Path
) -> None:
    server, _, location = own
    repository = get_artifact_repository(location)
    (tmp_path / "file").write_text("content")
    # As the second attempt is answered, when the first one stored the file.
    server.fail(409, code="FileImmutable", method="PUT", after=True)

    repository.log_artifact(str(tmp_path / "file"))

    assert [each.path for each in repository.list_artifacts()] == ["file"]
    assert sdk


def test_another_file_at_the_same_path_is_refused_with_the_reason(
    own: Own, sdk: str, tmp_path: Path
) -> None:
    server, _, location = own
    repository = get_artifact_repository(location)
    (tmp_path / "file").write_text("content")
    repository.log_artifact(str(tmp_path / "file"))
    (tmp_path / "file").write_text("another")
    server.fail(409, code="FileImmutable", method="PUT")

    with pytest.raises(MlflowException, match="retention policy") as caught:
        repository.log_artifact(str(tmp_path / "file"))

    assert caught.value.error_code == "PERMISSION_DENIED"
    assert sdk


def test_what_a_batch_did_not_delete_is_asked_for_alone(own: Own, sdk: str, tmp_path: Path) -> None:
    server, _, location = own
    repository: Any = get_artifact_repository(location)
    for name in ("kept", "other"):
        (tmp_path / name).write_text("content")
        repository.log_artifact(str(tmp_path / name))
    store = repository._store
    server.fail(409, code="FileImmutable", method="DELETE", key="kept")

    refused = store.client.delete_singly([store.keys.key(name) for name in ("kept", "other")])

    ((key, why),) = refused
    assert key.endswith("/kept")
    assert "retention policy" in why
    assert [each.path for each in repository.list_artifacts()] == ["kept"]
    assert sdk
