"""Encryption by keys of KMS, on a MinIO that has one: ETags are no digests there, SHA-256 is."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mlflow_plugin_servers.s3_server import S3Bucket, S3Server
    from mlflow_s3_artifacts.repository import S3ArtifactsRepository

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

_MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def kms_server() -> Iterator[S3Server]:
    from mlflow_plugin_servers.minio import minio

    key = base64.b64encode(os.urandom(32)).decode()
    with minio(options={"MINIO_KMS_SECRET_KEY": f"the-key:{key}"}) as server:
        yield server


@pytest.fixture
def kms_bucket(kms_server: S3Server, credentials: Callable[[S3Bucket], None]) -> Iterator[S3Bucket]:
    with kms_server.fresh_bucket() as bucket:
        credentials(bucket)
        yield bucket


@pytest.mark.parametrize("sse", ["AES256", "aws:kms", "aws:kms&sse_kms_key_id=the-key"])
def test_objects_are_encrypted_as_asked_and_verified_both_ways(
    sse: str,
    kms_bucket: S3Bucket,
    open_repository: Callable[[str], S3ArtifactsRepository],
    boto3_for: Callable[[S3Bucket], Any],
    write_file: Any,
) -> None:
    location = f"s3+{kms_bucket.endpoint}/{kms_bucket.name}/run"
    repository = open_repository(f"{location}?part_size=5242880&sse={sse}")
    content = os.urandom(11 * _MEBIBYTE)

    repository.log_artifact(str(write_file("large", content)))
    repository.log_artifact(str(write_file("small", b"small")))

    client = boto3_for(kms_bucket)
    for name in ("large", "small"):
        head = client.head_object(Bucket=kms_bucket.name, Key=f"run/{name}", ChecksumMode="ENABLED")
        assert head["ServerSideEncryption"] == sse.partition("&")[0]
        if sse != "AES256":
            assert "ChecksumSHA256" in head
            info = repository._store.head(name)
            assert info is not None
            assert set(info.digests) == {"sha256"}
            assert repository._store.client.verifier(info) is not None
    assert Path(repository.download_artifacts("large")).read_bytes() == content
    assert Path(repository.download_artifacts("small")).read_bytes() == b"small"


def test_check_finds_nothing_wrong_where_a_key_of_kms_encrypts(kms_bucket: S3Bucket) -> None:
    from click.testing import CliRunner

    from mlflow_s3_artifacts.cli import cli

    location = f"s3+{kms_bucket.endpoint}/{kms_bucket.name}/run?sse=aws:kms"
    checked = CliRunner().invoke(cli, ["check", location])

    assert checked.exit_code == 0, checked.output
    assert "FAILED" not in checked.output


@pytest.mark.parametrize("size", [1_000, 11 * _MEBIBYTE])
def test_damage_is_found_by_sha256(
    size: int,
    kms_bucket: S3Bucket,
    front: Any,
    open_repository: Callable[[str], S3ArtifactsRepository],
    write_file: Any,
) -> None:
    from mlflow.exceptions import MlflowException

    before = front(int(kms_bucket.endpoint.rpartition(":")[2]))
    location = f"s3+http://127.0.0.1:{before.port}/{kms_bucket.name}/run"
    repository = open_repository(f"{location}?part_size=5242880&sse=aws:kms")
    repository.log_artifact(str(write_file("data", os.urandom(size))))

    def damage(asked: Any, body: bytes) -> bytes:
        is_data = asked.method == "GET" and asked.path.partition("?")[0].endswith("/run/data")
        return body[:-1] + bytes([body[-1] ^ 1]) if is_data and body else body

    before.damage = damage
    with pytest.raises(MlflowException, match="SHA256"):
        repository.download_artifacts("data")


def test_a_bucket_that_encrypts_by_itself_is_found_out(
    kms_bucket: S3Bucket,
    open_repository: Callable[[str], S3ArtifactsRepository],
    boto3_for: Callable[[S3Bucket], Any],
    write_file: Any,
) -> None:
    rule = {
        "ApplyServerSideEncryptionByDefault": {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": "the-key",
        }
    }
    client = boto3_for(kms_bucket)
    client.put_bucket_encryption(
        Bucket=kms_bucket.name, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    location = f"s3+{kms_bucket.endpoint}/{kms_bucket.name}/run?part_size=5242880"
    content = os.urandom(11 * _MEBIBYTE)

    open_repository(location).log_artifact(str(write_file("small", b"small")))
    open_repository(location).log_artifact(str(write_file("large", content)))

    fetched = Path(open_repository(location).download_artifacts(""))
    assert (fetched / "small").read_bytes() == b"small"
    assert (fetched / "large").read_bytes() == content
