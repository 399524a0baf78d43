"""The fixtures, loaded into each pytest run of an environment that has this package."""

from __future__ import annotations

__all__ = ["pytest_plugins"]

# A module for each kind of server; pytest takes the fixtures that it finds there.
pytest_plugins = [
    "mlflow_plugin_servers.fixtures.elasticsearch",
    "mlflow_plugin_servers.fixtures.hub",
    "mlflow_plugin_servers.fixtures.keycloak",
    "mlflow_plugin_servers.fixtures.kubernetes",
    "mlflow_plugin_servers.fixtures.mariadb",
    "mlflow_plugin_servers.fixtures.minio",
    "mlflow_plugin_servers.fixtures.oidc",
    "mlflow_plugin_servers.fixtures.opensearch",
    "mlflow_plugin_servers.fixtures.oss",
    "mlflow_plugin_servers.fixtures.postgresql",
    "mlflow_plugin_servers.fixtures.proxy",
    "mlflow_plugin_servers.fixtures.s3",
    "mlflow_plugin_servers.fixtures.slurm",
]
