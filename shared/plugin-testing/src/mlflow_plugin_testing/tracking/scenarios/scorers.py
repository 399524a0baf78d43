"""Scorers: registered again and again, found by version, deleted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import new_experiment

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.SCORERS


def _written(text: str) -> str:
    """Return a scorer as it is serialised; a store does not look into it, except for a model."""
    return json.dumps({"name": "s", "call_source": text, "original_func_name": "s"})


@scenario(_about)
def versions_of_a_scorer_count_up(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    for text in ("one", "two", "two"):
        store.register_scorer(experiment, "judge", _written(text))
    store.register_scorer(experiment, "other", _written("other 世界"))
    for version in (None, 1, 2, 3):
        store.get_scorer(experiment, "judge", version)
    store.list_scorer_versions(experiment, "judge")
    store.list_scorers(experiment)


@scenario(_about)
def scorers_of_two_experiments_are_kept_apart(store: Any, world: World) -> None:
    one, two = (new_experiment(store, world, name) for name in "ab")
    for text in ("one", "two"):
        store.register_scorer(one, "judge", _written(text))
    store.register_scorer(two, "judge", _written("of the other"))
    store.get_scorer(two, "judge")
    store.get_scorer(two, "judge", 2)
    store.list_scorers(two)
    store.delete_scorer(two, "judge")
    store.list_scorers(one)
    store.list_scorers(two)


@scenario(_about)
def a_version_of_a_scorer_is_deleted(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    for text in ("one", "two", "three"):
        store.register_scorer(experiment, "judge", _written(text))
    store.delete_scorer(experiment, "judge", 2)
    store.get_scorer(experiment, "judge", 2)
    store.list_scorer_versions(experiment, "judge")
    store.delete_scorer(experiment, "judge", 3)
    store.get_scorer(experiment, "judge")
    store.register_scorer(experiment, "judge", _written("four"))
    store.list_scorer_versions(experiment, "judge")
    store.delete_scorer(experiment, "judge", 9)


@scenario(_about)
def a_scorer_is_deleted_with_all_versions(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    for name in ("judge", "judge", "kept"):
        store.register_scorer(experiment, name, _written(name))
    store.delete_scorer(experiment, "judge")
    store.get_scorer(experiment, "judge")
    store.list_scorer_versions(experiment, "judge")
    store.list_scorers(experiment)
    store.delete_scorer(experiment, "judge")
    # It begins anew.
    store.register_scorer(experiment, "judge", _written("again"))
    store.list_scorer_versions(experiment, "judge")


@scenario(_about)
def a_scorer_that_is_not_there_is_missing(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    store.list_scorers(experiment)
    for where in (experiment, "987654321"):
        store.get_scorer(where, "judge")
        store.get_scorer(where, "judge", 1)
        store.list_scorer_versions(where, "judge")
        store.delete_scorer(where, "judge")
        store.delete_scorer(where, "judge", 1)
    store.list_scorers("987654321")
    store.register_scorer("987654321", "judge", _written("x"))


@scenario(_about)
def scorers_of_a_deleted_experiment_cannot_be_used(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    store.register_scorer(experiment, "judge", _written("x"))
    store.delete_experiment(experiment)
    store.register_scorer(experiment, "judge", _written("y"))
    store.list_scorers(experiment)
    store.get_scorer(experiment, "judge")
    store.list_scorer_versions(experiment, "judge")
    store.delete_scorer(experiment, "judge")
    store.restore_experiment(experiment)
    store.list_scorers(experiment)


@scenario(_about)
def what_is_no_scorer_is_refused(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    for name in (None, "", "  "):
        store.register_scorer(experiment, name, _written("x"))
    store.list_scorers(experiment)


@scenario(_about, "list_scorers_across_experiments")
def scorers_of_several_experiments_are_listed_at_once(store: Any, world: World) -> None:
    one, two, empty = (new_experiment(store, world, name) for name in "abc")
    for experiment, name in ((one, "b"), (one, "a"), (one, "a"), (two, "c")):
        store.register_scorer(experiment, name, _written(name))
    for wanted in ([one, two, empty], [two], [empty], [], [one, "987654321"]):
        store.list_scorers_across_experiments(wanted)
