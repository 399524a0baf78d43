"""The Hugging Face Hub: a server of this package's own that speaks its API, for there is none to be had."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_plugin_servers.catalog import Entry
from mlflow_plugin_servers.hub_server import HubServer
from mlflow_plugin_servers.local import LocalServer
from mlflow_plugin_servers.own_recipe import OwnRecipe, found, refuse_options
from mlflow_plugin_servers.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlflow_plugin_servers.binaries import Binaries

__all__ = ["ENTRY", "find", "hub", "prepare"]

_MAIN = Path(__file__).with_name("hub_main.py")
_USER = "tester"


class _Recipe(OwnRecipe):
    name = HubServer.name
    program = _MAIN

    def ready(self, port: int) -> bool:
        return not self.server(port).problem()

    def server(self, port: int, local: LocalServer | None = None) -> HubServer:
        own = self.settings
        return HubServer(
            f"http://{LOOPBACK}:{port}",
            own["token"],
            local,
            user=own["user"],
            read_token=own["read_token"],
            control=own["control"],
        )


def find() -> Binaries:
    """Return the server, which is part of this package."""
    return found(_MAIN)


def prepare(*, required: bool = True) -> Binaries:
    """Make sure that it is there, which it always is.

    Args:
        required: Not looked at.

    Returns:
        The server.
    """
    del required
    return find()


@contextlib.contextmanager
def hub(
    *,
    options: Mapping[str, str] | None = None,
    port: int | None = None,
    required: bool = False,
) -> Iterator[HubServer]:
    """Run a server of the Hub's API.

    Args:
        options: It has no settings; giving one is an error.
        port: Port on loopback; a free one by default.
        required: Not looked at.

    Yields:
        The running server, with tokens of its own.

    Raises:
        ServerUnavailableError: It does not start.
    """
    refuse_options(_Recipe.name, options)
    del required
    settings = {
        "user": _USER,
        "token": f"hf_{secrets.token_hex(17)}",
        "read_token": f"hf_{secrets.token_hex(17)}",
        "control": secrets.token_hex(16),
    }
    recipe = _Recipe(settings)
    local = LocalServer(recipe, port)
    try:
        yield recipe.server(local.port, local)
    finally:
        local.close()


ENTRY = Entry(hub, HubServer.at, prepare, find)
