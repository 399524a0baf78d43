"""A conformance kit for MLflow plugins: which part of MLflow's contract does a plugin hold?

A test class inherits from a suite and says where its plugin is:

    from mlflow_plugin_testing import ArtifactRepositorySuite

    class TestMine(ArtifactRepositorySuite):
        @pytest.fixture
        def artifact_uri(self):
            return "mine://bucket/tests"

The suites are imported when they are asked for, since pytest loads this package in each of its runs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.__about__ import __version__

if TYPE_CHECKING:
    from mlflow_plugin_testing.artifacts import ArtifactCapability, ArtifactRepositorySuite
    from mlflow_plugin_testing.backend import BackendCapability, ProjectBackendSuite
    from mlflow_plugin_testing.packaging import PackagingSuite
    from mlflow_plugin_testing.providers import (
        RequestAuthCapability,
        RequestAuthSuite,
        RequestHeaderSuite,
        RunContextSuite,
    )
    from mlflow_plugin_testing.registry import ModelRegistryStoreSuite, RegistryCapability
    from mlflow_plugin_testing.suite import PluginSuite, overridden_because
    from mlflow_plugin_testing.support import FULL, Cell, not_implemented, since, unsupported
    from mlflow_plugin_testing.tracking import TrackingCapability, TrackingStoreSuite

_PLACES = {
    "ArtifactCapability": "artifacts",
    "ArtifactRepositorySuite": "artifacts",
    "Cell": "support",
    "FULL": "support",
    "PackagingSuite": "packaging",
    "PluginSuite": "suite",
    "TrackingCapability": "tracking",
    "TrackingStoreSuite": "tracking",
    "RequestAuthCapability": "providers",
    "RequestAuthSuite": "providers",
    "RequestHeaderSuite": "providers",
    "RunContextSuite": "providers",
    "BackendCapability": "backend",
    "ProjectBackendSuite": "backend",
    "ModelRegistryStoreSuite": "registry",
    "RegistryCapability": "registry",
    "not_implemented": "support",
    "overridden_because": "suite",
    "since": "support",
    "unsupported": "support",
}

__all__ = [
    "FULL",
    "ArtifactCapability",
    "ArtifactRepositorySuite",
    "BackendCapability",
    "Cell",
    "ModelRegistryStoreSuite",
    "PackagingSuite",
    "PluginSuite",
    "ProjectBackendSuite",
    "RegistryCapability",
    "RequestAuthCapability",
    "RequestAuthSuite",
    "RequestHeaderSuite",
    "RunContextSuite",
    "TrackingCapability",
    "TrackingStoreSuite",
    "__version__",
    "not_implemented",
    "overridden_because",
    "since",
    "unsupported",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    if name in _PLACES:
        return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
