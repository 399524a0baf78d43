"""MLflow artifacts as BLOBs in SQL Server, PostgreSQL, MySQL, MariaDB and SQLite.

MLflow finds the plugin by itself; nothing has to be imported:

    mlflow.create_experiment("fraud", artifact_location="sqlite:////srv/mlflow/artifacts.db")
"""

from __future__ import annotations

# First of all: MLflow loads the entry points of all plugins while it is imported. Were it imported by
# a module of a plugin, it would find that module half loaded and do without the plugin.
import mlflow  # noqa: F401

from mlflow_sqlserver_artifacts.__about__ import __version__

__all__ = ["__version__"]
