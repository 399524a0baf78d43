"""Against Alibaba Cloud OSS itself, where a bucket and a key for it are given.

MLFLOW_OSS_TEST_BUCKET, MLFLOW_OSS_TEST_ENDPOINT, MLFLOW_OSS_TEST_KEY_ID, MLFLOW_OSS_TEST_KEY_SECRET.
The key may list, read, write and delete in the bucket; what is stored is removed again.
"""

from __future__ import annotations

import os
import secrets
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.server,
    pytest.mark.enable_socket,
    pytest.mark.skipif(
        not os.environ.get("MLFLOW_OSS_TEST_BUCKET"),
        reason="MLFLOW_OSS_TEST_BUCKET names no bucket of OSS (nightly has one)",
    ),
]

_MIB = 1 << 20


@pytest.fixture
def repository(sdk: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("KEY_ID", "KEY_SECRET"):
        monkeypatch.setenv(f"MLFLOW_OSS_{name}", os.environ[f"MLFLOW_OSS_TEST_{name}"])
    monkeypatch.setenv("MLFLOW_OSS_ENDPOINT_URL", os.environ["MLFLOW_OSS_TEST_ENDPOINT"])
    root = f"mlflow-test-{sdk}-{secrets.token_hex(8)}"
    found: Any = get_artifact_repository(f"oss://{os.environ['MLFLOW_OSS_TEST_BUCKET']}/{root}")
    yield found
    found.delete_artifacts()
    for upload in found._store.client.list_uploads(f"{root}/"):
        found._store.client.abort_upload(upload.key, upload.upload_id)


def test_a_folder_of_small_and_large_files_comes_back(repository: Any, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep ü").mkdir(parents=True)
    contents = {"a": b"", "deep ü/b+c&d": os.urandom(10_000), "large": os.urandom(40 * _MIB)}
    for name, content in contents.items():
        (source / name).write_bytes(content)

    repository.log_artifacts(str(source))

    (tmp_path / "out").mkdir()
    fetched = Path(repository.download_artifacts("", str(tmp_path / "out")))
    assert {name: (fetched / name).read_bytes() for name in contents} == contents


def test_a_presigned_address_needs_no_key(repository: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    repository.log_artifact(str(tmp_path / "file"))

    signed = repository._store.client.sign_get(repository._store.keys.key("file"), 60)

    with urllib.request.urlopen(signed.url) as answer:
        assert answer.read() == b"content"


def test_a_missing_bucket_and_a_wrong_region_are_told(
    repository: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match="NoSuchBucket"):
        get_artifact_repository(f"oss://nobody-{secrets.token_hex(8)}/a").list_artifacts()
    monkeypatch.setenv("MLFLOW_OSS_REGION", "xx-nowhere-1")
    with pytest.raises(MlflowException, match="region"):
        get_artifact_repository(repository.artifact_uri).list_artifacts()
