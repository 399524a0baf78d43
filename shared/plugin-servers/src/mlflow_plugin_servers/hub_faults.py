"""What the Hub server does wrong on command, and the list of what it was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlflow_plugin_servers import own_faults
from mlflow_plugin_servers.hub_errors import HubError
from mlflow_plugin_servers.own_http import Piece

if TYPE_CHECKING:
    from mlflow_plugin_servers.hub_http import Request
    from mlflow_plugin_servers.own_http import Response

__all__ = ["Faults"]

_MESSAGES = {
    409: "Conflict: another commit is in progress",
    412: "A commit has happened since. Please refresh and try again.",
    429: "We had to rate limit you. Please retry later.",
    500: "Internal Error - We're working hard to fix this as soon as possible!",
    503: "Service Unavailable",
}


@dataclass
class _Fault(own_faults.Fault):
    """One order; see `HubServer.fail` and its neighbours."""

    path: str = ""
    message: str = ""

    def is_about(self, request: Request) -> bool:
        """Tell whether a request goes to what was meant."""
        return self.path in request.path

    def error(self) -> HubError:
        """Make the error that is answered."""
        message = self.message or _MESSAGES.get(self.status, "A fault on command.")
        return HubError(self.status, message, headers=self.headers)


class Faults(own_faults.Faults):
    """Orders that wait for their request."""

    fault = _Fault

    def spoil(self, request: Request, answer: Response) -> None:
        """Change a byte of a file or xorb that is sent, if that is ordered.

        Args:
            request: The request.
            answer: Its answer.
        """
        body = answer.body
        if isinstance(body, Piece) and body.length and self._take("corrupt", request):
            with body.stream:
                body.stream.seek(body.start)
                data = bytearray(body.stream.read(body.length))
            # Not in a header, which would be noticed for what it is: in the last byte of the content.
            data[-1] ^= 1
            answer.body = bytes(data)

    def note(self, request: Request, status: int) -> None:
        """Remember a request.

        Args:
            request: The request.
            status: What was answered.
        """
        headers = {
            name: value for name, value in request.headers.items() if name != "authorization"
        }
        entry = {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "status": status,
            "headers": headers,
            "authorized": "authorization" in request.headers,
        }
        self.remember(entry)
