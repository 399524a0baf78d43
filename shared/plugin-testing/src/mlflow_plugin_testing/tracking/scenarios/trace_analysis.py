"""Figures over traces: sessions that ended, filters that go together, counts and durations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.samples import SECOND, span, trace_id, trace_info
from mlflow_plugin_testing.tracking.steps import new_experiment

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.TRACE_ANALYSIS


def _eight(store: Any, world: World) -> Any:
    from mlflow.entities import TraceState

    experiment = new_experiment(store, world, "a")
    for number in range(8):
        store.start_trace(
            trace_info(
                world,
                experiment,
                f"t{number}",
                request_time=60_000 * number,
                execution_duration=100 * (number + 1),
                state=TraceState.ERROR if number in {1, 2, 5} else TraceState.OK,
                tags={
                    "mlflow.traceName": "chat" if number < 5 else "search",
                    "odd": str(number % 2),
                },
                trace_metadata={"mlflow.trace.session": f"s{number // 3}"},
            )
        )
    return experiment


@scenario(_about)
def filters_that_go_together_are_correlated(store: Any, world: World) -> None:
    experiment = _eight(store, world)
    error, odd, chat = "status = 'ERROR'", "tags.odd = '1'", "name = 'chat'"
    for one, other in ((error, odd), (odd, chat), (error, error), (error, "tags.never = 'x'")):
        store.calculate_trace_filter_correlation([experiment], one, other)
    store.calculate_trace_filter_correlation([experiment], error, odd, base_filter=chat)
    empty = new_experiment(store, world, "empty")
    store.calculate_trace_filter_correlation([empty], error, odd)
    store.calculate_trace_filter_correlation([experiment, empty], error, odd)
    store.calculate_trace_filter_correlation([experiment], "colour = 'blue'", odd)
    store.calculate_trace_filter_correlation([experiment], error, "colour = 'blue'")


@scenario(_about, "find_completed_sessions")
def sessions_whose_last_trace_is_old_enough_have_ended(store: Any, world: World) -> None:
    experiment = _eight(store, world)
    for low, high in ((0, 10**6), (0, 200_000), (121_000, 10**6), (300_000, 300_000), (9, 5)):
        store.find_completed_sessions(experiment, low, high)
    store.find_completed_sessions(experiment, 0, 10**6, max_results=1)
    store.find_completed_sessions(experiment, 0, 10**6, filter_string="tags.odd = '1'")
    store.find_completed_sessions(experiment, 0, 10**6, filter_string="name = 'chat'")
    store.find_completed_sessions(experiment, 0, 10**6, filter_string="colour = 'blue'")
    store.find_completed_sessions("987654321", 0, 10**6)


def _ask(store: Any, experiment: Any, view: str, metric: str, what: str, **more: Any) -> Any:
    from mlflow.entities.trace_metrics import AggregationType, MetricAggregation, MetricViewType

    aggregations = [
        MetricAggregation(AggregationType.PERCENTILE, float(each[1:]))
        if each[0] == "P" and each[1:].isdigit()
        else MetricAggregation(AggregationType[each])
        for each in what.split()
    ]
    return store.unordered.query_trace_metrics(
        [experiment], MetricViewType[view], metric, aggregations, **more
    )


@scenario(_about, "query_trace_metrics")
def traces_are_counted_and_timed(store: Any, world: World) -> None:
    experiment = _eight(store, world)
    _ask(store, experiment, "TRACES", "trace_count", "COUNT")
    _ask(store, experiment, "TRACES", "latency", "AVG P50")
    for dimensions in (["trace_name"], ["trace_status"], ["trace_name", "trace_status"]):
        _ask(store, experiment, "TRACES", "trace_count", "COUNT", dimensions=dimensions)
    _ask(store, experiment, "TRACES", "latency", "AVG", dimensions=["trace_name"])
    for filters in (["trace.status = 'OK'"], ["trace.tag.odd = '1'", "trace.status = 'ERROR'"]):
        _ask(store, experiment, "TRACES", "trace_count", "COUNT", filters=filters)
    times = {"start_time_ms": 60_000, "end_time_ms": 300_000}
    _ask(store, experiment, "TRACES", "trace_count", "COUNT", **times)
    _ask(store, experiment, "TRACES", "trace_count", "COUNT", time_interval_seconds=120, **times)
    _ask(store, "987654321", "TRACES", "trace_count", "COUNT")


@scenario(_about, "query_trace_metrics")
def figures_that_mean_nothing_are_refused(store: Any, world: World) -> None:
    experiment = _eight(store, world)
    _ask(store, experiment, "TRACES", "colour", "COUNT")
    _ask(store, experiment, "TRACES", "trace_count", "AVG")
    _ask(store, experiment, "TRACES", "trace_count", "COUNT", dimensions=["span_name"])
    _ask(store, experiment, "TRACES", "trace_count", "COUNT", filters=["colour = 'blue'"])
    _ask(store, experiment, "TRACES", "trace_count", "COUNT", time_interval_seconds=60)


@scenario(_about, "query_trace_metrics")
def spans_and_assessments_are_counted_and_timed(store: Any, world: World) -> None:
    from mlflow.entities import Feedback

    experiment = new_experiment(store, world, "a")
    for number, name in enumerate(("one", "two")):
        end = (3 + number) * SECOND
        store.log_spans(
            experiment,
            [
                span(world, name, "root", end=end, status="ERROR" if number else "OK"),
                span(world, name, "call", parent="root", kind="LLM", end=2 * SECOND),
            ],
        )
        store.create_assessment(
            Feedback(
                name="good",
                value=bool(number),
                trace_id=trace_id(world, name),
                create_time_ms=1000,
                last_update_time_ms=1000,
            )
        )
    _ask(store, experiment, "SPANS", "span_count", "COUNT")
    for dimension in ("span_name", "span_type", "span_status"):
        _ask(store, experiment, "SPANS", "span_count", "COUNT", dimensions=[dimension])
    _ask(store, experiment, "SPANS", "latency", "AVG", dimensions=["span_name"])
    _ask(store, experiment, "SPANS", "span_count", "COUNT", filters=["span.name = 'call'"])
    _ask(store, experiment, "ASSESSMENTS", "assessment_count", "COUNT")
    for dimension in ("assessment_name", "assessment_value"):
        _ask(store, experiment, "ASSESSMENTS", "assessment_count", "COUNT", dimensions=[dimension])
    _ask(store, experiment, "ASSESSMENTS", "assessment_value", "AVG")
