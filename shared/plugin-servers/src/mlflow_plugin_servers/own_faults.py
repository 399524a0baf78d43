"""What the servers that are this package's own do wrong on command, and the list of what they were asked."""

from __future__ import annotations

import collections
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from mlflow_plugin_servers.own_http import Response

__all__ = ["Fault", "Faults"]

_REMEMBERED = 10_000


@dataclass
class Fault(ABC):
    """One order; see `fail` of the servers, and its neighbours."""

    kind: str
    times: int = 1
    method: str = ""
    status: int = 503
    retry_after: int | None = None
    after: bool = False
    seconds: float = 0.0

    def concerns(self, request: Any) -> bool:
        """Tell whether a request is one of those that were meant."""
        return self.times > 0 and self.method in {"", request.method} and self.is_about(request)

    @abstractmethod
    def is_about(self, request: Any) -> bool:
        """Tell whether a request goes to what was meant."""

    @abstractmethod
    def error(self) -> Exception:
        """Make the error that is answered."""

    @property
    def headers(self) -> dict[str, str]:
        """What the error tells besides."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


class Faults(ABC):
    """Orders that wait for their request.

    Attributes:
        fault: The server's own kind of order.
        waiting: How many requests are delayed at this moment, and not carried out yet.
    """

    fault: ClassVar[type[Fault]]

    def __init__(self) -> None:
        """Do nothing wrong."""
        self.waiting = 0
        self._lock = threading.Lock()
        self._orders: list[Fault] = []
        self._asked: collections.deque[dict[str, Any]] = collections.deque(maxlen=_REMEMBERED)

    def order(self, wanted: dict[str, Any]) -> None:
        """Take an order.

        Args:
            wanted: Its `kind` (fail, corrupt, delay) and the rest by name.
        """
        with self._lock:
            self._orders.append(self.fault(**wanted))

    def heal(self) -> None:
        """Forget all orders."""
        with self._lock:
            self._orders.clear()

    def before(self, request: Any) -> Exception | None:
        """Do what is ordered before a request is looked at.

        Args:
            request: The request.

        Returns:
            An error that is answered although the request is carried out.

        Raises:
            Exception: The error that is answered instead, of the server's own kind.
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

    @abstractmethod
    def spoil(self, request: Any, answer: Response) -> None:
        """Change an answer, if that is ordered."""

    def remember(self, entry: dict[str, Any]) -> None:
        """Put a request on the list."""
        with self._lock:  # one that comes while the list is handed over is for the next list
            self._asked.append(entry)

    def asked(self) -> list[dict[str, Any]]:
        """Hand the list of requests over, and begin a new one."""
        with self._lock:
            told = list(self._asked)
            self._asked.clear()
        return told

    def _take(self, kind: str, request: Any) -> Fault | None:
        with self._lock:
            for order in self._orders:
                if order.kind == kind and order.concerns(request):
                    order.times -= 1
                    return order
        return None
