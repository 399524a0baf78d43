"""Traces: begun, read, tagged."""

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


@scenario(_about)
def a_trace_has_all_that_it_began_with(store: Any, world: World) -> None:
    from mlflow.entities import TraceState

    experiment = new_experiment(store, world, "a")
    info = trace_info(
        world,
        experiment,
        "full",
        request_time=1234,
        execution_duration=56,
        state=TraceState.ERROR,
        request_preview='{"question": "why?"}',
        response_preview="because",
        client_request_id="c-1",
        tags={"mlflow.traceName": "predict", "colour": "blue"},
        trace_metadata={"mlflow.sourceRun": "r", "mlflow.trace.user": "ann", "own": "x"},
    )
    store.start_trace(info)
    store.get_trace_info(info.trace_id)


@scenario(_about)
def a_trace_has_what_it_began_with_and_no_more(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    store.start_trace(trace_info(world, experiment, "bare"))
    store.get_trace_info(trace_id(world, "bare"))


@scenario(_about)
def a_trace_that_is_not_finished_has_no_duration(store: Any, world: World) -> None:
    from mlflow.entities import TraceState

    experiment = new_experiment(store, world, "a")
    for state in (TraceState.IN_PROGRESS, TraceState.STATE_UNSPECIFIED):
        name = state.name
        store.start_trace(trace_info(world, experiment, name, state=state, execution_duration=None))
        store.get_trace_info(trace_id(world, name))


@scenario(_about)
def a_duration_of_nothing_is_not_an_unknown_one(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    store.start_trace(trace_info(world, experiment, "short", execution_duration=0))
    store.get_trace_info(trace_id(world, "short"))


@scenario(_about)
def text_of_any_language_comes_back_from_a_trace(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    text = "Grüße, 世界 🌍 'quoted' \"twice\" % _ \\ \n end"
    info = trace_info(
        world,
        experiment,
        "text",
        request_preview=text,
        response_preview=text,
        client_request_id=text,
        tags={"k": text, "ключ": "v", "empty": ""},
        trace_metadata={"k": text, "empty": ""},
    )
    store.start_trace(info)
    store.get_trace_info(info.trace_id)


@scenario(_about)
def a_trace_that_begins_again_takes_the_later_values(store: Any, world: World) -> None:
    from mlflow.entities import TraceState

    experiment = new_experiment(store, world, "a")
    store.start_trace(
        trace_info(world, experiment, "again", state=TraceState.IN_PROGRESS, tags={"k": "1"})
    )
    # It names all tags of before: whether others stay has changed from one MLflow to the next.
    later = {"k": "2", "new": "3"}
    store.start_trace(
        trace_info(
            world,
            experiment,
            "again",
            execution_duration=99,
            tags=later,
            trace_metadata={"m": "4"},
            response_preview="done",
        )
    )
    store.get_trace_info(trace_id(world, "again"))
    store.search_traces([experiment])


@scenario(_about)
def a_trace_begins_with_its_assessments(store: Any, world: World) -> None:
    from mlflow.entities import Expectation, Feedback

    experiment = new_experiment(store, world, "a")
    name = trace_id(world, "judged")
    times: dict[str, Any] = {"create_time_ms": 1000, "last_update_time_ms": 2000}
    info = trace_info(
        world,
        experiment,
        "judged",
        assessments=[
            Feedback(name="good", value=True, trace_id=name, **times),
            Expectation(name="answer", value="42", trace_id=name, **times),
        ],
    )
    store.start_trace(info)
    store.get_trace_info(name)


@scenario(_about)
def a_trace_needs_an_experiment_that_is_there(store: Any, world: World) -> None:
    store.start_trace(trace_info(world, "987654321", "nowhere"))
    store.get_trace_info(trace_id(world, "nowhere"))
    experiment = new_experiment(store, world, "deleted")
    store.delete_experiment(experiment)
    store.start_trace(trace_info(world, experiment, "late"))
    store.get_trace_info(trace_id(world, "late"))


@scenario(_about)
def a_trace_that_nobody_began_is_missing(store: Any, world: World) -> None:
    missing = trace_id(world, "missing")
    store.get_trace_info(missing)
    store.set_trace_tag(missing, "k", "v")
    store.delete_trace_tag(missing, "k")


@scenario(_about)
def a_tag_of_a_trace_is_set_replaced_and_deleted(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    one, other = trace_id(world, "one"), trace_id(world, "other")
    store.start_trace(trace_info(world, experiment, "one", tags={"k": "began"}))
    store.start_trace(trace_info(world, experiment, "other", tags={"k": "other"}))
    store.set_trace_tag(one, "k", "replaced")
    store.set_trace_tag(one, "l", "new")
    store.set_trace_tag(one, "empty", "")
    store.get_trace_info(one)
    store.delete_trace_tag(one, "k")
    store.get_trace_info(one)
    # The other trace has a tag of that name too.
    store.get_trace_info(other)
    store.delete_trace_tag(one, "k")
    store.delete_trace_tag(one, "never there")


@scenario(_about)
def the_name_of_a_trace_is_a_tag_like_others(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    one = trace_id(world, "one")
    store.start_trace(trace_info(world, experiment, "one", tags={"mlflow.traceName": "before"}))
    store.set_trace_tag(one, "mlflow.traceName", "after")
    store.get_trace_info(one)
    store.search_traces([experiment], filter_string="name = 'after'")
    store.search_traces([experiment], filter_string="name = 'before'")
    store.delete_trace_tag(one, "mlflow.traceName")
    store.delete_trace_tag(one, "mlflow.traceName")
    store.get_trace_info(one)


@scenario(_about)
def a_tag_of_a_trace_has_limits(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    one = trace_id(world, "one")
    store.start_trace(trace_info(world, experiment, "one"))
    for key in ("k" * 250, "k" * 251, "", "a//b", "../a", "a=b", "with space", "slash/es"):
        store.set_trace_tag(one, key, "v")
    for length in (4096, 4097, 8000, 8001):
        store.set_trace_tag(one, f"long{length}", "v" * length)
    store.set_trace_tag(one, None, "v")
    store.get_trace_info(one)


@scenario(_about, "batch_get_trace_infos")
def several_trace_infos_are_read_at_once(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    for name in ("one", "two", "three"):
        store.start_trace(trace_info(world, experiment, name, tags={"name": name}))
    ids = [trace_id(world, name) for name in ("two", "missing", "one")]
    store.unordered.batch_get_trace_infos(ids)
    store.batch_get_trace_infos([])
    store.batch_get_trace_infos([trace_id(world, "missing")])
    if store.accepts("batch_get_trace_infos", "experiment_ids"):
        other = new_experiment(store, world, "b")
        store.batch_get_trace_infos(ids, None, experiment_ids=[other])
        store.batch_get_trace_infos(ids, None, experiment_ids=[other, experiment])
