"""Which host a location's requests go to, how they name the bucket, and what they are signed for."""

from __future__ import annotations

import ipaddress
import os
import re
import urllib.parse
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from mlflow_plugin_core import errors
from mlflow_plugin_core.settings import URI

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
_REGION = re.compile(r"(?!oss-)[a-z0-9-]+")


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
    def is_internal(self) -> bool:
        """Whether only machines inside of its region reach it."""
        return bool(region_of(self.host)) and self.host.endswith("-internal.aliyuncs.com")

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
    named = _named(place, settings, found)
    region = _region(place, settings, named.host if named else "", found)
    if named and not _is_overruled(named, settings, region):
        return replace(named, region=region)
    if not region:
        message = errors.explain(
            "No endpoint of Alibaba Cloud OSS is known",
            location=place.uri,
            remedy="set MLFLOW_OSS_ENDPOINT_URL, as in https://oss-cn-hangzhou.aliyuncs.com, or "
            "add ?endpoint=oss-cn-hangzhou.aliyuncs.com or ?region=cn-hangzhou to the location",
        )
        raise errors.invalid_parameter(message)
    return _usual(region, settings.network)


def find_public(place: OssLocation, settings: OssSettings, endpoint: Endpoint) -> Endpoint:
    """Return the endpoint that presigned addresses name.

    It is the one that is set for them, if that can serve the location's region; else the location's
    own, or the public one of its region where only machines inside of it reach its own.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE where what is set is no endpoint.
    """
    if settings.public_endpoint_url:
        source = f"MLFLOW_OSS_PUBLIC_ENDPOINT_URL ({settings.source_of('public_endpoint_url')})"
        text, is_cname = settings.public_endpoint_url, settings.public_cname
        public = _read(place, text, source, is_cname=is_cname)
        own = region_of(public.host)
        if own is None or own == endpoint.region:
            return replace(public, region=endpoint.region)
    elif not endpoint.is_internal:
        return endpoint
    if endpoint.is_alibaba and endpoint.region:
        return _usual(endpoint.region, "public")
    return endpoint


def _named(
    place: OssLocation, settings: OssSettings, environ: Mapping[str, str]
) -> Endpoint | None:
    text, origin = settings.endpoint_url, settings.source_of("endpoint_url")
    if text and origin == URI:
        # A bucket's own domain in the environment says nothing of a host that the location names.
        is_cname = settings.cname and settings.source_of("cname") == URI
        read = _read(place, text, f"endpoint ({origin})", is_cname=is_cname)
        return replace(read, chosen_by_location=True)
    source = f"MLFLOW_OSS_ENDPOINT_URL ({origin})"
    if not text:
        text, source = environ.get("OSS_ENDPOINT"), "OSS_ENDPOINT (environment)"
    return _read(place, text, source, is_cname=settings.cname) if text else None


def _is_overruled(named: Endpoint, settings: OssSettings, region: str | None) -> bool:
    """Tell whether the location asks for another of OSS's endpoints than the environment names."""
    if named.chosen_by_location or not named.is_alibaba or not region:
        return False
    own = region_of(named.host)
    return settings.source_of("network") == URI or own not in {None, region}


def _region(
    place: OssLocation, settings: OssSettings, host: str, environ: Mapping[str, str]
) -> str | None:
    """Return the location's region, or else the host's own, or else what the environment says."""
    own, origin = region_of(host), settings.source_of("region")
    if settings.region and (origin == URI or not own):
        name = "region" if origin == URI else "MLFLOW_OSS_REGION"
        return _checked(place, f"{name} ({origin})", settings.region)
    if not own and (other := environ.get("OSS_REGION")):
        return _checked(place, "OSS_REGION (environment)", other)
    return own


def _checked(place: OssLocation, source: str, region: str) -> str:
    if _REGION.fullmatch(region):
        return region
    name = region.removeprefix("oss-")
    message = errors.explain(
        f"{source} cannot be used",
        location=place.uri,
        why=f"{region!r} is not a region",
        remedy=f"write {name if _REGION.fullmatch(name) else 'cn-hangzhou'}, without 'oss-'",
    )
    raise errors.invalid_parameter(message)


def _usual(region: str, network: str) -> Endpoint:
    host = _BY_REGION[network].format(region=region)
    return Endpoint("https", host, 443, region, "virtual", "region")


def _read(place: OssLocation, text: str, source: str, *, is_cname: bool) -> Endpoint:
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
    if is_cname:
        style = "cname"
    elif _is_address(host):
        style = "path"
    else:
        # The console shows a bucket's own domain beside the endpoint, and people copy it.
        host = host.removeprefix(f"{place.bucket}.")
    return Endpoint(parts.scheme, host, port or _PORTS[parts.scheme], None, style, source)


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
