"""What `mlflow gc` asks for: deleted things, and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import (
    LACKING_EXPERIMENT,
    LACKING_RUN,
    new_experiment,
    new_run,
    next_millisecond,
)

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.GARBAGE_COLLECTION
_MODELS = "_get_deleted_logged_models"
_LONG_AGO = 1_000_000_000


def _ours(store: Any, ids: list[Any]) -> Any:
    """Compare what is ours, without the order that nobody promises."""
    return store.only(lambda each: each in ids).unordered


@scenario(_about)
def deleted_runs_are_listed(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    runs = [new_run(store, experiment, f"run {number}", start=number) for number in range(3)]
    ours = _ours(store, runs)
    ours._get_deleted_runs()
    store.delete_run(runs[0])
    store.delete_run(runs[2])
    next_millisecond()
    ours._get_deleted_runs()
    ours._get_deleted_runs(older_than=0)
    ours._get_deleted_runs(older_than=_LONG_AGO)
    store.restore_run(runs[0])
    ours._get_deleted_runs()
    store.delete_experiment(experiment)
    next_millisecond()
    ours._get_deleted_runs()


@scenario(_about)
def a_run_is_deleted_for_good(store: Any, world: World) -> None:
    from mlflow.entities import Metric, Param, RunTag, ViewType

    experiment = new_experiment(store, world)
    runs = [new_run(store, experiment, f"run {number}", start=number) for number in range(2)]
    for run in runs:
        store.log_batch(
            run,
            metrics=[Metric("m", 1.0, 1000, 0), Metric("m", 2.0, 1000, 1)],
            params=[Param("p", "v")],
            tags=[RunTag("k", "v")],
        )
    store.delete_run(runs[0])
    store._hard_delete_run(runs[0])
    store.get_run(runs[0])
    store.get_metric_history(runs[0], "m")
    store.delete_run(runs[0])
    store.restore_run(runs[0])
    store.set_tag(runs[0], RunTag("k", "w"))
    store.search_runs([experiment], "", ViewType.ALL, max_results=10)
    store.search_runs([experiment], "metrics.m > 0", ViewType.ALL, max_results=10)
    _ours(store, runs)._get_deleted_runs()
    store.get_run(runs[1])
    store.get_metric_history(runs[1], "m")


@scenario(_about)
def a_run_that_is_not_there_cannot_be_deleted_for_good(store: Any, world: World) -> None:
    run = new_run(store, new_experiment(store, world))
    store._hard_delete_run(LACKING_RUN)
    store.delete_run(run)
    store._hard_delete_run(run)
    store._hard_delete_run(run)


@scenario(_about)
def an_experiment_is_deleted_for_good(store: Any, world: World) -> None:
    from mlflow.entities import ExperimentTag, ViewType

    experiment = new_experiment(store, world, tags=[ExperimentTag("k", "v")])
    other = new_experiment(store, world, "b")
    runs = [new_run(store, experiment, f"run {number}") for number in range(2)]
    store.delete_experiment(experiment)
    # As `mlflow gc` does it: first the runs, then the experiment.
    for run in runs:
        store._hard_delete_run(run)
    store._hard_delete_experiment(experiment)
    store.get_experiment(experiment)
    store.get_experiment_by_name(world.name("a"))
    store.restore_experiment(experiment)
    for view in (ViewType.ALL, ViewType.DELETED_ONLY):
        store.search_experiments(view_type=view, filter_string=f"name LIKE '{world.token}%'")
    store.search_runs([experiment], "", ViewType.ALL, max_results=10)
    store.get_experiment(other)


@scenario(_about)
def the_name_of_an_experiment_that_is_gone_for_good_is_free(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    store.delete_experiment(experiment)
    store._hard_delete_experiment(experiment)
    # The id may be the same again, where a store counts: it is not compared.
    made = store._store.create_experiment(world.name("a"), artifact_location=None, tags=[])
    store.note("its name", store._store.get_experiment(made).name)
    store.note("its stage", store._store.get_experiment(made).lifecycle_stage)


@scenario(_about)
def only_a_deleted_experiment_is_deleted_for_good(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    store._hard_delete_experiment(experiment)
    store.get_experiment(experiment)
    store._hard_delete_experiment(LACKING_EXPERIMENT)


@scenario(_about, _MODELS)
def deleted_logged_models_are_listed_and_deleted_for_good(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    models = [
        store.create_logged_model(experiment_id=experiment, name=name).model_id for name in "abc"
    ]
    ours = _ours(store, models)
    ours._get_deleted_logged_models()
    store.delete_logged_model(models[0])
    store.delete_logged_model(models[1])
    next_millisecond()
    ours._get_deleted_logged_models()
    ours._get_deleted_logged_models(older_than=_LONG_AGO)
    store._hard_delete_logged_model(models[0])
    ours._get_deleted_logged_models()
    store.get_logged_model(models[0])
    if store.accepts("get_logged_model", "allow_deleted"):
        store.get_logged_model(models[0], allow_deleted=True)
        store.get_logged_model(models[1], allow_deleted=True)
    store._hard_delete_logged_model(models[0])
    store.search_logged_models(experiment_ids=[experiment])
    store.get_logged_model(models[2])
