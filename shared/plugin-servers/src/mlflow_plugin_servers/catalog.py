"""The servers that this package knows, by name, and what the environment says about each."""

from __future__ import annotations

import contextlib
import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mlflow_plugin_servers import mariadb, postgresql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlflow_plugin_servers.binaries import Binaries
    from mlflow_plugin_servers.database import DatabaseServer

__all__ = ["REQUIRE_VARIABLE", "SERVERS", "Entry", "acquire", "required", "uri_variable"]

REQUIRE_VARIABLE = "MLFLOW_PLUGIN_SERVERS_REQUIRE"


class Run(Protocol):
    """Runs a server of one's own."""

    def __call__(
        self,
        *,
        durable: bool = False,
        options: Mapping[str, str] | None = None,
        port: int | None = None,
        required: bool = False,
    ) -> AbstractContextManager[DatabaseServer]:
        """Run it for the length of a `with` block."""


@dataclass(frozen=True)
class Entry:
    """One kind of server.

    Attributes:
        run: Runs one.
        at: Takes one that is there already.
        prepare: Makes sure that its programs are there.
        find: Looks for them.
    """

    run: Run
    at: Callable[[str], DatabaseServer]
    prepare: Callable[..., Binaries]
    find: Callable[[], Binaries | None]


SERVERS: dict[str, Entry] = {
    "postgresql": Entry(
        postgresql.postgresql, postgresql.PostgresqlServer.at, postgresql.prepare, postgresql.find
    ),
    "mariadb": Entry(mariadb.mariadb, mariadb.MariadbServer.at, mariadb.prepare, mariadb.find),
}


def uri_variable(name: str) -> str:
    """Name the variable that takes the URI of a server somebody runs already.

    Args:
        name: Kind of server.

    Returns:
        The environment variable.
    """
    return f"MLFLOW_PLUGIN_SERVERS_{name.upper()}_URI"


def required(name: str) -> bool:
    """Tell whether tests may not go without a server.

    Args:
        name: Kind of server.

    Returns:
        Whether the environment asks for it by name or asks for all.
    """
    wanted = os.environ.get(REQUIRE_VARIABLE, "").replace(",", " ").split()
    return "all" in wanted or name in wanted


@contextlib.contextmanager
def acquire(name: str, *, private: bool = False) -> Iterator[DatabaseServer]:
    """Give the server that the environment names, or run one.

    Args:
        name: Kind of server.
        private: Whether it must be one of one's own, which may be killed.

    Yields:
        The server.

    Raises:
        ServerUnavailableError: It cannot be had; the message says why.
    """
    entry = SERVERS[name]
    uri = os.environ.get(uri_variable(name))
    if uri and not private:
        yield entry.at(uri)
    else:
        with entry.run(required=required(name)) as server:
            yield server
