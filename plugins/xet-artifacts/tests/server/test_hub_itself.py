"""The Hub itself: run where HF_TOKEN and MLFLOW_XET_TEST_REPO name a repository to write to.

    HF_TOKEN=hf_… MLFLOW_XET_TEST_REPO=owner/repo MLFLOW_XET_TEST_BUCKET=owner/bucket \\
        pytest plugins/xet-artifacts/tests/server/test_hub_itself.py

Everything happens on a branch of its own, which is deleted afterwards.
"""

from __future__ import annotations

import os
import secrets
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow_xet_artifacts.repository import XetHubRepository

# Read while the test is collected: the fixtures take the machine's settings away.
_TOKEN = os.environ.get("HF_TOKEN", "")
_REPO = os.environ.get("MLFLOW_XET_TEST_REPO", "")
_BUCKET = os.environ.get("MLFLOW_XET_TEST_BUCKET", "")

pytestmark = [
    pytest.mark.server,
    pytest.mark.enable_socket,
    pytest.mark.skipif(
        not (_TOKEN and _REPO), reason="HF_TOKEN and MLFLOW_XET_TEST_REPO name no repository"
    ),
]


@pytest.fixture(params=["repository", "bucket"])
def repository(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[XetHubRepository]:
    from huggingface_hub import HfApi
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    monkeypatch.setenv("HF_TOKEN", _TOKEN)
    word = f"mlflow-test-{secrets.token_hex(6)}"
    if request.param == "bucket":
        if not _BUCKET:
            pytest.skip("MLFLOW_XET_TEST_BUCKET names no bucket")
        found = get_artifact_repository(f"xet://{_BUCKET}/{word}/1/4f0c/artifacts?repo_type=bucket")
        yield found
        found.delete_artifacts()
        return
    yield get_artifact_repository(f"xet://{_REPO}/{word}%2Fa/1/4f0c/artifacts")
    HfApi(token=_TOKEN).delete_branch(_REPO, branch=f"{word}/a")


def test_a_folder_goes_there_and_comes_back(repository: XetHubRepository, tmp_path: Path) -> None:
    folder, fetched = tmp_path / "model", tmp_path / "fetched"
    (folder / "data").mkdir(parents=True)
    fetched.mkdir()
    files = {
        "MLmodel": b"flavors: {}",
        "empty": b"",
        "data/weights.bin": os.urandom(3_000_000),
        "data/é+ %.txt": "text é".encode(),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)

    repository.log_artifacts(str(folder))
    listed = {info.path: info.file_size for info in repository.list_artifacts("data")}
    repository.download_artifacts("", str(fetched))
    link = repository.get_download_presigned_url("data/weights.bin")
    with urllib.request.urlopen(link.url, timeout=60) as answer:
        by_link = answer.read()
    part = repository._store.get_range("data/weights.bin", 1_000_000, 10)
    repository.delete_artifacts("data")

    assert listed == {"data/weights.bin": 3_000_000, "data/é+ %.txt": 7}
    assert {name: (fetched / name).read_bytes() for name in files} == files
    assert by_link == files["data/weights.bin"]
    assert part == files["data/weights.bin"][1_000_000:1_000_010]
    assert [info.path for info in repository.list_artifacts()] == ["MLmodel", "empty"]
