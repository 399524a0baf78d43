"""Requests with JSON to a server on loopback, by the standard library alone."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, unquote, urlsplit

__all__ = ["Rest", "with_user"]


class Rest:
    """A server's address, and the user who asks there."""

    def __init__(self, uri: str, authority: str = "") -> None:
        """Read where the server is.

        Args:
            uri: Such as `https://user:password@127.0.0.1:9200`.
            authority: Certificate, as PEM text, of the authority that signed the server's; by default those are trusted
                that this system trusts.

        Raises:
            ValueError: It is not the address of an HTTP server. The message does not show it.
        """
        parts = urlsplit(uri)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            message = "the URI must have the form http://user:password@host:port"
            raise ValueError(message)
        self.user = unquote(parts.username or "")
        self.password = unquote(parts.password or "")
        self.port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        self.netloc = parts.netloc.rpartition("@")[2]
        self.base = f"{parts.scheme}://{self.netloc}{parts.path.rstrip('/')}"
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if parts.scheme == "https":
            context = ssl.create_default_context(cadata=authority or None)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        self._opener = urllib.request.build_opener(*handlers)

    def ask(
        self, method: str, path: str, body: Any = None, *, timeout: float = 30.0
    ) -> tuple[int, Any]:
        """Make a request.

        Args:
            method: Such as PUT.
            path: Beginning with a slash, with the query.
            body: Sent as JSON; a text as it is.
            timeout: Seconds of silence that end it.

        Returns:
            The status and what came: JSON read, anything else as text.

        Raises:
            OSError: There is no answer.
        """
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if self.user:
            pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")
            headers["Authorization"] = f"Basic {pair}"
        request = urllib.request.Request(  # noqa: S310  (the scheme was looked at above)
            self.base + path,
            data=data if body is not None else None,
            headers=headers,
            method=method,
        )
        try:
            answer = self._opener.open(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            text = answer.read().decode("utf-8", "replace")
        try:
            return int(answer.status), json.loads(text)
        except ValueError:
            return int(answer.status), text


def with_user(uri: str, user: str, password: str, *, port: int | None = None) -> str:
    """Write a user into a URI.

    Args:
        uri: Of a server.
        user: User's name; empty for nobody.
        password: User's password.
        port: Another port, such as that of a proxy before the server.

    Returns:
        The URI of the same server.
    """
    parts = urlsplit(uri)
    netloc = parts.netloc.rpartition("@")[2]
    if port is not None:
        netloc = f"{netloc.rpartition(':')[0]}:{port}"
    who = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
    return parts._replace(netloc=who + netloc).geturl()
