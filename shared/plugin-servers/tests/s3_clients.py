"""What the tests of both S3 servers ask them with: boto3, which repeats nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    import pytest
    from botocore.exceptions import ClientError

    from mlflow_plugin_servers.s3_server import S3Bucket, S3Server

__all__ = ["KINDS", "connect", "keys_of", "refusal"]

KINDS = ("s3", "minio")


def connect(place: S3Bucket | S3Server, **other: Any) -> Any:
    few = Config(retries={"total_max_attempts": 1}, signature_version="s3v4")
    return boto3.client("s3", **{"config": few, **place.client_options, **other})


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    told = error.value.response
    return told["ResponseMetadata"]["HTTPStatusCode"], told["Error"]["Code"]


def keys_of(client: Any, bucket: S3Bucket) -> list[str]:
    return [each["Key"] for each in client.list_objects_v2(Bucket=bucket.name).get("Contents", [])]
