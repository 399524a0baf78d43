"""Alibaba OSS: a server of this package's own that speaks its protocol, for there is none to be had."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_plugin_servers.catalog import Entry
from mlflow_plugin_servers.local import LocalServer
from mlflow_plugin_servers.oss_requests import Account
from mlflow_plugin_servers.oss_server import OssServer
from mlflow_plugin_servers.own_recipe import OwnRecipe, found, refuse_options
from mlflow_plugin_servers.ports import LOOPBACK

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from mlflow_plugin_servers.binaries import Binaries

__all__ = ["ENTRY", "find", "oss", "prepare"]

REGION = "cn-hangzhou"
_MAIN = Path(__file__).with_name("oss_main.py")


class _Recipe(OwnRecipe):
    name = OssServer.name
    program = _MAIN

    def ready(self, port: int) -> bool:
        return not self.server(port).problem()

    def server(self, port: int, local: LocalServer | None = None) -> OssServer:
        own = self.settings
        endpoint = f"http://{LOOPBACK}:{port}"
        account = Account(endpoint, own["key_id"], own["secret"], own["region"])
        return OssServer(account, local, own["control"])


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
def oss(
    *,
    options: Mapping[str, str] | None = None,
    port: int | None = None,
    region: str = REGION,
    required: bool = False,
) -> Iterator[OssServer]:
    """Run a server of OSS's protocol.

    Args:
        options: It has no settings; giving one is an error.
        port: Port on loopback; a free one by default.
        region: The region that version 4 of the signature must name.
        required: Not looked at.

    Yields:
        The running server, with an access key of its own.

    Raises:
        ServerUnavailableError: It does not start.
    """
    refuse_options(_Recipe.name, options)
    del required
    settings = {
        "region": region,
        "key_id": f"LTAI{secrets.token_hex(10)}",
        "secret": secrets.token_hex(15),
        "control": secrets.token_hex(16),
    }
    recipe = _Recipe(settings)
    local = LocalServer(recipe, port)
    try:
        yield recipe.server(local.port, local)
    finally:
        local.close()


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--region", default=REGION, help="the region of its buckets")


ENTRY = Entry(oss, OssServer.at, prepare, find, _arguments)
