"""Traces that belong to runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.samples import trace_id, trace_info
from mlflow_plugin_testing.tracking.steps import new_experiment

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.TRACES


def _run(store: Any, world: World, experiment: Any, name: str = "run") -> Any:
    run = store.create_run(experiment, "ann", 1000, [], world.name(name))
    return run.info.run_id


@scenario(_about)
def traces_that_are_linked_to_a_run_are_found_by_it(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    run, other = _run(store, world, experiment), _run(store, world, experiment, "other")
    for number, name in enumerate(("linked", "made", "free")):
        metadata = {"mlflow.sourceRun": run} if name == "made" else {}
        store.start_trace(
            trace_info(world, experiment, name, request_time=1000 + number, trace_metadata=metadata)
        )
    store.link_traces_to_run([trace_id(world, "linked")], run)
    for wanted in (run, other):
        store.search_traces([experiment], filter_string=f"run_id = '{wanted}'")
        store.search_traces([experiment], filter_string=f"metadata.mlflow.sourceRun = '{wanted}'")


@scenario(_about)
def a_trace_is_linked_to_several_runs_and_twice_to_one(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    run, other = _run(store, world, experiment), _run(store, world, experiment, "other")
    one = trace_id(world, "one")
    store.start_trace(trace_info(world, experiment, "one"))
    store.link_traces_to_run([one], run)
    store.link_traces_to_run([one], run)
    store.link_traces_to_run([one], other)
    for wanted in (run, other):
        store.search_traces([experiment], filter_string=f"run_id = '{wanted}'")


@scenario(_about)
def nothing_and_too_much_are_linked_to_a_run(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    run = _run(store, world, experiment)
    store.link_traces_to_run([], run)
    store.link_traces_to_run([trace_id(world, str(number)) for number in range(101)], run)
    store.search_traces([experiment], filter_string=f"run_id = '{run}'")
