"""Tags of experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import new_experiment

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.EXPERIMENTS


@scenario(_about)
def a_tag_of_an_experiment_is_set_and_overwritten(store: Any, world: World) -> None:
    from mlflow.entities import ExperimentTag

    made = new_experiment(store, world, tags=[ExperimentTag("k", "v")])
    store.set_experiment_tag(made, ExperimentTag("k", "w"))
    store.set_experiment_tag(made, ExperimentTag("l", "x"))
    store.get_experiment(made)
    store.get_experiment_by_name(world.name("a"))


@scenario(_about)
def the_tags_of_experiments_are_kept_apart(store: Any, world: World) -> None:
    from mlflow.entities import ExperimentTag

    first, second = new_experiment(store, world), new_experiment(store, world, "b")
    store.set_experiment_tag(first, ExperimentTag("k", "1"))
    store.set_experiment_tag(second, ExperimentTag("k", "2"))
    store.delete_experiment_tag(first, "k")
    store.get_experiment(first)
    store.get_experiment(second)


@scenario(_about)
def an_experiment_takes_tags_of_many_kinds(store: Any, world: World) -> None:
    from mlflow.entities import ExperimentTag

    made = new_experiment(store, world)
    for key in ("mlflow.note.content", "a b", "a.b", "a/b", "a-b:c", "K", "k", "x" * 250):
        store.set_experiment_tag(made, ExperimentTag(key, f"ü '\"` 中\n{key[:9]}"))
    store.set_experiment_tag(made, ExperimentTag("empty", ""))
    store.set_experiment_tag(made, ExperimentTag("long", "v" * 5000))
    store.get_experiment(made)


@scenario(_about)
def a_wrong_tag_of_an_experiment_is_refused(store: Any, world: World) -> None:
    from mlflow.entities import ExperimentTag

    made = new_experiment(store, world)
    wrong: list[Any] = ["", None, "/a", "a//b", "../a", "a=b", "x" * 251]
    for key in wrong:
        store.set_experiment_tag(made, ExperimentTag(key, "v"))
    store.set_experiment_tag(made, ExperimentTag("k", "v" * 30_000))
    store.get_experiment(made)


@scenario(_about, "delete_experiment_tag")
def a_tag_of_an_experiment_is_deleted_once(store: Any, world: World) -> None:
    from mlflow.entities import ExperimentTag

    made = new_experiment(store, world, tags=[ExperimentTag("k", "v"), ExperimentTag("l", "w")])
    store.delete_experiment_tag(made, "k")
    store.get_experiment(made)
    store.delete_experiment_tag(made, "k")
    store.delete_experiment_tag(made, "L")
    store.get_experiment(made)
    store.set_experiment_tag(made, ExperimentTag("k", "again"))
    store.get_experiment(made)
