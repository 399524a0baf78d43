"""Requests as the OSS server takes them apart."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from mlflow_plugin_servers import own_http

if TYPE_CHECKING:
    from mlflow_plugin_servers.own_http import Body

__all__ = ["Handler", "Request", "address"]


@dataclass
class Request:
    """A request.

    Attributes:
        method: Such as GET.
        host: The Host header.
        bucket: Name of the bucket; empty for the service itself.
        key: Name of the object; empty for the bucket itself.
        query: Parameters, unescaped, in their order.
        headers: By name in small letters, as latin-1 text.
        body: What follows.
        request_id: Made here.
    """

    method: str
    host: str
    bucket: str
    key: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: Body
    request_id: str = field(default_factory=lambda: secrets.token_hex(12).upper())

    def __contains__(self, name: str) -> bool:
        """Tell whether a parameter was given, with a value or without."""
        return any(each == name for each, _ in self.query)

    def get(self, name: str, default: str = "") -> str:
        """Return the value of a parameter."""
        return next((value for each, value in self.query if each == name), default)


def address(host: str, path: str) -> tuple[str, str]:
    """Find bucket and key.

    Args:
        host: The Host header: an address, `localhost`, or either of them with the bucket's name before it.
        path: Path of the request, escaped.

    Returns:
        Bucket and key, both unescaped.
    """
    name = host.rpartition(":")[0] or host
    rest = unquote(path).removeprefix("/")
    for own in (".127.0.0.1", ".localhost"):
        if name.endswith(own):
            return name.removesuffix(own), rest
    bucket, _, key = rest.partition("/")
    return bucket, key


class Handler(own_http.Handler):
    """Finds bucket and key."""

    software = "AliyunOSS"
    id_header = "x-oss-request-id"

    def received(
        self, path: str, query: list[tuple[str, str]], headers: dict[str, str], body: Body
    ) -> Request:
        """Make a request; see the base class."""
        host = headers.get("host", "")
        bucket, key = address(host, path)
        return Request(self.command, host, bucket, key, query, headers, body)
