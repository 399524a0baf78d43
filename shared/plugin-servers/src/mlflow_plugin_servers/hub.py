"""The Hugging Face Hub: a server of this package's own that speaks its API, for there is none to be had."""

from __future__ import annotations

import contextlib
import json
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_plugin_servers.__about__ import __version__
from mlflow_plugin_servers.binaries import Binaries
from mlflow_plugin_servers.catalog import Entry
from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.hub_server import HubServer
from mlflow_plugin_servers.local import LocalServer, Recipe
from mlflow_plugin_servers.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlflow_plugin_servers.process import Process

__all__ = ["ENTRY", "find", "hub", "prepare"]

_MAIN = Path(__file__).with_name("hub_main.py")
_SETTINGS = "settings.json"
_USER = "tester"


class _Recipe(Recipe):
    name = HubServer.name
    # It is this package's own and refuses nobody; another user could not read the Python that runs this.
    accounts = ()
    ready_within = 20.0

    def __init__(self, settings: dict[str, str]) -> None:
        self._settings = settings

    def initialise(self, process: Process) -> None:
        process.add_file(_SETTINGS, json.dumps(self._settings))

    def command(self, folder: Path, port: int) -> list[str]:
        # -I and -S: nothing of the environment or the installed packages reaches it.
        return [sys.executable, "-I", "-S", str(_MAIN), str(folder), LOOPBACK, str(port)]

    def ready(self, port: int) -> bool:
        return not self.server(port).problem()

    def server(self, port: int, local: LocalServer | None = None) -> HubServer:
        own = self._settings
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
    return Binaries({"hub_main.py": _MAIN}, __version__, "this package")


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
    if options:
        message = f"failed to start: the hub server has no option {', '.join(options)}"
        raise ServerUnavailableError(message)
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
