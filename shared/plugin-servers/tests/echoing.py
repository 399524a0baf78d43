"""A server that answers with what it was sent."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from typing import TYPE_CHECKING

from mlflow_plugin_servers.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["echo"]


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        try:
            while data := self.request.recv(65536):
                self.request.sendall(data)
        except OSError:
            return


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


@contextlib.contextmanager
def echo() -> Iterator[int]:
    """Run one and give its port."""
    with _Server((LOOPBACK, 0), _Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()
