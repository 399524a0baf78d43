"""What the Hub server does wrong on command, and the list of what it was asked."""

from __future__ import annotations

import collections
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlflow_plugin_servers.hub_errors import HubError
from mlflow_plugin_servers.own_http import Piece

if TYPE_CHECKING:
    from mlflow_plugin_servers.hub_http import Request
    from mlflow_plugin_servers.own_http import Response

__all__ = ["Faults"]

_REMEMBERED = 10_000
_MESSAGES = {
    409: "Conflict: another commit is in progress",
    412: "A commit has happened since. Please refresh and try again.",
    429: "We had to rate limit you. Please retry later.",
    500: "Internal Error - We're working hard to fix this as soon as possible!",
    503: "Service Unavailable",
}


@dataclass
class _Fault:
    """One order; see `HubServer.fail` and its neighbours."""

    kind: str
    times: int = 1
    method: str = ""
    path: str = ""
    status: int = 503
    message: str = ""
    retry_after: int | None = None
    after: bool = False
    seconds: float = 0.0

    def concerns(self, request: Request) -> bool:
        """Tell whether a request is one of those that were meant."""
        return self.times > 0 and self.method in {"", request.method} and self.path in request.path

    def error(self) -> HubError:
        """Make the error that is answered."""
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        message = self.message or _MESSAGES.get(self.status, "A fault on command.")
        return HubError(self.status, message, headers=headers)


class Faults:
    """Orders that wait for their request."""

    def __init__(self) -> None:
        """Do nothing wrong."""
        self.waiting = 0
        self._lock = threading.Lock()
        self._orders: list[_Fault] = []
        self._asked: collections.deque[dict[str, Any]] = collections.deque(maxlen=_REMEMBERED)

    def order(self, wanted: dict[str, Any]) -> None:
        """Take an order.

        Args:
            wanted: Its `kind` (fail, corrupt, delay) and the rest by name.
        """
        with self._lock:
            self._orders.append(_Fault(**wanted))

    def heal(self) -> None:
        """Forget all orders."""
        with self._lock:
            self._orders.clear()

    def before(self, request: Request) -> HubError | None:
        """Do what is ordered before a request is looked at.

        Args:
            request: The request.

        Returns:
            An error that is answered although the request is carried out.

        Raises:
            HubError: The error that is answered instead.
        """
        if delay := self._take("delay", request):
            with self._lock:
                self.waiting += 1
            time.sleep(delay.seconds)
            with self._lock:
                self.waiting -= 1
        fault = self._take("fail", request)
        if fault and not fault.after:
            raise fault.error()
        return fault.error() if fault else None

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
        self._asked.append(entry)

    def asked(self) -> list[dict[str, Any]]:
        """Hand the list of requests over, and begin a new one."""
        with self._lock:
            told = list(self._asked)
            self._asked.clear()
        return told

    def _take(self, kind: str, request: Request) -> _Fault | None:
        with self._lock:
            for order in self._orders:
                if order.kind == kind and order.concerns(request):
                    order.times -= 1
                    return order
        return None
