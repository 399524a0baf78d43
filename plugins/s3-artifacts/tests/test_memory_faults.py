"""The plugin on a service in memory where objects change, go, or are folders too, and clients fail."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mlflow.exceptions import MlflowException

if TYPE_CHECKING:
    from mlflow_s3_artifacts.repository import S3ArtifactsRepository

pytestmark = pytest.mark.enable_socket

_MEBIBYTE = 1 << 20


@pytest.fixture
def location(service: Any) -> str:
    return f"s3+http://127.0.0.1:{service.port}/bucket/run"


@pytest.mark.parametrize(
    ("query", "size"), [("fast=true", 20_000), ("fast=false", 20_000), ("fast=true", 11 << 20)]
)
def test_an_object_that_changes_while_it_is_fetched_comes_as_it_is_then(
    query: str,
    size: int,
    memory: Any,
    service: Any,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_bytes(os.urandom(size))
    repository = open_repository(f"{location}?part_size=5242880&workers=2&{query}")
    repository.log_artifact(str(tmp_path / "file"))
    new = os.urandom(size)
    reads: list[Any] = []

    def replace(asked: Any) -> Any:
        if asked.method == "GET" and asked.path.startswith("/bucket/run/file"):
            reads.append(asked)
            if len(reads) == 1:
                memory.objects["run/file"] = (new, hashlib.md5(new).hexdigest(), 0)  # noqa: S324
        return memory(asked)

    service.rule = replace
    fetched = repository.download_artifacts("file", str(_folder(tmp_path, "out")))

    assert Path(fetched).read_bytes() == new
    assert len(reads) > 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["file"]


def test_an_object_that_is_also_a_folder_is_listed_as_both_and_each_comes_alone(
    memory: Any,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
    tmp_path: Path,
) -> None:
    repository = open_repository(location)
    for name in ("a", "a/b"):
        data = name.encode()
        memory.objects[f"run/{name}"] = (data, hashlib.md5(data).hexdigest(), 0)  # noqa: S324

    listed = sorted((info.path, info.is_dir) for info in repository.list_artifacts())

    assert listed == [("a", False), ("a", True)]
    assert [info.path for info in repository.list_artifacts("a")] == ["a/b"]
    assert Path(repository.download_artifacts("a")).read_bytes() == b"a"
    assert Path(repository.download_artifacts("a/b")).read_bytes() == b"a/b"
    with pytest.raises(MlflowException, match="can be no file and folder here at once"):
        repository.download_artifacts("", str(_folder(tmp_path, "out")))
    repository.delete_artifacts()
    assert memory.objects == {}


def test_objects_that_are_deleted_during_a_listing_are_left_out_or_named(
    memory: Any,
    service: Any,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
) -> None:
    repository = open_repository(location)
    memory.page = 2
    for number in range(6):
        memory.objects[f"run/{number}"] = (b"1", hashlib.md5(b"1").hexdigest(), 0)  # noqa: S324

    def delete(asked: Any) -> Any:
        told = memory(asked)
        memory.objects.pop("run/1", None)
        memory.objects.pop("run/3", None)
        return told

    service.rule = delete
    assert [info.path for info in repository.list_artifacts()] == ["0", "1", "2", "4", "5"]
    repository.delete_artifacts()
    assert memory.objects == {}


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_listing_that_goes_on_nobody_knows_where_is_an_error(
    is_folder: bool,
    memory: Any,
    service: Any,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
) -> None:
    memory.page = 2
    for number in range(6):
        memory.objects[f"run/{number}"] = (b"1", hashlib.md5(b"1").hexdigest(), 0)  # noqa: S324

    def forget(asked: Any) -> Any:
        told = memory(asked)
        told.body = re.sub(rb"<NextContinuationToken>.*</NextContinuationToken>", b"", told.body)
        return told

    service.rule = forget
    repository = open_repository(location)
    with pytest.raises(MlflowException, match="there is more, and not where") as caught:
        repository.list_artifacts() if is_folder else repository.delete_artifacts()

    assert caught.value.error_code == "INTERNAL_ERROR"
    assert len(memory.objects) == 6


@pytest.mark.parametrize("as_stream", [False, True])
def test_a_file_that_ends_with_a_part_has_no_empty_part_behind_it(
    as_stream: bool,
    memory: Any,
    service: Any,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
    tmp_path: Path,
) -> None:
    content = os.urandom(10 * _MEBIBYTE)
    (tmp_path / "file").write_bytes(content)
    repository = open_repository(f"{location}?part_size=5242880")

    if as_stream:
        with (tmp_path / "file").open("rb") as stream:
            repository._store.put_stream(stream, "file")
    else:
        repository.log_artifact(str(tmp_path / "file"))

    sizes = [len(asked.body) for asked in service.asked if "partNumber=" in asked.path]
    assert sizes == [5 * _MEBIBYTE] * 2
    assert memory.objects["run/file"][0] == content


@pytest.mark.parametrize("boto3_too", [True, False])
def test_obstore_is_given_up_only_where_boto3_gets_the_answer_that_it_does_not(
    boto3_too: bool,
    memory: Any,
    service: Any,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_bytes(b"content")
    repository = open_repository(f"{location}?retry_timeout=0")

    def hang_up(asked: Any) -> Any:
        headers = {name.lower(): value for name, value in asked.headers.items()}
        if boto3_too or "mlflow-s3-artifacts" not in headers.get("user-agent", ""):
            raise ConnectionAbortedError
        return memory(asked)

    service.rule = hang_up
    for _ in range(4):
        if boto3_too:
            with pytest.raises(MlflowException):
                repository.log_artifact(str(tmp_path / "file"))
        else:
            repository.log_artifact(str(tmp_path / "file"))
    service.rule = memory
    repository.log_artifact(str(tmp_path / "file"))

    connection = repository._store.client._requests.connection
    assert (connection.fast(repository._store.target) is not None) is boto3_too
    assert memory.objects["run/file"][0] == b"content"


def _folder(parent: Path, name: str) -> Path:
    found = parent / name
    found.mkdir()
    return found
