"""What tests see of the servers that are this package's own: they take orders."""

from __future__ import annotations

import contextlib
import http
import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mlflow_plugin_servers.server import Server

if TYPE_CHECKING:
    from mlflow_plugin_servers.server import Life

__all__ = ["OrderedServer"]


class OrderedServer(Server):
    """A server that does wrong on command, and tells what it was asked."""

    def __init__(self, local: Life | None, control: str) -> None:
        """Describe it.

        Args:
            local: Its process, when it was started here.
            control: The word that lets one give it orders.
        """
        super().__init__(local)
        self._control = control

    def heal(self) -> None:
        """Take all faults back; clock and places are as they were at first."""
        self._tell("heal")

    def _put_right(self) -> None:
        """Start a server that an earlier test left stopped, and have it forget what it was told."""
        if self.managed:
            self.start()
            self.heal()

    def _tell(self, what: str, **order: Any) -> Any:
        self._ours("give orders to")
        host = urlsplit(self.uri).netloc
        with contextlib.closing(http.client.HTTPConnection(host, timeout=30)) as connection:
            connection.request(
                "POST", f"/_control/{what}", json.dumps(order), {"x-control": self._control}
            )
            answer = connection.getresponse()
            body = answer.read()
        if answer.status != http.HTTPStatus.OK:
            message = f"the {self.name} server did not understand {what} {order}: {answer.status}"
            raise ValueError(message)
        return json.loads(body)
