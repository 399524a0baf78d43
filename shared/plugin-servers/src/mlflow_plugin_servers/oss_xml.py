"""The XML of OSS, which has no namespace."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from mlflow_plugin_servers.oss_errors import OssError
from mlflow_plugin_servers.own_http import Response

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["answer", "element", "http_date", "iso_date", "parse", "text"]

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def element(name: str, content: str | int | Iterable[str] = "") -> str:
    """Write an element.

    Args:
        name: Its name.
        content: Text, or elements that were written already.

    Returns:
        The element.
    """
    if isinstance(content, (str, int)):
        return f"<{name}>{escape(str(content))}</{name}>"
    return f"<{name}>{''.join(content)}</{name}>"


def answer(name: str, *elements: str, **headers: str) -> Response:
    """Write an answer.

    Args:
        name: Name of the document's root.
        elements: What is in it.
        headers: Headers, with `_` for each hyphen.

    Returns:
        The answer.
    """
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    body = (_HEAD + element(name, elements)).encode()
    return Response(200, {"Content-Type": "application/xml", **named}, body)


def parse(body: bytes) -> ET.Element:
    """Read a document that a client sent.

    Args:
        body: The document.

    Returns:
        Its root.

    Raises:
        OssError: It is none.
    """
    try:
        return ET.fromstring(body)  # noqa: S314  (sent by the test that started this server)
    except ET.ParseError:
        message = "The XML you provided was not well-formed or did not validate."
        raise OssError(400, "MalformedXML", message) from None


def text(root: ET.Element, name: str, default: str = "") -> str:
    """Return the text of a child."""
    return root.findtext(name) or default


def http_date(seconds: float) -> str:
    """Write a moment as HTTP's headers do."""
    moment = dt.datetime.fromtimestamp(seconds, dt.timezone.utc)
    return moment.strftime("%a, %d %b %Y %H:%M:%S GMT")


def iso_date(seconds: float) -> str:
    """Write a moment as OSS's documents do."""
    moment = dt.datetime.fromtimestamp(seconds, dt.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
