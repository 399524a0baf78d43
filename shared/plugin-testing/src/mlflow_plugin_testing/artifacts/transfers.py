"""Small HTTP requests to presigned URLs, as MLflow's own clients send them."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["fetch", "put"]

_SECONDS = 60


def put(url: str, data: bytes, headers: Mapping[str, str]) -> str:
    """Send data.

    Args:
        url: Where to.
        data: The data.
        headers: What the one who signed the URL asks for.

    Returns:
        The entity tag of the answer, as it stands there.

    Raises:
        AssertionError: The answer is an error.
    """
    _, tag = _send("PUT", url, headers, data)
    return tag


def fetch(url: str, headers: Mapping[str, str]) -> bytes:
    """Fetch data.

    Args:
        url: Where from.
        headers: What the one who signed the URL asks for.

    Raises:
        AssertionError: The answer is an error.
    """
    body, _ = _send("GET", url, headers, None)
    return body


def _send(
    method: str, url: str, headers: Mapping[str, str], data: bytes | None
) -> tuple[bytes, str]:
    request = urllib.request.Request(url, data=data, headers=dict(headers), method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310  (what the repository signed)
            return answer.read(), answer.headers.get("ETag") or ""
    except urllib.error.HTTPError as error:
        # A signed URL lets anybody in: only the part before its signature is shown.
        where, said = url.partition("?")[0], error.read(500)
        message = f"{method} {where} was answered by {error.code}: {said!r}"
        raise AssertionError(message) from None
