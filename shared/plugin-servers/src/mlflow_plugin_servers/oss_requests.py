"""Signed requests of this package's own, so that the fixtures need no client of OSS."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import ipaddress
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit
from xml.etree import ElementTree as ET

from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.oss_signature import ALGORITHM_V4, Scope, canonical_v4, signature_v4

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Account", "Refused", "request"]

_TIMEOUT = 30.0


class Refused(Exception):  # noqa: N818  (it says what the service did)
    """The service answered with an error."""

    def __init__(self, status: int, body: bytes) -> None:
        """Keep what it said.

        Args:
            status: Status of the answer.
            body: The document; an access key's id may be in it, no secret is.
        """
        self.status = status
        try:
            root = ET.fromstring(body)  # noqa: S314  (the answer of the service that one's own keys are for)
            self.code, said = root.findtext("Code") or "", root.findtext("Message") or ""
        except ET.ParseError:
            self.code, said = "", body[:200].decode("utf-8", "replace")
        super().__init__(f"{status} {self.code}: {said}")


@dataclass(frozen=True)
class Account:
    """Where a service of OSS is, and who one is there.

    Attributes:
        endpoint: URL of the service without any bucket.
        key_id: Id of the access key.
        secret: Its secret.
        region: Region, such as cn-hangzhou.
    """

    endpoint: str
    key_id: str
    secret: str
    region: str

    @classmethod
    def parse(cls, uri: str) -> Account:
        """Read a URI such as `https://ID:SECRET@oss-cn-hangzhou.aliyuncs.com?region=cn-hangzhou`.

        Args:
            uri: The endpoint, with the access key as user and password. The region may be left out where the
                endpoint's name holds it.

        Returns:
            Its parts.

        Raises:
            ServerUnavailableError: Something is missing.
        """
        parts = urlsplit(uri)
        host = parts.hostname or ""
        named = host.split(".")[0].removeprefix("oss-").removesuffix("-internal")
        region = parse_qs(parts.query).get("region", [named if host.startswith("oss-") else ""])[0]
        if parts.scheme not in {"http", "https"} or not (host and parts.username and region):
            # The URI itself is not shown: it holds a secret.
            message = "the URI must have the form https://KEY_ID:KEY_SECRET@ENDPOINT?region=REGION"
            raise ServerUnavailableError(message)
        port = f":{parts.port}" if parts.port else ""
        user, password = unquote(parts.username), unquote(parts.password or "")
        return cls(f"{parts.scheme}://{host}{port}", user, password, region)


def request(
    account: Account,
    method: str,
    bucket: str = "",
    key: str = "",
    *,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> bytes:
    """Send one request, signed by version 4.

    Args:
        account: Where and who.
        method: Such as GET.
        bucket: Name of the bucket; empty for the service itself.
        key: Name of the object; empty for the bucket itself.
        query: Parameters.
        headers: Headers by name in small letters.
        body: What is sent.

    Returns:
        The answer's body.

    Raises:
        Refused: The service answers with an error.
        OSError: It does not answer.
    """
    parts = urlsplit(account.endpoint)
    host, netloc = parts.hostname or "", parts.netloc
    resource = f"/{bucket}/{key}" if bucket else "/"
    path = resource
    if bucket and not _is_address(host):
        # OSS itself takes the bucket in the host's name only.
        host, netloc, path = f"{bucket}.{host}", f"{bucket}.{netloc}", f"/{key}"
    moment = dt.datetime.now(dt.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    own = {**(headers or {}), "x-oss-date": moment, "x-oss-content-sha256": "UNSIGNED-PAYLOAD"}
    pairs = sorted((query or {}).items())
    scope = Scope(moment[:8], account.region)
    text = canonical_v4(method, resource, pairs, own)
    signature = signature_v4(account.secret, scope, moment, text)
    own["authorization"] = (
        f"{ALGORITHM_V4} Credential={account.key_id}/{scope},Signature={signature}"
    )
    asked = urlencode(pairs, quote_via=quote)
    target = quote(path) + (f"?{asked}" if asked else "")
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, parts.port, timeout=_TIMEOUT, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=_TIMEOUT)
    with contextlib.closing(connection):
        connection.request(method, target, body=body, headers={**own, "host": netloc})
        answer = connection.getresponse()
        content = answer.read()
    if answer.status >= http.HTTPStatus.MULTIPLE_CHOICES:
        raise Refused(answer.status, content)
    return content


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True
