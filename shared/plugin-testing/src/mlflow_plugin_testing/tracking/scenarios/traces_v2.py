"""Traces as clients older than MLflow 3.2 report them: the server passes these on to any store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import new_experiment

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.TRACES
_needs = ("deprecated_start_trace_v2", "deprecated_end_trace_v2")


@scenario(_about, *_needs)
def an_old_client_begins_and_ends_a_trace(store: Any, world: World) -> None:
    from mlflow.entities.trace_status import TraceStatus

    experiment = new_experiment(store, world, "a")
    begun = store.deprecated_start_trace_v2(
        experiment, 1000, {"m": "1", "kept": "x"}, {"t": "1", "mlflow.traceName": "old"}
    )
    store.get_trace_info(begun.request_id)
    store.deprecated_end_trace_v2(
        begun.request_id, 1500, TraceStatus.OK, {"m": "2", "n": "3"}, {"t": "2", "u": "3"}
    )
    store.get_trace_info(begun.request_id)
    store.search_traces([experiment])


@scenario(_about, *_needs)
def an_old_client_ends_only_what_was_begun(store: Any, world: World) -> None:
    from mlflow.entities.trace_status import TraceStatus

    store.deprecated_end_trace_v2(world.token, 1500, TraceStatus.ERROR, {}, {})
    store.deprecated_start_trace_v2("987654321", 1000, {}, {})
    experiment = new_experiment(store, world, "deleted")
    store.delete_experiment(experiment)
    store.deprecated_start_trace_v2(experiment, 1000, {}, {})
