"""The fixtures, loaded into each pytest run of an environment that has this package."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

# Only names are imported here: this module is part of each pytest run, whether it needs a server or not.
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlflow_plugin_servers.database import DatabaseServer
    from mlflow_plugin_servers.proxy import Proxy

__all__ = [
    "mariadb_server",
    "mariadb_uri",
    "postgresql_server",
    "postgresql_uri",
    "private_mariadb_server",
    "private_postgresql_server",
    "tcp_proxy",
]


@contextlib.contextmanager
def _server(name: str, *, private: bool = False) -> Iterator[DatabaseServer]:
    from mlflow_plugin_servers import catalog, errors

    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(catalog.acquire(name, private=private))
        except errors.ServerUnavailableError as error:
            if catalog.required(name):
                pytest.fail(
                    f"{name} is required ({catalog.REQUIRE_VARIABLE}): {error}", pytrace=False
                )
            pytest.skip(f"no {name}: {error}")
        yield server


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[DatabaseServer]:
    """A PostgreSQL server for the whole session; MLFLOW_PLUGIN_SERVERS_POSTGRESQL_URI names another to use."""
    with _server("postgresql") as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[DatabaseServer]:
    """A MariaDB server for the whole session; MLFLOW_PLUGIN_SERVERS_MARIADB_URI names another to use."""
    with _server("mariadb") as server:
        yield server


@pytest.fixture
def private_postgresql_server() -> Iterator[DatabaseServer]:
    """A PostgreSQL server for one test, which may stop and kill it."""
    with _server("postgresql", private=True) as server:
        yield server


@pytest.fixture
def private_mariadb_server() -> Iterator[DatabaseServer]:
    """A MariaDB server for one test, which may stop and kill it."""
    with _server("mariadb", private=True) as server:
        yield server


@pytest.fixture
def postgresql_uri(postgresql_server: DatabaseServer) -> Iterator[str]:
    """The URL of a new, empty PostgreSQL database that the application user owns, dropped after the test."""
    with postgresql_server.fresh_database() as uri:
        yield uri


@pytest.fixture
def mariadb_uri(mariadb_server: DatabaseServer) -> Iterator[str]:
    """The URL of a new, empty MariaDB database that the application user owns, dropped after the test."""
    with mariadb_server.fresh_database() as uri:
        yield uri


@pytest.fixture
def tcp_proxy() -> Iterator[Callable[..., Proxy]]:
    """Make a proxy before a port, as in `tcp_proxy(postgresql_server.port)`; closed after the test."""
    from mlflow_plugin_servers.proxy import Proxy

    with contextlib.ExitStack() as stack:
        yield lambda port, host="127.0.0.1": stack.enter_context(Proxy(port, host))
