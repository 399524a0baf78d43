"""Every server the plugin runs on, behind one fixture: `location`; and a clean process for each test."""

from __future__ import annotations

import os
import secrets
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from mlflow_plugin_servers.s3_server import S3Bucket
    from mlflow_s3_artifacts.repository import S3ArtifactsRepository

# The helpers beside this file are modules of the tests, not of a package.
sys.path.insert(0, str(Path(__file__).parent))

SERVERS = [
    pytest.param("s3", id="seaweedfs"),
    pytest.param("minio", id="minio"),
]
_OURS = ("MLFLOW_S3_ARTIFACTS_", "_MLFLOW_SERVER_", "AWS_", "MLFLOW_ALLOWED_HOST")


@pytest.fixture(autouse=True)
def _fresh_process_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No setting of the machine leaks into a test, no connection out of one."""
    for name in list(os.environ):
        if name.startswith(_OURS):
            monkeypatch.delenv(name)
    # No credentials but those of the test: not the user's files, and not the machine's own.
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-aws-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    yield
    from mlflow_s3_artifacts.client_connection import forget_connections

    forget_connections()


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> Callable[[S3Bucket], None]:
    """Put a bucket's keys where boto3 looks for them."""

    def put(bucket: S3Bucket) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", bucket.access.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", bucket.access.secret_key)
        if bucket.access.ca_file:
            monkeypatch.setenv("AWS_CA_BUNDLE", str(bucket.access.ca_file))

    return put


@pytest.fixture(params=SERVERS)
def bucket(request: pytest.FixtureRequest, credentials: Callable[[S3Bucket], None]) -> S3Bucket:
    """An empty bucket, on each server in turn, whose keys are in the environment."""
    found = cast("S3Bucket", request.getfixturevalue(f"{request.param}_bucket"))
    credentials(found)
    return found


@pytest.fixture
def location(bucket: S3Bucket) -> str:
    """The artifact location of one run in that bucket."""
    return f"s3+{bucket.endpoint}/{bucket.name}/7/{secrets.token_hex(8)}/artifacts"


@pytest.fixture
def boto3_client(bucket: S3Bucket) -> Any:
    """The side door: boto3 with nothing of the plugin."""
    import boto3

    return boto3.client("s3", **bucket.client_options)


@pytest.fixture
def open_repository() -> Callable[[str], S3ArtifactsRepository]:
    """What MLflow does to get a repository."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return cast("Callable[[str], S3ArtifactsRepository]", get_artifact_repository)


@pytest.fixture
def repository(
    location: str, open_repository: Callable[[str], S3ArtifactsRepository]
) -> S3ArtifactsRepository:
    """A repository for one run."""
    return open_repository(location)


@pytest.fixture
def write_file(tmp_path: Path) -> Callable[..., Path]:
    """Make a local file."""

    def write(name: str, content: bytes = b"content", folder: str = "local") -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def front() -> Iterator[Callable[[int], Any]]:
    """Put an HTTP server with faults before a port."""
    import contextlib

    from front import Front

    with contextlib.ExitStack() as stack:
        yield lambda port: stack.enter_context(Front(port))


@pytest.fixture
def boto3_for() -> Callable[[S3Bucket], Any]:
    """The side door to any bucket."""
    import boto3

    return lambda bucket: boto3.client("s3", **bucket.client_options)


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A service in memory, with credentials for it."""
    from memory_s3 import MemoryS3

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return MemoryS3()


@pytest.fixture
def service(memory: Any, front: Any) -> Any:
    """The HTTP server that speaks for it."""
    found = front(0)
    found.rule = memory
    return found


@pytest.fixture(scope="session", autouse=True)
def _heed_interrupts() -> Iterator[None]:
    """Have Ctrl-C mean what it means in a terminal: a shell's background job ignores it from birth."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
