"""The fixtures, loaded into each pytest run of an environment that has this package."""

from __future__ import annotations

# pytest takes the fixtures it finds in this module by their names, one line for each kind of server.
from mlflow_plugin_servers.fixtures.mariadb import (
    mariadb_server,
    mariadb_uri,
    private_mariadb_server,
)
from mlflow_plugin_servers.fixtures.postgresql import (
    postgresql_server,
    postgresql_uri,
    private_postgresql_server,
)
from mlflow_plugin_servers.fixtures.proxy import tcp_proxy

__all__ = [
    "mariadb_server",
    "mariadb_uri",
    "postgresql_server",
    "postgresql_uri",
    "private_mariadb_server",
    "private_postgresql_server",
    "tcp_proxy",
]
