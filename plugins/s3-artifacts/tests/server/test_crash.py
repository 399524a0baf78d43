"""Killed in mid-upload: nothing is visible, and the next attempt sends only what is missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mlflow_plugin_servers.s3_server import S3Bucket
    from mlflow_s3_artifacts.repository import S3ArtifactsRepository

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

_MEBIBYTE = 1 << 20
_UPLOAD = """
import sys
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
get_artifact_repository(sys.argv[1]).log_artifact(sys.argv[2])
"""


def _parts(front: Any) -> list[str]:
    return [asked.path for asked in front.asked if "partNumber=" in asked.path]


def test_a_killed_upload_goes_on_with_the_parts_that_are_missing(
    bucket: S3Bucket,
    front: Any,
    open_repository: Callable[[str], S3ArtifactsRepository],
    write_file: Any,
) -> None:
    before = front(int(bucket.endpoint.rpartition(":")[2]))
    location = f"s3+http://127.0.0.1:{before.port}/{bucket.name}/run?part_size=5242880&workers=1"
    content = os.urandom(40 * _MEBIBYTE)
    source = write_file("large", content)
    held: list[str] = []

    def stop_at_the_fifth(asked: Any) -> None:
        if "partNumber=5" in asked.path:
            held.append(asked.path)
            while child.poll() is None:  # it is never answered: the killed process hears nothing
                time.sleep(0.01)

    before.rule = stop_at_the_fifth
    child = subprocess.Popen([sys.executable, "-c", _UPLOAD, location, str(source)])
    while not held and child.poll() is None:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert held
    before.rule = lambda _asked: None
    repository = open_repository(location)
    assert repository.list_artifacts() == []
    assert len(repository._store.pending_uploads()) == 1
    before.asked.clear()

    repository.log_artifact(str(source))

    sent = _parts(before)
    assert 3 <= len(sent) <= 4
    assert not [path for path in sent for number in (1, 2, 3, 4) if f"partNumber={number}&" in path]
    assert Path(repository.download_artifacts("large")).read_bytes() == content
    assert repository._store.pending_uploads() == []


def test_ctrl_c_leaves_no_upload_and_no_thread(
    s3_bucket: S3Bucket,
    credentials: Any,
    front: Any,
    open_repository: Callable[[str], S3ArtifactsRepository],
    write_file: Any,
) -> None:
    credentials(s3_bucket)
    before = front(int(s3_bucket.endpoint.rpartition(":")[2]))
    location = f"s3+http://127.0.0.1:{before.port}/{s3_bucket.name}/run?part_size=5242880"
    source = write_file("large", os.urandom(40 * _MEBIBYTE))
    third: list[str] = []

    def slowly(asked: Any) -> None:
        if "partNumber=3" in asked.path:
            third.append(asked.path)
            time.sleep(0.5)

    before.rule = slowly
    child = subprocess.Popen(
        [sys.executable, "-c", _UPLOAD, location, str(source)], stderr=subprocess.PIPE
    )
    while not third and child.poll() is None:
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=60)

    assert child.returncode != 0
    assert b"KeyboardInterrupt" in told
    repository = open_repository(location)
    assert repository.list_artifacts() == []
    assert repository._store.pending_uploads() == []


def test_clean_removes_what_a_killed_upload_left(
    s3_bucket: S3Bucket,
    credentials: Any,
    boto3_for: Callable[[S3Bucket], Any],
) -> None:
    from click.testing import CliRunner

    from mlflow_s3_artifacts.cli import cli

    credentials(s3_bucket)
    client = boto3_for(s3_bucket)
    for key in ("run/a/large", "other/large"):
        client.create_multipart_upload(Bucket=s3_bucket.name, Key=key)
    location = f"s3+{s3_bucket.endpoint}/{s3_bucket.name}/run"

    young = CliRunner().invoke(cli, ["clean", location])
    listed = CliRunner().invoke(cli, ["clean", location, "--older-than", "0", "--dry-run"])
    cleaned = CliRunner().invoke(cli, ["clean", location, "--older-than", "0"])

    assert "0 unfinished uploads" in young.output
    assert "run/a/large" in listed.output
    assert "1 unfinished uploads given up" in cleaned.output
    left = client.list_multipart_uploads(Bucket=s3_bucket.name).get("Uploads", [])
    assert [upload["Key"] for upload in left] == ["other/large"]


def test_check_tells_each_step_and_what_to_fix(
    bucket: S3Bucket, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from mlflow_s3_artifacts.cli import cli
    from mlflow_s3_artifacts.client_connection import forget_connections

    right = CliRunner().invoke(cli, ["check", location])
    assert right.exit_code == 0, right.output
    assert "FAILED" not in right.output
    assert "clock" in right.output

    forget_connections()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")
    wrong = CliRunner().invoke(cli, ["check", location])
    assert wrong.exit_code == 1
    assert "check the secret key" in wrong.output
    assert "wrong-secret" not in wrong.output
