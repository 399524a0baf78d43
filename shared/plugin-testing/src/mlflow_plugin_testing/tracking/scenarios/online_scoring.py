"""Online scoring: which scorers run on new traces. Only one with a model of the gateway may."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import new_experiment

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.ONLINE_SCORING
_scorer = json.dumps({"name": "s", "call_source": "x", "original_func_name": "s"})


@scenario(_about, "upsert_online_scoring_config")
def a_scorer_is_switched_off_for_new_traces(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    made = store.register_scorer(experiment, "judge", _scorer)
    other = store.register_scorer(experiment, "other", _scorer)
    store.get_online_scoring_configs([made.scorer_id])
    store.upsert_online_scoring_config(experiment, "judge", 0.0)
    store.upsert_online_scoring_config(experiment, "judge", 0.0, "status = 'OK'")
    store.get_online_scoring_configs([made.scorer_id, other.scorer_id])
    store.get_online_scoring_configs([])
    store.get_online_scoring_configs([world.token])
    store.only(lambda each: each.name == "judge").get_active_online_scorers()


@scenario(_about, "upsert_online_scoring_config")
def a_scorer_without_a_model_of_the_gateway_cannot_run(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    made = store.register_scorer(experiment, "judge", _scorer)
    store.upsert_online_scoring_config(experiment, "judge", 0.5)
    store.get_online_scoring_configs([made.scorer_id])


@scenario(_about, "upsert_online_scoring_config")
def online_scoring_that_means_nothing_is_refused(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    made = store.register_scorer(experiment, "judge", _scorer)
    for rate in (-0.1, 1.1, "often", None):
        store.upsert_online_scoring_config(experiment, "judge", rate)
    for text in ("colour = 'blue'", 5):
        store.upsert_online_scoring_config(experiment, "judge", 0.0, text)
    store.upsert_online_scoring_config(experiment, "missing", 0.0)
    store.upsert_online_scoring_config("987654321", "judge", 0.0)
    store.get_online_scoring_configs([made.scorer_id])


@scenario(_about, "upsert_online_scoring_config")
def a_deleted_scorer_has_no_online_scoring(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    made = store.register_scorer(experiment, "judge", _scorer)
    store.upsert_online_scoring_config(experiment, "judge", 0.0)
    store.delete_scorer(experiment, "judge")
    store.get_online_scoring_configs([made.scorer_id])
