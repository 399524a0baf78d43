"""The suite of project backends: what `mlflow run -b name` runs a project with."""

from __future__ import annotations

from mlflow_plugin_testing.backend.suite import BackendCapability, ProjectBackendSuite

__all__ = ["BackendCapability", "ProjectBackendSuite"]
