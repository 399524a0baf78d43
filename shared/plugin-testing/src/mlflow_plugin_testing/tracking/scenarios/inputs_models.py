"""Logged models as inputs and outputs of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import LACKING_RUN, new_experiment, new_run

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.INPUTS


def _models(store: Any, experiment: Any, count: int) -> list[Any]:
    return [
        store.create_logged_model(experiment_id=experiment, name=f"model {number}").model_id
        for number in range(count)
    ]


def _read(store: Any, run: Any) -> Any:
    # No order is promised of the inputs of a run: MLflow's store has them in that of their ids.
    return store.unordered_inside.get_run(run)


@scenario(_about, "create_logged_model")
def models_go_into_a_run(store: Any, world: World) -> None:
    from mlflow.entities import LoggedModelInput

    experiment = new_experiment(store, world)
    run = new_run(store, experiment)
    first, second = _models(store, experiment, 2)
    store.log_inputs(run, models=[LoggedModelInput(model_id=first)])
    _read(store, run)
    store.log_inputs(run, datasets=[], models=[LoggedModelInput(model_id=second)])
    _read(store, run)
    store.log_inputs(run, models=[LoggedModelInput(model_id=first)])
    _read(store, run)


@scenario(_about, "log_outputs")
def models_come_out_of_a_run(store: Any, world: World) -> None:
    from mlflow.entities import LoggedModelOutput, ViewType

    experiment = new_experiment(store, world)
    run = new_run(store, experiment)
    first, second, third = _models(store, experiment, 3)
    store.log_outputs(run, models=[LoggedModelOutput(model_id=first, step=0)])
    _read(store, run)
    store.log_outputs(
        run,
        models=[
            LoggedModelOutput(model_id=second, step=7),
            LoggedModelOutput(model_id=third, step=7),
        ],
    )
    _read(store, run)
    store.log_outputs(run, models=[])
    _read(store, run)
    store.unordered_inside.search_runs([experiment], "", ViewType.ALL, max_results=10)


@scenario(_about, "log_outputs")
def one_model_goes_in_and_comes_out(store: Any, world: World) -> None:
    from mlflow.entities import LoggedModelInput, LoggedModelOutput

    experiment = new_experiment(store, world)
    first, second = (new_run(store, experiment, name) for name in ("first", "second"))
    (model,) = _models(store, experiment, 1)
    store.log_outputs(first, models=[LoggedModelOutput(model_id=model, step=3)])
    store.log_inputs(second, models=[LoggedModelInput(model_id=model)])
    _read(store, first)
    _read(store, second)


@scenario(_about, "log_outputs")
def models_need_an_active_run(store: Any, world: World) -> None:
    from mlflow.entities import LoggedModelInput, LoggedModelOutput

    experiment = new_experiment(store, world)
    (model,) = _models(store, experiment, 1)
    run = new_run(store, experiment)
    store.delete_run(run)
    for where in (LACKING_RUN, run):
        store.log_outputs(where, models=[LoggedModelOutput(model_id=model, step=0)])
        store.log_inputs(where, models=[LoggedModelInput(model_id=model)])
    _read(store, run)
