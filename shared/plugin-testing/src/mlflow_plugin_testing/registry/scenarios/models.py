"""Registered models: made, found, renamed, described, searched, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow.entities.model_registry import RegisteredModelTag

from mlflow_plugin_testing.registry.capabilities import RegistryCapability
from mlflow_plugin_testing.registry.catalogue import scenario

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = RegistryCapability.MODELS


@scenario(_about)
def a_registered_model_is_found_by_its_name(store: Any, world: World) -> None:
    store.create_registered_model(world.name("a"), [RegisteredModelTag("k", "v")], "description")
    store.get_registered_model(world.name("a"))
    store.get_registered_model(world.name("b"))


@scenario(_about)
def a_second_registered_model_of_the_same_name_is_refused(store: Any, world: World) -> None:
    store.create_registered_model(world.name("a"))
    store.create_registered_model(world.name("a"))
