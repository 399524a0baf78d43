"""A small HTTP server on loopback that remembers what it was sent."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Listener", "listening"]


class Listener(ThreadingHTTPServer):
    """The server.

    Attributes:
        heard: Headers of each request so far; names in lower case.
        redirect_to: URL that each request is sent on to; empty to answer it.
    """

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: list[dict[str, str]] = []
        self.redirect_to = ""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        if not isinstance(server, Listener):
            return
        server.heard.append({name.lower(): value for name, value in self.headers.items()})
        body = b"{}"
        self.send_response(302 if server.redirect_to else 200)
        if server.redirect_to:
            self.send_header("Location", server.redirect_to)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name there)
        """Say nothing: the tests look at `heard`."""


@contextlib.contextmanager
def listening() -> Iterator[Listener]:
    """Run a server for the length of a `with` block.

    Yields:
        The server.
    """
    server = Listener()
    # Half a second, the default, would be waited for at the end of each test.
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
