"""Alibaba's two clients, made ready for a bucket."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

with warnings.catch_warnings():
    # Its docstrings hold backslashes that Python warns of when it compiles them for the first time.
    warnings.simplefilter("ignore", SyntaxWarning)
    import oss2

import alibabacloud_oss_v2 as oss

if TYPE_CHECKING:
    from mlflow_plugin_servers.oss_server import Bucket

__all__ = ["client", "code_of", "old_client", "oss", "oss2"]


def old_client(bucket: Bucket, version: str = "v4", **options: Any) -> oss2.Bucket:
    """Make the older client of a bucket, with checksums on."""
    auth = oss2.make_auth(bucket.key_id, bucket.key_secret, version)
    return oss2.Bucket(auth, bucket.endpoint, bucket.name, region=bucket.region, **options)


def client(bucket: Bucket, token: str | None = None, **options: Any) -> oss.Client:
    """Make the newer client, which signs by version 4 unless told otherwise, with checksums on."""
    provider = oss.credentials.StaticCredentialsProvider(bucket.key_id, bucket.key_secret, token)
    config = oss.config.Config(
        region=bucket.region, endpoint=bucket.endpoint, credentials_provider=provider, **options
    )
    return oss.Client(config)


def code_of(error: BaseException) -> tuple[int, str, str]:
    """Read status, code and EC of an error of the newer client."""
    if isinstance(error, oss.exceptions.OperationError):
        error = error.unwrap()
    assert isinstance(error, oss.exceptions.ServiceError), error
    return error.status_code, error.code, error.ec
