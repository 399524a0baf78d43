"""A bucket of the real `oss` server behind MLflow's locations, and a process without leftovers."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlflow_plugin_servers.oss_server import Bucket, OssServer

_FOREIGN = ("MLFLOW_OSS_", "_MLFLOW_SERVER_", "OSS_", "ALIBABA_CLOUD_")


@pytest.fixture(autouse=True)
def _fresh_process_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No setting of the machine leaks into a test, no connection out of one."""
    for name in list(os.environ):
        if name.startswith(_FOREIGN) and not name.startswith("MLFLOW_OSS_TEST_"):
            monkeypatch.delenv(name)
    # Credentials files of the person who runs the tests are not looked at.
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    yield
    from mlflow_oss_artifacts import opening

    opening.forget_clients()


@pytest.fixture(params=["v2", "oss2"])
def sdk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each SDK in turn."""
    monkeypatch.setenv("MLFLOW_OSS_SDK", request.param)
    return str(request.param)


@pytest.fixture
def bucket(oss_bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A bucket, and the environment as MLflow's page sets it."""
    for name, value in page_environment(oss_bucket).items():
        monkeypatch.setenv(name, value)
    return oss_bucket


def page_environment(bucket: Bucket) -> dict[str, str]:
    """Return the three variables of MLflow's page."""
    return {
        "MLFLOW_OSS_ENDPOINT_URL": bucket.endpoint,
        "MLFLOW_OSS_KEY_ID": bucket.key_id,
        "MLFLOW_OSS_KEY_SECRET": bucket.key_secret,
    }


@pytest.fixture
def own(
    private_oss_server: OssServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[OssServer, Bucket, str]]:
    """A server of the test's own, a bucket on it, and a location there, set as MLflow's page does."""
    with private_oss_server.fresh_bucket() as bucket:
        for name, value in page_environment(bucket).items():
            monkeypatch.setenv(name, value)
        private_oss_server.requests()
        yield private_oss_server, bucket, f"oss://{bucket.name}/team/1/run/artifacts"


@pytest.fixture(scope="session", autouse=True)
def _heed_interrupts() -> Iterator[None]:
    """Have Ctrl-C mean what it means in a terminal: a shell's background job ignores it from birth."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
