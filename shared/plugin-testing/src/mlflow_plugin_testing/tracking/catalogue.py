"""All scenarios of tracking stores, collected from the modules of `scenarios`."""

from __future__ import annotations

import importlib
import pkgutil

from mlflow_plugin_testing.scenario import Catalogue

__all__ = ["TRACKING", "scenario", "tracking_catalogue"]

TRACKING = Catalogue()
scenario = TRACKING.scenario


def tracking_catalogue() -> Catalogue:
    """Return all scenarios; the modules that hold them are found in their folder."""
    from mlflow_plugin_testing.tracking import scenarios

    for module in pkgutil.iter_modules(scenarios.__path__, f"{scenarios.__name__}."):
        importlib.import_module(module.name)
    return TRACKING
