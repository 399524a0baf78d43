"""Traces that are deleted: by their ids, by time, and the oldest first."""

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


def _five(store: Any, world: World) -> Any:
    experiment = new_experiment(store, world, "a")
    for number in range(5):
        name = f"t{number}"
        store.start_trace(
            trace_info(world, experiment, name, request_time=1000 + number, tags={"k": name})
        )
    return experiment


@scenario(_about)
def traces_are_deleted_by_their_ids(store: Any, world: World) -> None:
    experiment = _five(store, world)
    ids = [trace_id(world, "t1"), trace_id(world, "t3"), trace_id(world, "missing")]
    store.delete_traces(experiment, trace_ids=ids)
    store.search_traces([experiment])
    store.get_trace_info(trace_id(world, "t1"))
    store.get_trace_info(trace_id(world, "t2"))
    store.delete_traces(experiment, trace_ids=ids)


@scenario(_about)
def traces_are_deleted_up_to_and_with_a_time(store: Any, world: World) -> None:
    experiment = _five(store, world)
    store.delete_traces(experiment, max_timestamp_millis=999)
    store.delete_traces(experiment, max_timestamp_millis=1002)
    store.search_traces([experiment])
    store.delete_traces(experiment, max_timestamp_millis=99_999)
    store.search_traces([experiment])


@scenario(_about)
def the_oldest_traces_are_deleted_first(store: Any, world: World) -> None:
    experiment = _five(store, world)
    store.delete_traces(experiment, max_timestamp_millis=1003, max_traces=2)
    store.search_traces([experiment])
    store.delete_traces(experiment, max_timestamp_millis=1003, max_traces=99)
    store.search_traces([experiment])


@scenario(_about)
def only_traces_of_that_experiment_are_deleted(store: Any, world: World) -> None:
    experiment = _five(store, world)
    other = new_experiment(store, world, "b")
    store.start_trace(trace_info(world, other, "other", request_time=1))
    store.delete_traces(other, trace_ids=[trace_id(world, "t1")])
    store.delete_traces(other, max_timestamp_millis=99_999)
    store.search_traces([experiment, other])
    store.delete_traces("987654321", max_timestamp_millis=99_999)


@scenario(_about)
def what_is_to_be_deleted_is_said_in_one_way(store: Any, world: World) -> None:
    experiment = _five(store, world)
    ids = [trace_id(world, "t1")]
    store.delete_traces(experiment)
    store.delete_traces(experiment, trace_ids=[])
    store.delete_traces(experiment, max_timestamp_millis=5, trace_ids=ids)
    store.delete_traces(experiment, max_traces=5, trace_ids=ids)
    store.delete_traces(experiment, max_timestamp_millis=5, max_traces=0)
    store.delete_traces(experiment, max_timestamp_millis=5, max_traces=-1)
    store.delete_traces(experiment, max_traces=5)
    store.search_traces([experiment])


@scenario(_about)
def a_deleted_trace_takes_its_tags_along(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    one = trace_id(world, "one")
    store.start_trace(trace_info(world, experiment, "one", tags={"k": "v"}))
    store.delete_traces(experiment, trace_ids=[one])
    store.set_trace_tag(one, "k", "w")
    # One of the same id, which applications choose, begins with nothing.
    store.start_trace(trace_info(world, experiment, "one"))
    store.get_trace_info(one)
    store.search_traces([experiment], filter_string="tags.k = 'v'")


@scenario(TrackingCapability.ASSESSMENTS)
def a_deleted_trace_takes_its_assessments_along(store: Any, world: World) -> None:
    from mlflow.entities import Feedback

    experiment = new_experiment(store, world, "a")
    one = trace_id(world, "one")
    store.start_trace(trace_info(world, experiment, "one"))
    made = store.create_assessment(Feedback(name="good", value=True, trace_id=one))
    store.delete_traces(experiment, trace_ids=[one])
    store.get_assessment(one, made.assessment_id)
    store.start_trace(trace_info(world, experiment, "one"))
    store.get_trace_info(one)


@scenario(_about)
def traces_of_a_deleted_experiment_are_still_there(store: Any, world: World) -> None:
    experiment = _five(store, world)
    store.delete_experiment(experiment)
    store.get_trace_info(trace_id(world, "t1"))
    store.set_trace_tag(trace_id(world, "t1"), "late", "v")
    store.search_traces([experiment])
    store.delete_traces(experiment, trace_ids=[trace_id(world, "t1")])
    store.restore_experiment(experiment)
    store.search_traces([experiment])
