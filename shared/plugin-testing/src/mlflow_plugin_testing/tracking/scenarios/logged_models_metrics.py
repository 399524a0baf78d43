"""Metrics that belong to a logged model, and to a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import new_experiment, new_run

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.LOGGED_MODELS
_NEEDS = "create_logged_model"


def _read(store: Any, model: Any) -> Any:
    # The metrics of a model are a list without a promised order.
    return store.unordered_inside.get_logged_model(model)


def _metric(model: Any, value: float, step: int = 0, **more: Any) -> Any:
    from mlflow.entities import Metric

    whole = {"key": "m", "timestamp": 1000 + step, "dataset_name": None, "dataset_digest": None}
    return Metric(value=value, step=step, model_id=model, **{**whole, **more})


@scenario(_about, _NEEDS)
def a_metric_of_a_model_is_one_of_the_run_too(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    run = new_run(store, experiment)
    model = store.create_logged_model(experiment, name="a", source_run_id=run).model_id
    store.log_metric(run, _metric(model, 1.5))
    _read(store, model)
    store.get_run(run)
    store.get_metric_history(run, "m")
    store.log_batch(
        run,
        metrics=[_metric(model, 2.5, 1), _metric(None, 9.0, 5), _metric(model, 3.5, key="n")],
        params=[],
        tags=[],
    )
    _read(store, model)
    store.get_run(run)


@scenario(_about, _NEEDS)
def the_latest_metric_of_a_model_is_told(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    run = new_run(store, experiment)
    model = store.create_logged_model(experiment, name="a").model_id
    for value, step in ((1.0, 5), (2.0, 7), (3.0, 6), (-1.0, 8)):
        store.log_metric(run, _metric(model, value, step))
        _read(store, model)


@scenario(_about, _NEEDS)
def metrics_on_datasets_are_kept_apart(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    run = new_run(store, experiment)
    first, second = (store.create_logged_model(experiment, name=name).model_id for name in "ab")
    # Each at a time of its own: MLflow's table has the dataset not in its key, and refuses two at one time.
    for step, (model, name, digest) in enumerate(
        (
            (first, "train", "d1"),
            (first, "test", "d2"),
            (first, "test", "d3"),
            (second, "train", "d1"),
            (first, "test", "d2"),
        )
    ):
        metric = _metric(model, step / 2, step, dataset_name=name, dataset_digest=digest)
        store.log_metric(run, metric)
    _read(store, first)
    _read(store, second)
    store.get_run(run)


@scenario(_about, _NEEDS)
def one_model_has_metrics_of_several_runs(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    model = store.create_logged_model(experiment, name="a").model_id
    for number in range(2):
        run = new_run(store, experiment, f"run {number}")
        store.log_metric(run, _metric(model, float(number), number, key=f"m{number}"))
        _read(store, model)


@scenario(_about, _NEEDS)
def the_same_metric_of_a_model_is_logged_twice_without_harm(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    run = new_run(store, experiment)
    model = store.create_logged_model(experiment, name="a").model_id
    for _ in range(2):
        store.log_metric(run, _metric(model, 1.0))
        store.log_batch(
            run, metrics=[_metric(model, 1.0), _metric(model, 2.0, 1)], params=[], tags=[]
        )
    _read(store, model)
    store.get_metric_history(run, "m")
