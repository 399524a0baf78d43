"""Experiments: made, found, renamed, deleted, restored, searched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow.entities import ExperimentTag

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.EXPERIMENTS


@scenario(_about)
def an_experiment_is_found_by_its_id_and_by_its_name(store: Any, world: World) -> None:
    made = store.create_experiment(world.name("a"), tags=[ExperimentTag("k", "v")])
    store.get_experiment(made)
    store.get_experiment_by_name(world.name("a"))
    store.get_experiment_by_name(world.name("b"))


@scenario(_about)
def a_second_experiment_of_the_same_name_is_refused(store: Any, world: World) -> None:
    store.create_experiment(world.name("a"))
    store.create_experiment(world.name("a"))
