"""Which host a location's requests go to, how they name the bucket, and what they are signed for."""

from __future__ import annotations

import ipaddress
import os
import re
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mlflow_plugin_core import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow_oss_artifacts.location import OssLocation
    from mlflow_oss_artifacts.settings import OssSettings

# "Regions and endpoints" of OSS: oss-<region>[-internal].aliyuncs.com, <region>.oss.aliyuncs.com.
_NAMED = re.compile(
    r"(?:s3\.)?oss-(?!accelerate)([a-z]{2,}(?:-[a-z0-9]+)+?)(?:-internal)?\.aliyuncs\.com"
)
_DUALSTACK = re.compile(r"([a-z]{2,}(?:-[a-z0-9]+)+)\.oss\.aliyuncs\.com")
_ACCELERATED = re.compile(r"oss-accelerate(?:-overseas)?\.aliyuncs\.com")
_BY_REGION = {
    "public": "oss-{region}.aliyuncs.com",
    "internal": "oss-{region}-internal.aliyuncs.com",
    "accelerate": "oss-accelerate.aliyuncs.com",
    "accelerate-overseas": "oss-accelerate-overseas.aliyuncs.com",
    "dualstack": "{region}.oss.aliyuncs.com",
}
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Endpoint:
    """Where requests go.

    Attributes:
        scheme: http or https.
        host: In small letters, without a port and without the bucket.
        port: As written, or the scheme's.
        region: What version 4 of the signature names; None where it is not known.
        style: Where the bucket's name stands: before the host, in the path, or nowhere (cname).
        source: Which setting it came from.
        chosen_by_location: Whether the location itself named it.
    """

    scheme: str
    host: str
    port: int
    region: str | None
    style: Literal["virtual", "path", "cname"]
    source: str
    chosen_by_location: bool = False

    @property
    def netloc(self) -> str:
        """Host and port as a URL has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The service, without any bucket."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def is_alibaba(self) -> bool:
        """Whether the host is one of OSS's own.

        Not every host below aliyuncs.com is: a function of any customer answers there too.
        """
        return bool(region_of(self.host) or _ACCELERATED.fullmatch(self.host))

    def bucket_url(self, bucket: str) -> str:
        """Where a bucket is, ending in a slash."""
        if self.style == "path":
            return f"{self.url}/{bucket}/"
        host = f"{bucket}." if self.style == "virtual" else ""
        return f"{self.scheme}://{host}{self.netloc}/"


def find(
    place: OssLocation, settings: OssSettings, environ: Mapping[str, str] | None = None
) -> Endpoint:
    """Return the endpoint for a location.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE where none is named, or what is named is none.
    """
    found = os.environ if environ is None else environ
    region = settings.region or found.get("OSS_REGION") or None
    if settings.endpoint_url:
        origin = settings.source_of("endpoint_url")
        by_location = origin == "URI parameter"
        name = "endpoint" if by_location else "MLFLOW_OSS_ENDPOINT_URL"
        source = f"{name} ({origin})"
        own_region = settings.region if by_location else region
        return _read(place, settings, settings.endpoint_url, own_region, source, by_location)
    if settings.source_of("region") != "URI parameter" and found.get("OSS_ENDPOINT"):
        source = "OSS_ENDPOINT (environment)"
        return _read(place, settings, found["OSS_ENDPOINT"], region, source, by_location=False)
    if not region:
        message = errors.explain(
            "No endpoint of Alibaba Cloud OSS is known",
            location=place.uri,
            remedy="set MLFLOW_OSS_ENDPOINT_URL, as in https://oss-cn-hangzhou.aliyuncs.com, or "
            "add ?endpoint=oss-cn-hangzhou.aliyuncs.com or ?region=cn-hangzhou to the location",
        )
        raise errors.invalid_parameter(message)
    if not re.fullmatch(r"[a-z0-9-]+", region):
        raise _refuse(place, f"region ({settings.source_of('region')})", region, "is not a region")
    host = _BY_REGION[settings.network].format(region=region)
    return Endpoint("https", host, 443, region, "virtual", "region")


def find_public(place: OssLocation, settings: OssSettings, endpoint: Endpoint) -> Endpoint:
    """Return the endpoint that presigned addresses name: the location's own, or the one set for it.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE where what is set is no endpoint.
    """
    if not settings.public_endpoint_url:
        return endpoint
    source = f"MLFLOW_OSS_PUBLIC_ENDPOINT_URL ({settings.source_of('public_endpoint_url')})"
    text = settings.public_endpoint_url
    return _read(place, settings, text, endpoint.region, source, by_location=False)


def _read(
    place: OssLocation,
    settings: OssSettings,
    text: str,
    region: str | None,
    source: str,
    by_location: bool,  # noqa: FBT001  # one of five, all given by position
) -> Endpoint:
    written = text.strip()
    try:
        parts = urllib.parse.urlsplit(written if "://" in written else f"https://{written}")
        port = parts.port
    except ValueError as error:
        raise _refuse(place, source, text, str(error)) from None
    host = (parts.hostname or "").lower()
    if parts.scheme not in _PORTS:
        raise _refuse(place, source, text, "is neither http:// nor https://")
    if not host or re.search(r"[\s/\\]", host):
        raise _refuse(place, source, text, "names no host")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise _refuse(place, source, text, "holds more than scheme, host and port")
    style: Literal["virtual", "path", "cname"] = "virtual"
    if settings.cname:
        style = "cname"
    elif _is_address(host):
        style = "path"
    else:
        # The console shows a bucket's own domain beside the endpoint, and people copy it.
        host = host.removeprefix(f"{place.bucket}.")
    chosen = region or region_of(host)
    return Endpoint(
        parts.scheme, host, port or _PORTS[parts.scheme], chosen, style, source, by_location
    )


def region_of(host: str) -> str | None:
    """Return the region that an endpoint's name holds; None for accelerated and own domains."""
    match = _NAMED.fullmatch(host) or _DUALSTACK.fullmatch(host)
    return match.group(1) if match else None


def same_host(text: str, endpoint: Endpoint) -> bool:
    """Tell whether a written endpoint is this one; without a scheme it is an https one."""
    written = text.strip().rstrip("/").lower()
    try:
        parts = urllib.parse.urlsplit(written if "://" in written else f"https://{written}")
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return False
    own = (endpoint.scheme, endpoint.host, endpoint.port)
    return (parts.scheme, parts.hostname, port) == own


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


def _refuse(place: OssLocation, source: str, text: str, why: str) -> Exception:
    message = errors.explain(
        f"{source} cannot be used as an endpoint",
        location=place.uri,
        why=f"{text!r} {why}",
        remedy="write it as in https://oss-cn-hangzhou.aliyuncs.com",
    )
    return errors.invalid_parameter(message)
