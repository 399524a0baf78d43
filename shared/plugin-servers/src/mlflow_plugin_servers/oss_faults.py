"""What the OSS server does wrong on command, and the list of what it was asked."""

from __future__ import annotations

import collections
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlflow_plugin_servers.oss_errors import OssError
from mlflow_plugin_servers.oss_objects import CRC

if TYPE_CHECKING:
    from mlflow_plugin_servers.oss_http import Request
    from mlflow_plugin_servers.own_http import Response

__all__ = ["Faults"]

_REMEMBERED = 10_000
_CODES = {
    403: ("AccessDenied", "You have no right to access this object because of bucket acl."),
    429: ("TooManyRequests", "Your request rate is too high."),
    500: ("InternalError", "We encountered an internal error. Please try again."),
    503: ("ServiceUnavailable", "Please reduce your request rate."),
}


@dataclass
class _Fault:
    """One order; see `OssServer.fail` and its neighbours."""

    kind: str
    times: int = 1
    method: str = ""
    key: str = ""
    query: str = ""
    status: int = 503
    code: str = ""
    retry_after: int | None = None
    after: bool = False
    seconds: float = 0.0

    def concerns(self, request: Request) -> bool:
        """Tell whether a request is one of those that were meant."""
        return (
            self.times > 0
            and self.method in {"", request.method}
            and self.key in request.key
            and (not self.query or self.query in request)
        )

    def error(self) -> OssError:
        """Make the error that is answered."""
        code, message = _CODES.get(self.status, ("InternalError", "A fault on command."))
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return OssError(self.status, self.code or code, message, headers=headers)


class Faults:
    """Orders that wait for their request."""

    def __init__(self) -> None:
        """Do nothing wrong."""
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

    def before(self, request: Request) -> OssError | None:
        """Do what is ordered before a request is looked at.

        Args:
            request: The request.

        Returns:
            An error that is answered although the request is carried out.

        Raises:
            OssError: The error that is answered instead.
        """
        if delay := self._take("delay", request):
            time.sleep(delay.seconds)
        fault = self._take("fail", request)
        if fault and not fault.after:
            raise fault.error()
        return fault.error() if fault else None

    def spoil(self, request: Request, answer: Response) -> None:
        """Change the checksum of an answer, if that is ordered.

        Args:
            request: The request.
            answer: Its answer.
        """
        if CRC in answer.headers and self._take("corrupt", request):
            answer.headers[CRC] = str(int(answer.headers[CRC]) ^ 1)

    def note(self, request: Request, status: int) -> None:
        """Remember a request.

        Args:
            request: The request.
            status: What was answered.
        """
        entry = {
            "method": request.method,
            "bucket": request.bucket,
            "key": request.key,
            "query": request.query,
            "status": status,
            "headers": request.headers,
        }
        with self._lock:  # one that comes while the list is handed over is for the next list
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
