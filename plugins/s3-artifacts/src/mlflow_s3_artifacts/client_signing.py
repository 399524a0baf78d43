"""Addresses that work without credentials, for clients that go past a tracking server."""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Any

from mlflow_plugin_core.objects.client import SignedRequest
from mlflow_s3_artifacts.client_connection import connection_for

if TYPE_CHECKING:
    from mlflow_s3_artifacts.target import Target


def sign(target: Target, verb: str, seconds: int, **arguments: Any) -> SignedRequest:  # noqa: ANN401
    """Sign one request.

    Raises:
        MlflowException: NOT_IMPLEMENTED where an address cannot do what the settings ask for;
            MLflow's clients then send the file through the server.
    """
    if target.settings.sse == "customer" or (verb == "upload_part" and target.hides_md5):
        # SSE-C: whoever has the address would need the key. KMS: each part has to bring its
        # SHA-256, which MLflow's clients do not compute.
        from mlflow.exceptions import _UnsupportedMultipartUploadException

        raise _UnsupportedMultipartUploadException  # what MLflow's clients look for
    told = {"Bucket": target.location.bucket, **target.owner(), **arguments}
    client = connection_for(target).client
    url = client.generate_presigned_url(verb, Params=told, ExpiresIn=seconds)
    return SignedRequest(url, _headers(url, target))


def _headers(url: str, target: Target) -> dict[str, str]:
    """Return the headers that were signed into an address, the host's own excepted."""
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
    names = set(query.get("X-Amz-SignedHeaders", "host").split(";")) - {"host"}
    own = target.settings
    known = {
        "x-amz-server-side-encryption": own.sse,
        "x-amz-server-side-encryption-aws-kms-key-id": own.sse_kms_key_id,
        "x-amz-storage-class": own.storage_class,
        "x-amz-tagging": own.tags,
        "x-amz-request-payer": own.request_payer,
        "x-amz-expected-bucket-owner": own.expected_bucket_owner,
    }
    return {name: str(known[name]) for name in sorted(names) if known.get(name)}


__all__ = ["sign"]
