"""OSS's signatures, version 1 and 4, written down from Alibaba's documentation.

Used by the server to verify and by this package's own requests to sign.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = ["ALGORITHM_V4", "Scope", "canonical_v4", "signature_v1", "signature_v4", "text_v1"]

ALGORITHM_V4 = "OSS4-HMAC-SHA256"
_SAFE = "-_.~"
_ALWAYS_SIGNED = ("content-type", "content-md5")
# The query parameters that version 1 signs; it leaves all others open.
_SIGNED_PARAMETERS = frozenset(
    """acl append bucketInfo callback callback-var cname comp continuation-token cors delete encryption endTime
    inventory inventoryId lifecycle link live location logging objectInfo objectMeta partNumber policy position qos
    referer regionList replication requestPayment response-cache-control response-content-disposition
    response-content-encoding response-content-language response-content-type response-expires restore security-token
    sequential startTime stat status style styleName symlink tagging transferAcceleration uploadId uploads versionId
    versioning versions vod website worm wormExtend wormId x-oss-ac-forward-allow x-oss-ac-source-ip
    x-oss-ac-subnet-mask x-oss-ac-vpc-id x-oss-async-process x-oss-process x-oss-request-payer
    x-oss-traffic-limit resourceGroup asyncFetch qosInfo group bucketArchiveDirectRead httpsConfig metaQuery
    publicAccessBlock""".split()  # noqa: SIM905  (a list of them would take seventy lines)
)


class Scope:
    """What a key of version 4 is good for.

    Attributes:
        day: Year, month and day, as in 20260131.
        region: Region, such as cn-hangzhou.
        product: The service, `oss`.
    """

    def __init__(self, day: str, region: str, product: str = "oss") -> None:
        """Describe it; see the attributes."""
        self.day = day
        self.region = region
        self.product = product

    def __str__(self) -> str:
        """Write it as signatures name it."""
        return f"{self.day}/{self.region}/{self.product}/aliyun_v4_request"


def text_v1(
    method: str,
    resource: str,
    query: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
    date: str,
) -> bytes:
    """Write what version 1 signs.

    Args:
        method: Such as GET.
        resource: `/bucket/key`, unescaped, whatever the address looks like.
        query: Parameters, unescaped.
        headers: Headers by name in small letters, as latin-1 text.
        date: Date of the request, or the second at which a presigned address expires.

    Returns:
        The text.
    """
    signed = sorted(pair for pair in query if pair[0] in _SIGNED_PARAMETERS)
    asked = "&".join(f"{name}={value}" if value else name for name, value in signed)
    own = sorted(name for name in headers if name.startswith("x-oss-"))
    lines = [method, headers.get("content-md5", ""), headers.get("content-type", ""), date]
    lines += [f"{name}:{headers[name]}" for name in own]
    head = "\n".join(lines).encode("latin-1")
    return head + b"\n" + (resource + (f"?{asked}" if asked else "")).encode()


def signature_v1(secret: str, text: bytes) -> str:
    """Sign by version 1.

    Args:
        secret: The access key's secret.
        text: What `text_v1` wrote.

    Returns:
        The signature.
    """
    return base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha1).digest()).decode()


def canonical_v4(
    method: str,
    resource: str,
    query: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
    additional: Collection[str] = (),
) -> bytes:
    """Write what version 4 signs.

    Args:
        method: Such as GET.
        resource: `/bucket/key`, unescaped, whatever the address looks like.
        query: Parameters, unescaped, without the signature itself.
        headers: Headers by name in small letters, as latin-1 text.
        additional: Names of further headers that are signed.

    Returns:
        The canonical request.
    """
    pairs = sorted((quote(name, safe=_SAFE), quote(value, safe=_SAFE)) for name, value in query)
    asked = "&".join(f"{name}={value}" if value else name for name, value in pairs)
    signed = sorted(
        name
        for name in headers
        if name.startswith("x-oss-") or name in _ALWAYS_SIGNED or name in additional
    )
    head = [method, quote(resource, safe=_SAFE + "/"), asked]
    lines = [*head, *(f"{name}:{headers[name].strip()}" for name in signed), ""]
    lines += [
        ";".join(sorted(additional)),
        headers.get("x-oss-content-sha256", "UNSIGNED-PAYLOAD"),
    ]
    return "\n".join(lines).encode("latin-1")


def signature_v4(secret: str, scope: Scope, moment: str, canonical: bytes) -> str:
    """Sign by version 4.

    Args:
        secret: The access key's secret.
        scope: What the signature is good for.
        moment: When it was made, as in 20260131T235959Z.
        canonical: What `canonical_v4` wrote.

    Returns:
        The signature.
    """
    key = f"aliyun_v4{secret}".encode()
    for word in str(scope).split("/"):
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    text = "\n".join([ALGORITHM_V4, moment, str(scope), hashlib.sha256(canonical).hexdigest()])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
