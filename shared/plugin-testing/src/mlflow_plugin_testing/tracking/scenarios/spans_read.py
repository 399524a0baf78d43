"""Traces are read with their spans, and found by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.samples import SECOND, span, trace_id, trace_info
from mlflow_plugin_testing.tracking.steps import new_experiment

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.SPANS


@scenario(_about, "batch_get_traces")
def several_traces_are_read_at_once(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    for name in ("one", "two", "three"):
        store.log_spans(
            experiment, [span(world, name, "root"), span(world, name, "leaf", parent="root")]
        )
    ids = [trace_id(world, name) for name in ("two", "missing", "one")]
    location = experiment
    store.unordered.batch_get_traces(ids, location)
    store.batch_get_traces([], location)
    store.batch_get_traces([trace_id(world, "missing")], location)
    if store.accepts("batch_get_traces", "experiment_ids"):
        other = new_experiment(store, world, "b")
        store.batch_get_traces(ids, None, experiment_ids=[other])
        store.batch_get_traces(ids, None, experiment_ids=[other, experiment])
        store.batch_get_traces([*ids, *ids], None, experiment_ids=None)


@scenario(_about, "get_trace")
def a_trace_is_read_with_its_spans(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    spans = [span(world, "one", "root"), span(world, "one", "leaf", parent="root")]
    store.log_spans(experiment, spans)
    store.start_trace(trace_info(world, experiment, "one"))
    store.get_trace(trace_id(world, "one"))
    store.get_trace(trace_id(world, "one"), allow_partial=True)
    store.get_trace(trace_id(world, "missing"), allow_partial=True)
    store.get_trace(trace_id(world, "missing"))


@scenario(_about, "get_trace")
def a_trace_of_which_spans_are_missing_is_read_in_part(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    store.log_spans(experiment, [span(world, "one", "root")])
    stats = '{"total_size_bytes": 9, "num_spans": 3}'
    store.start_trace(
        trace_info(world, experiment, "one", trace_metadata={"mlflow.trace.sizeStats": stats})
    )
    store.get_trace(trace_id(world, "one"), allow_partial=True)
    store.batch_get_traces([trace_id(world, "one")], None)


@scenario(_about, "batch_get_traces")
def a_trace_whose_spans_lie_elsewhere_cannot_be_read_here(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    store.start_trace(trace_info(world, experiment, "one"))
    # The client then reads them as an artifact: that the call fails is what it waits for.
    store.batch_get_traces([trace_id(world, "one")], experiment)


@scenario(_about, "log_spans")
def traces_are_found_by_their_spans(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    for number, name in enumerate(("one", "two", "three")):
        store.log_spans(
            experiment,
            [
                span(
                    world,
                    name,
                    f"Root{number}",
                    start=(number + 1) * SECOND,
                    end=(number + 2) * SECOND,
                    status="ERROR" if number == 1 else "OK",
                    attributes={
                        "model": f"gpt-{number}",
                        "mlflow.spanInputs": {"question": f"what is {name}?"},
                        "count": number,
                    },
                ),
                span(world, name, "leaf", parent=f"Root{number}", kind="LLM" if number else "TOOL"),
            ],
        )
    filters = [
        "span.name = 'Root1'",
        "span.name = 'root1'",
        "span.name LIKE 'Root%'",
        "span.name ILIKE 'root%'",
        "span.name IN ('Root0', 'Root2')",
        "span.name NOT IN ('Root0', 'leaf')",
        "span.name != 'leaf'",
        "span.type = 'LLM'",
        "span.type != 'LLM'",
        "span.type IN ('LLM', 'TOOL')",
        "span.status = 'ERROR'",
        "span.status != 'ERROR'",
        # Both of one span, and not of two.
        "span.name = 'leaf' AND span.type = 'LLM'",
        "span.name = 'Root0' AND span.type = 'LLM'",
        "span.name = 'leaf' AND status = 'OK'",
        "span.attributes.model LIKE '%gpt-1%'",
        "span.attributes.model ILIKE '%GPT-1%'",
        "span.attributes.never LIKE '%gpt-1%'",
        "trace.text LIKE '%what is two%'",
        "trace.text ILIKE '%WHAT IS two%'",
        "trace.text LIKE '%nobody wrote this%'",
        "span.content LIKE '%what is three%'",
        "trace.text = 'what'",
    ]
    for text in filters:
        store.search_traces([experiment], filter_string=text)
