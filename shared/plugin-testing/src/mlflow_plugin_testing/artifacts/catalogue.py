"""All scenarios of artifact repositories, collected from the modules of `scenarios`."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.scenario import Catalogue

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow_plugin_testing.capabilities import Capability
    from mlflow_plugin_testing.scenario import World

    Program = Callable[[Any], None]

__all__ = ["ARTIFACTS", "artifact_catalogue", "scenario"]

ARTIFACTS = Catalogue()


def scenario(capability: Capability, *needs: str) -> Callable[[Program], Program]:
    """Add a function that takes a repository whose location is empty.

    Args:
        capability: What it is about.
        needs: Methods without which it makes no sense.
    """

    def add(function: Program) -> Program:
        @functools.wraps(function)
        def run(repository: Any, _world: World) -> None:
            function(repository)

        ARTIFACTS.scenario(capability, *needs)(run)
        return function

    return add


def artifact_catalogue() -> Catalogue:
    """Return all scenarios; the modules that hold them are found in their folder."""
    from mlflow_plugin_testing.artifacts import scenarios

    for module in pkgutil.iter_modules(scenarios.__path__, f"{scenarios.__name__}."):
        importlib.import_module(module.name)
    return ARTIFACTS
