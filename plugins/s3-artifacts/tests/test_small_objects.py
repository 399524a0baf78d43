"""Which client a small object goes by, and whose answer is believed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from front import Answer
from memory_s3 import Told
from mlflow.exceptions import MlflowException

if TYPE_CHECKING:
    from mlflow_s3_artifacts.repository import S3ArtifactsRepository

pytestmark = pytest.mark.enable_socket

_MEBIBYTE = 1 << 20


@pytest.fixture
def location(service: Any) -> str:
    return f"s3+http://127.0.0.1:{service.port}/bucket/run?retry_timeout=0"


def _is_by_boto3(asked: Any) -> bool:
    headers = {name.lower(): value for name, value in asked.headers.items()}
    return "mlflow-s3-artifacts" in headers.get("user-agent", "")


def _has_md5(asked: Any) -> bool:
    return "content-md5" in {name.lower() for name in asked.headers}


def _ways(service: Any) -> list[tuple[str, str]]:
    return [
        (asked.method, "boto3" if _is_by_boto3(asked) else "obstore") for asked in service.asked
    ]


def test_a_bucket_that_encrypts_by_itself_takes_uploads_of_who_may_only_put(
    memory: Any,
    service: Any,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_bytes(b"content")
    memory.encrypts = True
    service.rule = lambda asked: (
        memory(asked) if asked.method == "PUT" else Answer(403, "AccessDenied")
    )
    repository = open_repository(location)

    for _ in range(3):
        repository.log_artifact(str(tmp_path / "file"))

    assert memory.objects["run/file"][0] == b"content"
    assert _ways(service) == [
        ("PUT", "obstore"),
        ("PUT", "boto3"),
        ("PUT", "obstore"),
        ("PUT", "obstore"),
    ]


@pytest.mark.parametrize("with_md5_too", [True, False])
def test_an_etag_that_the_service_made_up_does_not_fail_what_was_stored(
    with_md5_too: bool,
    memory: Any,
    service: Any,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_bytes(b"content")

    def make_up(asked: Any) -> Any:
        told = memory(asked)
        if asked.method == "PUT" and (with_md5_too or not _has_md5(asked)):
            told.headers["ETag"] = f'"{"a" * 32}-1"'
        return told

    service.rule = make_up
    repository = open_repository(location)
    repository.log_artifact(str(tmp_path / "file"))
    repository.log_artifact(str(tmp_path / "file"))

    assert memory.objects["run/file"][0] == b"content"
    assert _ways(service) == [("PUT", "obstore"), ("PUT", "boto3"), ("PUT", "boto3")]


def test_a_bucket_with_retention_gets_its_objects_with_an_md5(
    memory: Any,
    service: Any,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_bytes(b"content")
    service.rule = lambda asked: (
        Answer(400, "InvalidRequest")
        if asked.method == "PUT" and not _has_md5(asked)
        else memory(asked)
    )
    repository = open_repository(location)
    repository.log_artifact(str(tmp_path / "file"))
    repository.log_artifact(str(tmp_path / "file"))

    assert memory.objects["run/file"][0] == b"content"
    assert _ways(service) == [("PUT", "obstore"), ("PUT", "boto3"), ("PUT", "boto3")]


def test_obstore_stays_in_use_where_boto3s_request_is_invalid_too(
    memory: Any,
    service: Any,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_bytes(b"content")
    service.rule = lambda _asked: Answer(400, "InvalidRequest")
    repository = open_repository(location)
    with pytest.raises(MlflowException, match="InvalidRequest"):
        repository.log_artifact(str(tmp_path / "file"))

    service.rule = memory
    repository.log_artifact(str(tmp_path / "file"))

    assert _ways(service)[-1] == ("PUT", "obstore")


@pytest.mark.parametrize(
    ("size", "client"), [(4 * _MEBIBYTE, "obstore"), (4 * _MEBIBYTE + 1, "boto3")]
)
def test_an_object_is_fetched_whole_only_where_each_worker_may_hold_one(
    size: int,
    client: str,
    memory: Any,
    service: Any,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_bytes(os.urandom(size))
    repository = open_repository(f"{location}&workers=16&memory={64 * _MEBIBYTE}")
    repository.log_artifact(str(tmp_path / "file"))

    fetched = repository.download_artifacts("file")

    assert Path(fetched).read_bytes() == memory.objects["run/file"][0]
    read = [asked for asked in service.asked if asked.path.startswith("/bucket/run/file")]
    assert read[-1].method == "GET"
    assert _is_by_boto3(read[-1]) is (client == "boto3")


@pytest.mark.parametrize("content", [b"content", b"", None])
def test_a_description_is_asked_for_again_by_credentials_that_were_renewed(
    content: bytes | None,
    memory: Any,
    service: Any,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if content is not None:
        memory.objects["run/file"] = (content, "0" * 32, 0)
    repository = open_repository(location)

    def ended(asked: Any) -> Any:
        headers = {name.lower(): value for name, value in asked.headers.items()}
        if "Credential=key/" in headers["authorization"]:
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
            return Answer(400, "ExpiredToken")
        if asked.method == "GET" and content == b"":
            return Answer(416, "InvalidRange")
        return memory(asked)

    service.rule = ended
    found = repository._store.head("file")

    assert (found.size if found else None) == (None if content is None else len(content))
    assert service.asked[-1].method == "HEAD"


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidAccessKeyId", "InvalidToken"])
@pytest.mark.parametrize("fast", ["true", "false"])
def test_keys_that_are_unknown_meanwhile_are_read_anew(
    fast: str,
    code: str,
    memory: Any,
    service: Any,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_bytes(b"content")

    def ended(asked: Any) -> Any:
        headers = {name.lower(): value for name, value in asked.headers.items()}
        if "Credential=key/" in headers["authorization"]:
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
            return Answer(403, code)
        return memory(asked)

    service.rule = ended
    open_repository(f"{location}&fast={fast}").log_artifact(str(tmp_path / "file"))

    assert memory.objects["run/file"][0] == b"content"


def test_an_object_in_an_archive_says_so(
    service: Any, location: str, open_repository: Callable[[str], S3ArtifactsRepository]
) -> None:
    service.rule = lambda asked: (
        Told(200, b"", {"ETag": f'"{"0" * 32}"', "Content-Length": "1"})
        if asked.method == "HEAD"
        else Answer(403, "InvalidObjectState")
    )

    with pytest.raises(MlflowException, match="restore it first") as caught:
        open_repository(location)._store.get_range("file", 0, 1)
    assert caught.value.error_code == "BAD_REQUEST"
