"""The client against the real service, which for the template is a folder of this machine.

Start yours with a fixture of mlflow-plugin-servers, and name it in `servers` in pyproject.toml.
"""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from mlflow_oss_artifacts.client import Entry, OssArtifactsClient

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]


def test_what_was_written_is_listed_read_and_removed(tmp_path: Path) -> None:
    client = OssArtifactsClient(tmp_path)

    client.write("a/b", io.BytesIO(b"content"))

    assert client.children("a") == [Entry("a/b", 7)]
    assert client.read_range("a/b", 3, 100) == b"tent"
    client.remove("a/b")
    assert client.find("a/b") is None


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MlflowException, match="There is no artifact 'a/b'") as caught:
        OssArtifactsClient(tmp_path).read_range("a/b", 0, 1)

    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"
