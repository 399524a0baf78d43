"""The suite of model registry stores: MLflow's own SQL store is the measure of all answers."""

from __future__ import annotations

from mlflow_plugin_testing.registry.capabilities import RegistryCapability
from mlflow_plugin_testing.registry.suite import ModelRegistryStoreSuite

__all__ = ["ModelRegistryStoreSuite", "RegistryCapability"]
