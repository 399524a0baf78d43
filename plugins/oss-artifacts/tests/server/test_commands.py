"""The commands: check says what works and what to fix, copy copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from mlflow.exceptions import MlflowException

from mlflow_oss_artifacts.cli import cli

if TYPE_CHECKING:
    from pathlib import Path

    from mlflow_plugin_servers.oss_server import Bucket, OssServer

    Own = tuple[OssServer, Bucket, str]

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]


def test_check_tries_every_right_and_leaves_nothing(own: Own, sdk: str) -> None:
    server, bucket, location = own

    done = CliRunner().invoke(cli, ["check", location])

    assert done.exit_code == 0, done.output
    assert "FAILED" not in done.output
    asked = {each["method"] for each in server.requests() if each["bucket"] == bucket.name}
    assert {"GET", "PUT", "DELETE"} <= asked
    from mlflow_oss_artifacts.opening import open_store

    store = open_store(f"oss://{bucket.name}")
    assert list(store.list_all("")) == []
    assert store.pending_uploads() == []
    assert sdk


def test_check_names_the_right_that_is_missing_and_tries_the_others(own: Own) -> None:
    server, _, location = own
    server.fail(403, times=1000, method="DELETE")

    done = CliRunner().invoke(cli, ["check", location])

    assert done.exit_code == 1
    assert "AccessDenied" in done.output
    assert "request id" in done.output
    assert "ok " in done.output


def test_check_tells_a_clock_that_is_off(own: Own) -> None:
    server, _, location = own
    server.set_clock(1200)

    done = CliRunner().invoke(cli, ["check", location])

    assert done.exit_code == 1
    assert "clock" in done.output


def test_copy_brings_a_folder_into_the_bucket_and_back(own: Own, tmp_path: Path) -> None:
    _, _, location = own
    (tmp_path / "from" / "deep").mkdir(parents=True)
    (tmp_path / "from" / "deep" / "file").write_text("content")
    journal = str(tmp_path / "journal")

    for source, target in ((str(tmp_path / "from"), location), (location, str(tmp_path / "to"))):
        done = CliRunner().invoke(cli, ["copy", source, target, "--journal", journal + target[-2:]])
        assert done.exit_code == 0, f"{done.output} {done.exception}"

    assert (tmp_path / "to" / "deep" / "file").read_text() == "content"


def test_a_location_that_cannot_be_is_one_sentence() -> None:
    done = CliRunner().invoke(cli, ["check", "oss://ab/path"])

    assert done.exit_code == 1
    assert isinstance(done.exception, (MlflowException, SystemExit))
