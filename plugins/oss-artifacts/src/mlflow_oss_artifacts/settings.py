"""Every setting of the plugin, with its environment name and its URI parameter."""

from __future__ import annotations

from typing import Literal

from pydantic_settings import SettingsConfigDict

from mlflow_plugin_core.objects.settings import TransferSettings
from mlflow_plugin_core.settings import SecretStr, option


class OssSettings(TransferSettings):
    """Settings of mlflow-oss-artifacts."""

    model_config = SettingsConfigDict(env_prefix="MLFLOW_OSS_")

    endpoint_url: str | None = option(
        None,
        help="Endpoint of the service or of a bucket, such as `oss-cn-hangzhou.aliyuncs.com`; https "
        "where it names no scheme. Without it `OSS_ENDPOINT` counts, then the region.",
        parameter="endpoint",
    )
    region: str | None = option(
        None,
        help="Region that requests are signed for, such as `cn-hangzhou`, where the endpoint's name "
        "does not tell it; then `OSS_REGION` counts. In a location it wins over both.",
        parameter="region",
    )
    network: Literal["public", "internal", "accelerate", "accelerate-overseas", "dualstack"] = (
        option(
            "public",
            help="Which of a region's endpoints is used where no endpoint is named: `public`, "
            "`internal`, `accelerate`, `accelerate-overseas` or `dualstack`.",
            parameter="network",
        )
    )
    cname: bool = option(
        False,
        help="The endpoint is a domain of your own that is bound to the bucket; in the environment "
        "it is said of the environment's endpoint alone.",
        parameter="cname",
    )
    public_endpoint_url: str | None = option(
        None,
        help="Endpoint in the addresses that a tracking server hands to its clients, where theirs "
        "is another than the server's own. It serves the locations of its region; for others, and "
        "without it for an internal endpoint, the public endpoint of the region is named.",
    )
    public_cname: bool = option(
        False,
        help="The public endpoint is a domain of your own that is bound to the bucket.",
    )
    signature: Literal["auto", "v4", "v1"] = option(
        "auto",
        help="Version of the signature. `auto` is version 4 where the region is known, else 1.",
        parameter="signature",
    )
    key_id: str | None = option(None, help="Access key ID.")
    key_secret: SecretStr | None = option(None, help="Secret of the access key.")
    security_token: SecretStr | None = option(
        None, help="Token that goes with a temporary access key of STS."
    )
    profile: str | None = option(
        None,
        help="Name of a profile in the credentials file or in the configuration of the `aliyun` "
        "command line; wins over every key in the environment.",
        parameter="profile",
    )
    credentials_file: str | None = option(
        None,
        help="File with profiles. Without it `ALIBABA_CLOUD_CREDENTIALS_FILE` counts, then "
        "`~/.alibabacloud/credentials.ini` and `~/.aliyun/config.json`.",
    )
    ram_role: str | None = option(
        None,
        help="Name of the RAM role of this ECS instance; without it `ALIBABA_CLOUD_ECS_METADATA` "
        "counts, then the instance is asked.",
    )
    metadata_url: str = option(
        "http://100.100.100.200", help="Where the metadata service of an ECS instance is."
    )
    sts_url: str | None = option(
        None,
        help="Endpoint of STS for an OIDC role; `https://sts.aliyuncs.com`, or the one of "
        "`ALIBABA_CLOUD_STS_REGION`, by default.",
    )
    session_seconds: int = option(
        3_600,
        help="Seconds for which STS is asked for the key of an OIDC role; the role has to allow it. "
        "Presigned addresses end with the key that signed them.",
        ge=900,
        le=43_200,
    )
    sdk: Literal["v2", "oss2"] = option(
        "v2",
        help="Which SDK talks to the service: `v2` (alibabacloud-oss-v2) or `oss2` (extra `[oss2]`).",
    )
    ca_file: str | None = option(
        None, help="PEM file with the authorities that TLS trusts instead of the usual ones."
    )
    proxy: str | None = option(
        None,
        help="URL of an HTTP proxy, or `none`; by default `HTTPS_PROXY`, `HTTP_PROXY` and "
        "`NO_PROXY` decide.",
    )
    server_endpoints: str = option(
        "",
        help="Endpoints, separated by commas, that a tracking server connects to where a location "
        "names them.",
    )
    server_profiles: str = option(
        "",
        help="Profiles, separated by commas, that a tracking server uses where a location names "
        "them.",
    )
