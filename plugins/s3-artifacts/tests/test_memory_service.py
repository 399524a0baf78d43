"""The plugin on a service in memory: keys that the real servers cannot keep, and odd answers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from mlflow.exceptions import MlflowException

from mlflow_s3_artifacts.cli import cli

if TYPE_CHECKING:
    from mlflow_s3_artifacts.repository import S3ArtifactsRepository

pytestmark = pytest.mark.enable_socket

_MEBIBYTE = 1 << 20
_ODD = ["a//b", "end/", "tab\tkey", "\x01"]


@pytest.fixture
def location(service: Any) -> str:
    return f"s3+http://127.0.0.1:{service.port}/bucket/run"


@pytest.mark.parametrize("fast", ["true", "false"])
def test_a_folder_goes_there_and_back(
    fast: str,
    memory: Any,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
    tmp_path: Path,
) -> None:
    repository = open_repository(f"{location}?part_size=5242880&fast={fast}")
    memory.page = 3
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "large").write_bytes(os.urandom(11 * _MEBIBYTE))
    (source / "empty").touch()
    for number in range(7):
        (source / "deep" / str(number)).write_bytes(bytes(number))

    repository.log_artifacts(str(source), "m")
    fetched = Path(repository.download_artifacts("m", str(tmp_path)))

    for path in source.rglob("*"):
        if path.is_file():
            assert (fetched / path.relative_to(source)).read_bytes() == path.read_bytes()
    assert memory.objects["run/m/large"][1].endswith("-3")
    assert repository._store.get_range("m/large", 3, 5) == (source / "large").read_bytes()[3:8]
    repository.delete_artifacts("m/empty")
    repository.delete_artifacts()
    assert memory.objects == {}


def test_keys_that_are_no_paths_are_left_out_and_deleted_with_their_folder(
    memory: Any, location: str, open_repository: Callable[[str], S3ArtifactsRepository]
) -> None:
    repository = open_repository(location)
    for key in ["run/m/plain", *(f"run/m/{odd}" for odd in _ODD)]:
        repository._store.client.delete(key)
        memory.objects[key] = (b"x", "9dd4e461268c8034f5c8564e155c67a6", 0)

    # A console's marker and the first part of `a//b` are folders.
    assert [info.path for info in repository.list_artifacts("m")] == ["m/a", "m/end", "m/plain"]
    repository.delete_artifacts("m")

    assert memory.objects == {}


def test_objects_with_odd_keys_are_read_and_written_by_boto3(
    memory: Any, location: str, open_repository: Callable[[str], S3ArtifactsRepository]
) -> None:
    from mlflow_plugin_core.objects.bodies import HeldBody

    client = open_repository(location)._store.client
    for key in _ODD:
        client.put(key, HeldBody(b"content"))

        assert memory.objects[key][0] == b"content"
        info = client.head(key)
        assert info is not None
        with client.read(info, 0, 7) as chunks:
            assert b"".join(chunks) == b"content"


def test_a_service_without_batches_deletes_one_by_one(
    memory: Any, location: str, open_repository: Callable[[str], S3ArtifactsRepository]
) -> None:
    memory.batches = False
    for number in range(5):
        memory.objects[f"run/m/{number}"] = (b"", "d41d8cd98f00b204e9800998ecf8427e", 0)

    open_repository(location).delete_artifacts("m")

    assert memory.objects == {}


def test_the_batch_is_sent_with_an_md5_and_without_a_crc(
    service: Any,
    memory: Any,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
) -> None:
    memory.objects["run/a/b"] = (b"", "d41d8cd98f00b204e9800998ecf8427e", 0)

    open_repository(location).delete_artifacts("a")

    (batch,) = [asked for asked in service.asked if "?delete" in asked.path]
    names = {name.lower() for name in batch.headers}
    assert "content-md5" in names
    assert not [name for name in names if name.startswith("x-amz-checksum")]


def test_check_and_clean_work_on_it(memory: Any, location: str) -> None:
    memory.uploads["left"] = ("run/left", {1: b"x"})

    checked = CliRunner().invoke(cli, ["check", location])
    cleaned = CliRunner().invoke(cli, ["clean", location])

    assert "FAILED" not in checked.output, checked.output
    assert checked.exit_code == 0
    assert "1 unfinished uploads given up" in cleaned.output
    assert (memory.objects, memory.uploads) == ({}, {})


def test_a_missing_bucket_and_a_missing_object_are_told_apart(
    location: str, open_repository: Callable[[str], S3ArtifactsRepository]
) -> None:
    with pytest.raises(MlflowException, match="No such artifact") as caught:
        open_repository(location).download_artifacts("nothing")
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"

    other = open_repository(location.replace("/bucket/", "/other/"))
    with pytest.raises(MlflowException, match="create the bucket 'other'"):
        other.download_artifacts("nothing")


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("RequestTimeTooSkewed", 403, "set this machine's clock"),
        ("PermanentRedirect", 301, "add the right region="),
        ("ServiceUnavailable", 503, "try again later"),
        ("400", 400, "is this an S3 service"),
        ("", 400, "is this an S3 service"),
        ("Odd", 400, "Odd: told by the test."),
        ("Odd", 404, "Odd"),
        ("Odd", 401, "check the credentials"),
        ("Odd", 418, "Odd"),
    ],
)
def test_what_the_service_says_is_told(
    code: str,
    status: int,
    words: str,
    service: Any,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
) -> None:
    from front import Answer

    service.rule = lambda _asked: Answer(status, code)

    with pytest.raises(MlflowException) as caught:
        open_repository(f"{location}?retry_timeout=0").list_artifacts()
    assert words in caught.value.message


def test_nobody_at_the_port_and_no_tls_are_told(
    location: str, open_repository: Callable[[str], S3ArtifactsRepository], tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"1")
    absent = open_repository("s3+http://127.0.0.1:1/bucket/a?retry_timeout=0")
    with pytest.raises(MlflowException, match="127.0.0.1:1 is the service"):
        absent.log_artifact(str(tmp_path / "file"))

    tls = open_repository(location.replace("s3+http", "s3+https"))
    with pytest.raises(MlflowException, match="does not speak TLS|port speaks TLS"):
        tls.list_artifacts()


def test_a_bucket_that_encrypts_by_itself_is_found_out(
    memory: Any,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
    tmp_path: Path,
) -> None:
    memory.encrypts = True
    (tmp_path / "file").write_bytes(b"content")
    memory.objects["run/old"] = (b"old", "0" * 32, 0)

    fetched = open_repository(location).download_artifacts("old")
    repository = open_repository(location)
    repository.log_artifact(str(tmp_path / "file"))

    assert Path(fetched).read_bytes() == b"old"
    assert Path(repository.download_artifacts("file")).read_bytes() == b"content"
    assert repository._store.client._requests.connection.hides_md5


@pytest.mark.parametrize("fast", ["true", "false"])
def test_credentials_that_ended_are_read_anew_once(
    fast: str,
    service: Any,
    memory: Any,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    from front import Answer

    (tmp_path / "file").write_bytes(b"content")
    repository = open_repository(f"{location}?fast={fast}")

    def ended(asked: Any) -> Any:
        headers = {name.lower(): value for name, value in asked.headers.items()}
        if "Credential=key/" in headers["authorization"]:
            return Answer(400, "ExpiredToken")
        return memory(asked)

    service.rule = ended
    with pytest.raises(MlflowException, match="new temporary credentials"):
        repository.log_artifact(str(tmp_path / "file"))

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
    repository.log_artifact(str(tmp_path / "file"))
    assert memory.objects["run/file"][0] == b"content"


def test_an_answer_with_another_etag_is_not_believed(
    service: Any,
    memory: Any,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
    tmp_path: Path,
) -> None:
    from memory_s3 import Told

    (tmp_path / "file").write_bytes(b"content")

    def lie(asked: Any) -> Any:
        told = memory(asked)
        is_put = asked.method == "PUT"
        return Told(200, b"", {"ETag": f'"{"0" * 32}"'}) if is_put else told

    service.rule = lie
    for fast in ("true", "false"):
        repository = open_repository(f"{location}?retry_timeout=0&fast={fast}")
        with pytest.raises(MlflowException, match="was sent"):
            repository.log_artifact(str(tmp_path / "file"))
