"""HTTP for the servers that are this package's own: bodies flow through and are never held whole."""

from __future__ import annotations

import contextlib
import http.server
import socket
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, ClassVar, Protocol
from urllib.parse import unquote_plus, urlsplit

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator

__all__ = ["BLOCK", "Body", "Handler", "Piece", "Received", "Response", "Service"]

BLOCK = 1 << 20
_IDLE = 60.0


class Body:
    """The body of a request, read as it comes."""

    def __init__(self, stream: io.BufferedIOBase, length: int | None) -> None:
        """Read from a connection.

        Args:
            stream: The connection.
            length: Bytes of the body; None when it comes in chunks that tell their own.
        """
        self._stream = stream
        self._left = length or 0
        self._chunked = length is None

    def blocks(self) -> Iterator[bytes]:
        """Read what is left of it.

        Yields:
            Pieces of at most a mebibyte.

        Raises:
            ConnectionError: The client is gone before the end.
        """
        while self._left or self._next_chunk():
            data = self._stream.read(min(BLOCK, self._left))
            if not data:
                message = "the client went away in the middle of a body"
                raise ConnectionError(message)
            self._left -= len(data)
            if not self._left and self._chunked:
                self._stream.readline()
            yield data

    def read(self) -> bytes:
        """Read all of it; for the small ones."""
        return b"".join(self.blocks())

    def _next_chunk(self) -> bool:
        if not self._chunked:
            return False
        self._left = int(self._stream.readline().split(b";")[0] or b"0", 16)
        if not self._left:
            self._chunked = False
            while self._stream.readline().strip():
                pass
        return self._left > 0


@dataclass(frozen=True)
class Piece:
    """A part of a file as an answer's body.

    Attributes:
        stream: The open file; closed when the answer is sent.
        start: First byte.
        length: How many bytes.
    """

    stream: IO[bytes]
    start: int
    length: int


@dataclass
class Response:
    """An answer.

    Attributes:
        status: Status.
        headers: Headers besides those that every answer has.
        body: The body.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Piece = b""


class Received(Protocol):
    """What every server's request has."""

    method: str
    headers: dict[str, str]
    body: Body
    request_id: str


class Handler(http.server.BaseHTTPRequestHandler):
    """Reads the requests of one connection and sends the answers; a server says how it reads them.

    Attributes:
        software: What the Server header says.
        id_header: The header that tells a request's id.
    """

    software: ClassVar[str]
    id_header: ClassVar[str]
    protocol_version = "HTTP/1.1"
    timeout = _IDLE
    # Without it each small answer waits for the client's delayed acknowledgement of its headers.
    disable_nagle_algorithm = True
    wbufsize = 65536
    server: Service

    def received(
        self, path: str, query: list[tuple[str, str]], headers: dict[str, str], body: Body
    ) -> Received:
        """Make the server's own kind of request.

        Args:
            path: As it was sent, still escaped.
            query: Parameters, unescaped, in their order.
            headers: By name in small letters.
            body: What follows.

        Returns:
            The request.
        """
        raise NotImplementedError

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

    def _request(self) -> Received:
        headers = {name.lower(): value for name, value in self.headers.items()}
        parts = urlsplit(self.path if self.path.startswith("/") else "/")
        query = [
            (unquote_plus(name), unquote_plus(value))
            for name, _, value in (pair.partition("=") for pair in parts.query.split("&") if pair)
        ]
        chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        length = None if chunked else int(headers.get("content-length") or 0)
        return self.received(parts.path, query, headers, Body(self.rfile, length))

    def _send(self, request: Received, answer: Response) -> None:
        length = answer.body.length if isinstance(answer.body, Piece) else len(answer.body)
        self.send_response(answer.status)
        self.send_header(self.id_header, request.request_id)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status not in {204, 304} and "Content-Length" not in answer.headers:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if request.method != "HEAD" and length:
            self._send_body(answer.body)
        self.wfile.flush()

    def _send_body(self, body: bytes | Piece) -> None:
        if isinstance(body, bytes):
            self.wfile.write(body)
            return
        self.wfile.flush()
        self.connection.sendfile(body.stream, body.start, body.length)

    def version_string(self) -> str:
        """Name the server."""
        return self.software

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Tell the server's time."""
        return super().date_time_string(self.server.now() if timestamp is None else timestamp)

    def log_message(self, *_: object) -> None:
        """Stay silent; the server keeps its own list of requests."""

    def finish(self) -> None:
        """Pass over a client that is gone."""
        with contextlib.suppress(OSError, socket.timeout):
            super().finish()


class Service(http.server.ThreadingHTTPServer):
    """Takes connections, a thread for each, and hands requests on."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        where: tuple[str, int],
        handler: type[Handler],
        answer: Callable[[Any], Response],
        now: Callable[[], float] = time.time,
    ) -> None:
        """Start to listen.

        Args:
            where: Address and port.
            handler: How requests are read.
            answer: What answers a request.
            now: The server's time, in seconds since 1970.
        """
        super().__init__(where, handler)
        self.answer = answer
        self.now = now

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over clients that went away; anything else is a bug and is logged."""
        import sys

        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)
