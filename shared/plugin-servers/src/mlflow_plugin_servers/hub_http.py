"""Requests as the Hub server takes them apart, and answers in JSON or in ranges of a file."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, unquote_plus

from mlflow_plugin_servers import own_http
from mlflow_plugin_servers.own_http import Piece, Response

if TYPE_CHECKING:
    from mlflow_plugin_servers.own_http import Body

__all__ = ["Handler", "Request", "json_answer", "ranged"]


@dataclass
class Request:
    """A request.

    Attributes:
        method: Such as GET.
        path: Its path as it was sent, still escaped.
        parts: What stands between the slashes of the path, unescaped: an escaped slash is part of a name.
        query: Parameters, unescaped, in their order.
        headers: By name in small letters.
        body: What follows.
        base: The address that the client used, such as `http://127.0.0.1:1234`.
        request_id: Made here.
    """

    method: str
    path: str
    parts: tuple[str, ...]
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: Body
    base: str
    request_id: str = field(default_factory=lambda: secrets.token_hex(12))

    def get(self, name: str, default: str = "") -> str:
        """Return the value of a parameter."""
        return next((value for each, value in self.query if each == name), default)

    def json(self) -> dict[str, Any]:
        """Read the body as a JSON object."""
        found: dict[str, Any] = json.loads(self.body.read() or b"{}")
        return found

    def form(self) -> list[tuple[str, str]]:
        """Read the body as a form or as a JSON object whose lists are repeated names."""
        data = self.body.read()
        if self.headers.get("content-type", "").startswith("application/json"):
            return [
                (name, str(each))
                for name, value in json.loads(data).items()
                for each in (value if isinstance(value, list) else [value])
            ]
        pairs = (pair.partition("=") for pair in data.decode().split("&") if pair)
        return [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]


def json_answer(value: object, status: int = 200, **headers: str) -> Response:
    """Answer with JSON; an underscore in a header's name stands for a hyphen."""
    found = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(
        status, {"Content-Type": "application/json", **found}, json.dumps(value).encode()
    )


def ranged(piece: Piece, asked: str, headers: dict[str, str]) -> Response:
    """Answer with a file or the part of it that a Range header asks for.

    Args:
        piece: The whole file.
        asked: The Range header; empty for everything.
        headers: Headers of the answer.

    Returns:
        200, 206, or 416 when the part begins behind the end.
    """
    headers = {"Accept-Ranges": "bytes", **headers}
    if not asked.startswith("bytes=") or "," in asked:
        return Response(200, headers, piece)
    first, _, last = asked.removeprefix("bytes=").partition("-")
    size = piece.length
    start = int(first) if first else max(0, size - int(last))
    stop = min(int(last) + 1, size) if first and last else size
    if start >= size:
        piece.stream.close()
        return Response(416, {**headers, "Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return Response(206, headers, Piece(piece.stream, piece.start + start, stop - start))


class Handler(own_http.Handler):
    """Takes the path apart."""

    software = "hub"
    id_header = "X-Request-Id"

    def received(
        self, path: str, query: list[tuple[str, str]], headers: dict[str, str], body: Body
    ) -> Request:
        """Make a request; see the base class."""
        names = tuple(unquote(each) for each in path.split("/")[1:])
        base = f"http://{headers.get('host', '')}"
        return Request(self.command, path, names, query, headers, body, base)
