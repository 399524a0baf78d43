"""The suite of artifact repositories: MLflow's own repository of a local folder is the measure of all answers."""

from __future__ import annotations

from mlflow_plugin_testing.artifacts.capabilities import ArtifactCapability
from mlflow_plugin_testing.artifacts.side_door import FolderSideDoor, SideDoor
from mlflow_plugin_testing.artifacts.suite import ArtifactRepositorySuite

__all__ = ["ArtifactCapability", "ArtifactRepositorySuite", "FolderSideDoor", "SideDoor"]
