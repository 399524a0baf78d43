"""Whether a store knows workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.registry.capabilities import RegistryCapability
from mlflow_plugin_testing.registry.catalogue import scenario

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []


@scenario(RegistryCapability.WORKSPACES, "supports_workspaces")
def a_registry_says_whether_it_knows_workspaces(store: Any, world: World) -> None:  # noqa: ARG001
    # The server asks before it starts. A store may say yes where MLflow's own, without a setting, says no.
    store.kind_of("supports_workspaces")
