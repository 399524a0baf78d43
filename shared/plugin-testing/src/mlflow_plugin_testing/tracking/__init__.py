"""The suite of tracking stores: MLflow's own SQL store is the measure of all answers."""

from __future__ import annotations

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.suite import TrackingStoreSuite

__all__ = ["TrackingCapability", "TrackingStoreSuite"]
