"""HTTP for the Hub server: requests whose paths are taken apart, and answers that may be files."""

from __future__ import annotations

import contextlib
import http.server
import json
import secrets
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, unquote_plus, urlsplit

from mlflow_plugin_servers.oss_http import Body, Piece, Response

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Request", "Service", "json_answer", "ranged"]

_IDLE = 60.0


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


class Service(http.server.ThreadingHTTPServer):
    """Takes connections, a thread for each, and hands requests on."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, where: tuple[str, int], answer: Callable[[Request], Response]) -> None:
        """Start to listen.

        Args:
            where: Address and port.
            answer: What answers a request.
        """
        super().__init__(where, _Handler)
        self.answer = answer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over clients that went away; anything else is a bug and is logged."""
        import sys

        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE
    # Without it each small answer waits for the client's delayed acknowledgement of its headers.
    disable_nagle_algorithm = True
    wbufsize = 65536
    server: Service

    def _handle(self) -> None:
        request = self._request()
        answer = self.server.answer(request)
        try:
            # What was not read would be taken for the next request.
            for _ in request.body.blocks():
                pass
            self._send(request, answer)
        finally:
            if isinstance(answer.body, Piece):
                answer.body.stream.close()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _handle  # noqa: N815  (names of the base class)

    def _request(self) -> Request:
        headers = {name.lower(): value for name, value in self.headers.items()}
        parts = urlsplit(self.path if self.path.startswith("/") else "/")
        query = [
            (unquote_plus(name), unquote_plus(value))
            for name, _, value in (pair.partition("=") for pair in parts.query.split("&") if pair)
        ]
        chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        body = Body(self.rfile, None if chunked else int(headers.get("content-length") or 0))
        names = tuple(unquote(each) for each in parts.path.split("/")[1:])
        base = f"http://{headers.get('host', '')}"
        return Request(self.command, parts.path, names, query, headers, body, base)

    def _send(self, request: Request, answer: Response) -> None:
        length = answer.body.length if isinstance(answer.body, Piece) else len(answer.body)
        self.send_response(answer.status)
        self.send_header("X-Request-Id", request.request_id)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status not in {204, 304} and "Content-Length" not in answer.headers:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if request.method != "HEAD" and length:
            if isinstance(answer.body, bytes):
                self.wfile.write(answer.body)
            else:
                self.wfile.flush()
                self.connection.sendfile(answer.body.stream, answer.body.start, answer.body.length)
        self.wfile.flush()

    def version_string(self) -> str:
        return "hub"

    def log_message(self, *_: object) -> None:
        """Stay silent; the server keeps its own list of requests."""

    def finish(self) -> None:
        with contextlib.suppress(OSError, socket.timeout):
            super().finish()
