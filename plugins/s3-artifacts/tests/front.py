"""A small HTTP server before an S3 server: it counts requests, and answers some of them itself."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

_HOP = {"connection", "keep-alive", "transfer-encoding"}


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Answer:
    """What is answered instead of the server."""

    status: int
    code: str = ""
    more: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        text = f"<Code>{self.code}</Code><Message>told by the test</Message>{self.more}"
        return f'<?xml version="1.0" encoding="UTF-8"?><Error>{text}</Error>'.encode()


Rule = Callable[[Asked], "Answer | None"]


class Front:
    """Passes requests on to a port, unless its rule answers them.

    Attributes:
        rule: Asked for each request; None passes it on.
        asked: All requests so far.
    """

    def __init__(self, port: int) -> None:
        self.rule: Rule = lambda _asked: None
        self.asked: list[Asked] = []
        self.damage: Callable[[Asked, bytes], bytes] = lambda _asked, body: body
        front = self

        class Handler(_Handler):
            def handle_one(self) -> None:
                front._serve(self, port)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, handler: _Handler, port: int) -> None:
        size = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(size)
        asked = Asked(handler.command, handler.path, dict(handler.headers), body)
        self.asked.append(asked)
        answer = self.rule(asked)
        if answer is not None:
            found = b"" if handler.command == "HEAD" else answer.body
            handler.answer(answer.status, answer.headers, found)
            return
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        headers = {
            name: value for name, value in handler.headers.items() if name.lower() != "expect"
        }
        with contextlib.closing(connection):
            connection.request(handler.command, handler.path, body=body or None, headers=headers)
            with connection.getresponse() as told:
                found = self.damage(asked, told.read())
        handler.answer(told.status, dict(told.getheaders()), found)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_one(self) -> None:
        raise NotImplementedError

    def _serve_one(self) -> None:
        self.handle_one()

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        length = str(len(body))
        for name, value in headers.items():
            if name.lower() == "content-length":
                # Of an answer to HEAD it is the object's.
                length = value if self.command == "HEAD" else length
            elif name.lower() not in _HOP:
                self.send_header(name, value)
        if status not in {204, 304}:
            self.send_header("Content-Length", length)
        try:
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # the client was killed meanwhile

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve_one  # noqa: N815  # http.server's names


__all__ = ["Answer", "Asked", "Front"]
