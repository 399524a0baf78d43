"""Every setting of the plugin, with its environment name and its URI parameter."""

from __future__ import annotations

from typing import Literal

from pydantic_settings import SettingsConfigDict

from mlflow_plugin_core.objects.settings import TransferSettings
from mlflow_plugin_core.settings import option


class S3Settings(TransferSettings):
    """Settings of mlflow-s3-artifacts: URI parameter, environment, file, default."""

    model_config = SettingsConfigDict(env_prefix="MLFLOW_S3_ARTIFACTS_")

    profile: str | None = option(
        None,
        help="Profile of the AWS configuration whose credentials and region are used; by default "
        "what boto3 finds: environment, default profile, web identity, container, instance.",
        parameter="profile",
    )
    profiles: str = option(
        "",
        help="Profiles, separated by commas, that a location may name in a tracking server; a "
        "location of the server's own may name any.",
    )
    region: str | None = option(
        None,
        help="Region that requests are signed for; by default the one in an Amazon host's name, "
        "then boto3's, then us-east-1.",
        parameter="region",
    )
    addressing: Literal["auto", "path", "virtual"] = option(
        "auto",
        help="Where the bucket stands in requests: `path` (host/bucket/key), `virtual` "
        "(bucket.host/key), or `auto`: virtual on Amazon's hosts, path on others.",
        parameter="addressing",
    )
    anonymous: bool = option(
        default=False,
        help="Send requests without credentials, for public buckets.",
        parameter="anonymous",
    )
    checksum: Literal["when_required", "when_supported"] = option(
        "when_required",
        help="Whether boto3 adds checksums of its own to requests (CRC-32, new in boto3 1.36), "
        "which several services refuse. Digests go along, and are compared, with both.",
        parameter="checksum",
    )
    sse: Literal["AES256", "aws:kms", "aws:kms:dsse", "customer"] | None = option(
        None,
        help="Encryption that the service is asked for: `AES256` (its own keys), `aws:kms`, "
        "`aws:kms:dsse`, or `customer` (SSE-C, with the key that SSE_CUSTOMER_KEY refers to).",
        parameter="sse",
    )
    sse_kms_key_id: str | None = option(
        None, help="Key for `aws:kms`; by default the bucket's.", parameter="sse_kms_key_id"
    )
    sse_customer_key: str | None = option(
        None,
        help="Where the key for `customer` is: `env:NAME` or `file:/absolute/path`, which hold its "
        "32 bytes in base64 (a file may also hold the bytes). Never the key itself.",
        parameter="sse_customer_key",
        pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$",
    )
    sse_customer_hosts: str = option(
        "",
        help="Hosts, separated by commas and with `:port` or without, that the key for `customer` "
        "may be sent to, beside those that AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL names, or Amazon "
        "S3's own where neither is set. Locations are stored by others, and could name their host.",
    )
    request_payer: Literal["requester"] | None = option(
        None,
        help="`requester` where you pay for requests to somebody else's bucket.",
        parameter="request_payer",
    )
    expected_bucket_owner: str | None = option(
        None,
        help="Account id that must own the bucket; requests to another's fail.",
        parameter="expected_bucket_owner",
        pattern=r"^\d{12}$",
    )
    storage_class: str | None = option(
        None,
        help="Storage class of new objects, such as `STANDARD_IA`; by default the bucket's.",
        parameter="storage_class",
        pattern=r"^[A-Z0-9_-]+$",
    )
    tags: str | None = option(
        None,
        help="Tags of new objects as `key=value&key=value`, percent-encoded.",
        parameter="tags",
        max_length=2_000,
    )
    ca_bundle: str | None = option(
        None,
        help="File with the authorities that the service's certificate is checked against; by "
        "default AWS_CA_BUNDLE, then boto3's.",
        parameter="ca_bundle",
    )
    verify_tls: bool = option(
        default=True,
        help="Whether the service's certificate is checked. False is for a test alone.",
        parameter="verify_tls",
    )
    fast: bool = option(
        default=True,
        help="Send and fetch whole small objects by obstore (Rust), several times faster than "
        "boto3, where it can honour all other settings. False uses boto3 for everything.",
        parameter="fast",
    )


__all__ = ["S3Settings"]
