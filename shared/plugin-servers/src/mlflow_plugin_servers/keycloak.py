"""Keycloak: the full distribution, by Maven."""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING

from mlflow_plugin_servers.catalog import Entry
from mlflow_plugin_servers.keycloak_distribution import find, prepare, template
from mlflow_plugin_servers.keycloak_node import KeycloakRecipe
from mlflow_plugin_servers.keycloak_server import KeycloakServer
from mlflow_plugin_servers.local import LocalServer
from mlflow_plugin_servers.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ENTRY", "keycloak"]


@contextlib.contextmanager
def keycloak(
    *,
    options: Mapping[str, str] | None = None,
    port: int | None = None,
    required: bool = False,
) -> Iterator[KeycloakServer]:
    """Run a Keycloak server of one's own.

    Args:
        options: More options of `kc.sh start`, without the dashes, such as `log-level`; those that need a build are
            refused.
        port: Port on loopback for http; a free one by default. That for https is always a free one.
        required: Whether everything is done to have it.

    Yields:
        The running server.

    Raises:
        ServerUnavailableError: It cannot be had or does not start.
    """
    programs = prepare(required=required)
    database, password = template(programs)
    recipe = KeycloakRecipe(programs, database=database, options=options)
    local = LocalServer(recipe, port)
    try:
        server = KeycloakServer(
            f"http://{LOOPBACK}:{local.port}",
            password,
            https_uri=f"https://{LOOPBACK}:{recipe.secure_port}",
            authority=recipe.authority,
            local=local,
        )
        # The one that all servers begin with lies in the cache.
        server.change_password(secrets.token_hex(12))
        yield server
    finally:
        local.close()


ENTRY = Entry(keycloak, KeycloakServer.at, prepare, find)
