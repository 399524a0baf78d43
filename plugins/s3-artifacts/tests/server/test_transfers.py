"""Files of all sizes and names, on the real servers, looked at with boto3 alone."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

if TYPE_CHECKING:
    from mlflow_plugin_servers.s3_server import S3Bucket
    from mlflow_s3_artifacts.repository import S3ArtifactsRepository

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

_MEBIBYTE = 1 << 20
_ODD_NAMES = [
    "a b",
    "a%20b",
    "ü",
    "a\u0301",
    "\U0001f600",
    "a:b?#*",
    "a+b&c=d",
    "{x}[y]^`|~",
    "'\"<>",
    " lead",
    "trail ",
    "..x",
    "x..",
    "-",
    "@$!(),;",
]


def _root(bucket: S3Bucket, location: str) -> str:
    return location.partition(f"/{bucket.name}/")[2]


def test_large_and_small_files_come_back_and_have_the_digests_of_their_bytes(
    bucket: S3Bucket,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
    boto3_client: Any,
    tmp_path: Path,
) -> None:
    repository = open_repository(f"{location}?part_size=5242880")
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    large = os.urandom(12 * _MEBIBYTE + 1)
    (source / "large.bin").write_bytes(large)
    (source / "empty").write_bytes(b"")
    for number in range(40):
        (source / "deep" / f"{number}.txt").write_bytes(os.urandom(number))

    repository.log_artifacts(str(source), "model")
    fetched = Path(repository.download_artifacts("model", str(tmp_path)))

    for path in source.rglob("*"):
        if path.is_file():
            assert (fetched / path.relative_to(source)).read_bytes() == path.read_bytes()
    stored = boto3_client.head_object(
        Bucket=bucket.name, Key=f"{_root(bucket, location)}/model/large.bin"
    )
    parts = [large[start : start + 5 * _MEBIBYTE] for start in range(0, len(large), 5 * _MEBIBYTE)]
    digests = b"".join(hashlib.md5(part, usedforsecurity=False).digest() for part in parts)
    md5 = hashlib.md5(digests, usedforsecurity=False).hexdigest()
    assert stored["ETag"] == f'"{md5}-3"'
    assert stored["ContentType"] == "application/octet-stream"


def test_names_of_every_legal_odd_character_are_kept(
    bucket: S3Bucket,
    location: str,
    repository: S3ArtifactsRepository,
    boto3_client: Any,
    tmp_path: Path,
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in _ODD_NAMES:
        (source / name).write_bytes(name.encode())

    repository.log_artifacts(str(source), "odd")

    assert sorted(info.path for info in repository.list_artifacts("odd")) == sorted(
        f"odd/{name}" for name in _ODD_NAMES
    )
    for name in _ODD_NAMES:
        key = f"{_root(bucket, location)}/odd/{name}"
        found = boto3_client.get_object(Bucket=bucket.name, Key=key)
        assert found["Body"].read() == name.encode()
    fetched = Path(repository.download_artifacts("odd", str(tmp_path)))
    assert {path.name: path.read_bytes() for path in fetched.iterdir()} == {
        name: name.encode() for name in _ODD_NAMES
    }
    repository.delete_artifacts("odd")
    assert repository.list_artifacts("odd") == []


def test_a_key_of_1024_bytes_is_stored_and_one_more_is_refused_before_it_is_sent(
    bucket: S3Bucket, location: str, repository: S3ArtifactsRepository, write_file: Any
) -> None:
    from mlflow.exceptions import MlflowException

    left = 1_024 - len(_root(bucket, location)) - 1 - len("/f.txt")
    folder = "/".join(["k" * 150] * 5)
    folder += "/" + "k" * (left - len(folder) - 1)

    repository.log_artifact(str(write_file("f.txt")), folder)

    assert [info.path for info in repository.list_artifacts(folder)] == [f"{folder}/f.txt"]
    with pytest.raises(MlflowException, match="1,024"):
        repository.log_artifact(str(write_file("ff.txt")), folder)


def test_ten_thousand_and_one_entries_are_listed_and_deleted(
    repository: S3ArtifactsRepository, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(10_001):
        (source / f"{number:05}").touch()

    repository.log_artifacts(str(source), "many")

    assert len(repository.list_artifacts("many")) == 10_001
    repository.delete_artifacts("many")
    assert repository.list_artifacts("many") == []


def test_a_folder_marker_of_a_console_is_a_folder(
    bucket: S3Bucket, location: str, repository: S3ArtifactsRepository, boto3_client: Any
) -> None:
    root = _root(bucket, location)
    boto3_client.put_object(Bucket=bucket.name, Key=f"{root}/made/")
    boto3_client.put_object(Bucket=bucket.name, Key=f"{root}/made/inside", Body=b"1")

    found = [(info.path, info.is_dir) for info in repository.list_artifacts()]

    assert found == [("made", True)]
    assert [info.path for info in repository.list_artifacts("made")] == ["made/inside"]
    repository.delete_artifacts("made")
    assert repository.list_artifacts() == []


def test_two_services_with_keys_of_their_own_work_at_the_same_time(
    s3_bucket: S3Bucket,
    minio_bucket: S3Bucket,
    open_repository: Callable[[str], S3ArtifactsRepository],
    write_file: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-nobody")
    # All AWS tools read it; a location's own endpoint and region come first.
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    config = tmp_path / "aws-config"
    config.write_text(
        f"[profile team]\nregion = eu-west-1\n"
        f"aws_access_key_id = {s3_bucket.access.access_key}\n"
        f"aws_secret_access_key = {s3_bucket.access.secret_key}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    keys = f"{minio_bucket.access.access_key}:{minio_bucket.access.secret_key}"
    host = minio_bucket.endpoint.removeprefix("http://")
    first = open_repository(f"s3+{s3_bucket.endpoint}/{s3_bucket.name}/a?profile=team")
    second = open_repository(f"s3+http://{keys}@{host}/{minio_bucket.name}/b")

    for repository, name in ((first, "one"), (second, "two")):
        repository.log_artifact(str(write_file(name)))

    assert [info.path for info in first.list_artifacts()] == ["one"]
    assert [info.path for info in second.list_artifacts()] == ["two"]


def test_keys_in_a_location_are_warned_about_once_and_not_shown(
    s3_bucket: S3Bucket,
    open_repository: Callable[[str], S3ArtifactsRepository],
    caplog: pytest.LogCaptureFixture,
) -> None:
    from mlflow_plugin_core import notices

    notices._said.clear()
    keys = f"{s3_bucket.access.access_key}:{s3_bucket.access.secret_key}"
    host = s3_bucket.endpoint.removeprefix("http://")

    with caplog.at_level(logging.DEBUG, "mlflow_s3_artifacts"):
        for _ in range(2):
            repository = open_repository(f"s3+http://{keys}@{host}/{s3_bucket.name}/a")
            assert repository.list_artifacts() == []

    warned = [record for record in caplog.records if "holds a secret key" in record.message]
    assert len(warned) == 1
    assert s3_bucket.access.secret_key not in caplog.text + repr(repository)


def test_tags_and_storage_class_are_those_of_the_settings(
    bucket: S3Bucket,
    location: str,
    open_repository: Callable[[str], S3ArtifactsRepository],
    boto3_client: Any,
    write_file: Any,
) -> None:
    wanted = "tags=team%3Dred%26stage%3Dtest&storage_class=REDUCED_REDUNDANCY&part_size=5242880"
    repository = open_repository(f"{location}?{wanted}")

    for name, size in (("small", 10), ("large", 6 * _MEBIBYTE)):
        repository.log_artifact(str(write_file(name, bytes(size))))

        named = {"Bucket": bucket.name, "Key": f"{_root(bucket, location)}/{name}"}
        tags = boto3_client.get_object_tagging(**named)["TagSet"]
        assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "red", "stage": "test"}
        assert boto3_client.head_object(**named)["StorageClass"] == "REDUCED_REDUNDANCY"


def test_boto3_alone_does_the_same_with_the_checksums_it_adds(
    location: str, open_repository: Callable[[str], S3ArtifactsRepository], write_file: Any
) -> None:
    repository = open_repository(f"{location}?fast=false&checksum=when_supported&part_size=5242880")
    content = os.urandom(6 * _MEBIBYTE)

    repository.log_artifact(str(write_file("large", content)))
    repository.log_artifact(str(write_file("small", b"small")))

    assert Path(repository.download_artifacts("large")).read_bytes() == content
    assert Path(repository.download_artifacts("small")).read_bytes() == b"small"
    repository.delete_artifacts()
    assert repository.list_artifacts() == []


def test_a_child_that_was_forked_after_a_transfer_can_transfer_too(
    repository: S3ArtifactsRepository, write_file: Any
) -> None:
    repository.log_artifact(str(write_file("parent")))

    child = os.fork()
    if child == 0:
        try:
            repository.log_artifact(str(write_file("child")))
        except BaseException:  # noqa: BLE001  # a child of a test must not run its rest
            os._exit(1)
        os._exit(0)

    assert os.waitpid(child, 0)[1] == 0
    assert [info.path for info in repository.list_artifacts()] == ["child", "parent"]


def test_a_key_of_the_customer_encrypts_and_is_never_sent_without_tls(
    credentials: Callable[[S3Bucket], None],
    open_repository: Callable[[str], S3ArtifactsRepository],
    write_file: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from botocore.exceptions import ClientError
    from click.testing import CliRunner
    from mlflow.exceptions import MlflowException

    from mlflow_plugin_servers.minio import minio
    from mlflow_s3_artifacts.cli import cli

    key = tmp_path / "key"
    key.write_bytes(secrets.token_bytes(32))
    monkeypatch.setenv("MLFLOW_S3_ARTIFACTS_SSE_CUSTOMER_HOSTS", "127.0.0.1,localhost")
    options = f"sse=customer&sse_customer_key=file:{key}&part_size=5242880"
    with minio(tls=True) as server, server.fresh_bucket() as bucket:
        credentials(bucket)
        repository = open_repository(f"s3+{bucket.endpoint}/{bucket.name}/a?{options}")
        content = os.urandom(6 * _MEBIBYTE)
        repository.log_artifact(str(write_file("large", content)))
        repository.log_artifact(str(write_file("small", b"small")))

        assert Path(repository.download_artifacts("large")).read_bytes() == content
        assert Path(repository.download_artifacts("small")).read_bytes() == b"small"
        client = boto3.client("s3", **bucket.client_options)
        with pytest.raises(ClientError):
            client.get_object(Bucket=bucket.name, Key="a/small")
        checked = CliRunner().invoke(cli, ["check", repository.artifact_uri])
        assert checked.exit_code == 0, checked.output
        assert "presigned address: not available" in checked.output
        plain = bucket.endpoint.replace("https", "http")
        with pytest.raises(MlflowException, match="not encrypted"):
            open_repository(f"s3+{plain}/{bucket.name}/a?{options}")


def test_tls_is_checked_and_fast(
    credentials: Callable[[S3Bucket], None],
    open_repository: Callable[[str], S3ArtifactsRepository],
    write_file: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mlflow.exceptions import MlflowException

    from mlflow_plugin_servers.s3 import s3

    with s3(tls=True) as server, server.fresh_bucket() as bucket:
        credentials(bucket)
        monkeypatch.delenv("AWS_CA_BUNDLE")
        location = f"s3+{bucket.endpoint}/{bucket.name}/a"
        trusting = open_repository(f"{location}?ca_bundle={bucket.access.ca_file}")

        trusting.log_artifact(str(write_file("a")))

        assert [info.path for info in trusting.list_artifacts()] == ["a"]
        assert trusting._store.client._requests.connection.fast_failures == 0
        with pytest.raises(MlflowException, match="ca_bundle"):
            open_repository(location).list_artifacts()
        plain = location.replace("s3+https", "s3+http")
        with pytest.raises(MlflowException) as caught:
            open_repository(f"{plain}?retry_timeout=0").list_artifacts()
        assert "TLS" in caught.value.message


def test_copy_moves_what_mlflows_own_s3_has_to_a_location_of_the_plugin(
    s3_bucket: S3Bucket,
    credentials: Callable[[S3Bucket], None],
    open_repository: Callable[[str], S3ArtifactsRepository],
    write_file: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    from click.testing import CliRunner

    from mlflow_s3_artifacts.cli import cli

    credentials(s3_bucket)
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", s3_bucket.endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    large = os.urandom(6 * _MEBIBYTE)
    for name, content in (("model/large", large), ("model/a b/small", b"small"), ("empty", b"")):
        write_file(name, content, "own")
    own = f"s3://{s3_bucket.name}/own"
    open_repository(own).log_artifacts(str(tmp_path / "own"))
    destination = f"s3+{s3_bucket.endpoint}/{s3_bucket.name}/new?part_size=5242880"
    command = ["copy", own, destination, "--journal", str(tmp_path / "journal")]

    first = CliRunner().invoke(cli, command)
    second = CliRunner().invoke(cli, command)

    assert first.exit_code == second.exit_code == 0, first.output + second.output
    assert "3 files" in first.output
    assert "0 files" in second.output
    fetched = Path(open_repository(destination).download_artifacts(""))
    assert (fetched / "model/large").read_bytes() == large
    assert (fetched / "model/a b/small").read_bytes() == b"small"
    assert (fetched / "empty").read_bytes() == b""
