"""What `check` is told about this plugin, and the step that only a database has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_plugin_core.checks import Subject

if TYPE_CHECKING:
    from mlflow_sqlserver_artifacts.store import SqlBlobStore


def _prepare(store: SqlBlobStore) -> None:
    store.database.prepare()


SUBJECT = Subject(
    distribution="mlflow-sqlserver-artifacts",
    opening="mlflow_sqlserver_artifacts.opening:open_store",
    repository="mlflow_sqlserver_artifacts.repository:SqlArtifactRepository",
    settings="settings, driver and credentials",
    steps=[("tables are there, their version fits", _prepare)],
)
