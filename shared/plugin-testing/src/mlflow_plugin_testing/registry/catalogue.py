"""All scenarios of registry stores, collected from the modules of `scenarios`."""

from __future__ import annotations

import importlib
import pkgutil

from mlflow_plugin_testing.scenario import Catalogue

__all__ = ["REGISTRY", "registry_catalogue", "scenario"]

REGISTRY = Catalogue()
scenario = REGISTRY.scenario


def registry_catalogue() -> Catalogue:
    """Return all scenarios; the modules that hold them are found in their folder."""
    from mlflow_plugin_testing.registry import scenarios

    for module in pkgutil.iter_modules(scenarios.__path__, f"{scenarios.__name__}."):
        importlib.import_module(module.name)
    return REGISTRY
