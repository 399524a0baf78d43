"""The plugin holds MLflow's contract of artifact repositories, on both S3 servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import mlflow
import pytest
from botocore.exceptions import ClientError
from packaging.version import Version

from mlflow_plugin_testing import ArtifactRepositorySuite

if TYPE_CHECKING:
    from mlflow_plugin_servers.s3_server import S3Bucket

_ROOT = "conformance/artifacts"


class _Objects:
    """The side door: boto3 alone, without the plugin's code."""

    def __init__(self, bucket: S3Bucket) -> None:
        self._client: Any = boto3.client("s3", **bucket.client_options)
        self._bucket = bucket.name

    def read(self, path: str) -> bytes:
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=f"{_ROOT}/{path}")
        except ClientError as error:
            raise LookupError(path) from error
        return bytes(found["Body"].read())

    def write(self, path: str, data: bytes) -> None:
        key = f"{_ROOT}/{path}"
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=data)
            kept = key in self._keys()
        except ClientError as error:
            raise ValueError(path) from error
        if not kept:
            # Both servers keep keys as files: one with `..` or `//` is stored under another name.
            raise ValueError(path)

    def listing(self) -> dict[str, int]:
        start = len(_ROOT) + 1
        return {key[start:]: size for key, size in self._keys().items()}

    def _keys(self) -> dict[str, int]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{_ROOT}/"
        )
        return {
            entry["Key"]: entry["Size"]
            for page in pages
            for entry in page.get("Contents", ())
            if not entry["Key"].endswith("/")
        }


class _OnS3(ArtifactRepositorySuite):
    @pytest.fixture
    def bucket(self) -> S3Bucket:
        raise NotImplementedError

    @pytest.fixture
    def artifact_uri(self, bucket: S3Bucket, monkeypatch: pytest.MonkeyPatch) -> str:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", bucket.access.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", bucket.access.secret_key)
        return f"s3+{bucket.endpoint}/{bucket.name}/{_ROOT}"

    @pytest.fixture
    def side_door(self, bucket: S3Bucket) -> _Objects:
        return _Objects(bucket)

    @pytest.fixture
    def secrets(self, bucket: S3Bucket) -> list[str]:
        return [bucket.access.secret_key]


@pytest.mark.server
class TestSeaweedfs(_OnS3):
    @pytest.fixture
    def bucket(self, s3_bucket: S3Bucket) -> S3Bucket:
        return s3_bucket


@pytest.mark.server
class TestMinio(_OnS3):
    # The second server takes minutes and differs by nothing that an older MLflow would see.
    __test__ = Version(mlflow.__version__) >= Version("3.12")

    @pytest.fixture
    def bucket(self, minio_bucket: S3Bucket) -> S3Bucket:
        return minio_bucket
