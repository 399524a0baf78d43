"""Spans: logged at once and later, of one trace and of several, and what a trace makes of them."""

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
# All that is logged is read back by this one, which every MLflow that logs spans to stores has.
_needs = ("log_spans", "batch_get_traces")


def _read(store: Any, world: World, experiment: Any, *names: str) -> None:
    for name in names:
        store.batch_get_traces([trace_id(world, name)], experiment)
        store.get_trace_info(trace_id(world, name))


@scenario(_about, *_needs)
def spans_come_back_as_they_were_logged(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    spans = [
        span(world, "one", "root", start=SECOND, end=9 * SECOND, kind="AGENT"),
        span(world, "one", "first", parent="root", start=2 * SECOND, end=3 * SECOND, kind="LLM"),
        span(world, "one", "second", parent="root", start=4 * SECOND, end=5 * SECOND),
        span(world, "one", "deep", parent="second", start=4 * SECOND + 1, end=4 * SECOND + 2),
    ]
    # In no order: a trace begins with its root, and goes on by time.
    store.log_spans(experiment, [spans[2], spans[3], spans[0], spans[1]])
    _read(store, world, experiment, "one")
    store.search_traces([experiment])


@scenario(_about, *_needs)
def attributes_of_every_kind_come_back_from_a_span(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    attributes: dict[str, Any] = {
        "mlflow.spanInputs": {"messages": [{"role": "user", "content": "Grüße, 世界 🌍"}]},
        "mlflow.spanOutputs": ["a", {"b": [1, 2.5, None, True]}],
        "none": None,
        "true": True,
        "integer": -(2**53) - 1,
        "float": 1e-300,
        "text": "quoted \" ' \\ \n",
        "empty": "",
        "list": [],
        "dictionary": {},
        "deep": {"a": {"b": {"c": [[], {}]}}},
        "key with spaces.and.dots": 1,
        "long": "x" * 70_000,
    }
    store.log_spans(experiment, [span(world, "one", "root", attributes=attributes)])
    _read(store, world, experiment, "one")


@scenario(_about, *_needs)
def events_and_links_come_back_from_a_span(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    events: tuple[tuple[str, int, dict[str, Any]], ...] = (
        ("begin", SECOND + 1, {"n": 1, "f": 0.5, "b": True, "s": "x"}),
        (
            "exception",
            SECOND + 2,
            {"exception.message": "it broke", "exception.type": "ValueError"},
        ),
        ("bare", SECOND + 3, {}),
    )
    store.log_spans(
        experiment,
        [span(world, "one", "root", events=events, links=(("two", "root"),), status="ERROR")],
    )
    _read(store, world, experiment, "one")


@scenario(_about, *_needs)
def a_trace_is_made_by_its_first_spans(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    for status in ("OK", "ERROR", "UNSET"):
        attributes = {"mlflow.spanInputs": {"q": status}, "mlflow.spanOutputs": f"answer {status}"}
        root = span(
            world,
            status,
            "root",
            start=3 * SECOND,
            status=status,
            attributes=attributes,
            end=7 * SECOND,
        )
        store.log_spans(experiment, [root])
        _read(store, world, experiment, status)
    store.search_traces([experiment])


@scenario(_about, *_needs)
def a_trace_without_its_root_is_in_progress(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    leaf = span(world, "one", "leaf", parent="root", start=5 * SECOND, end=6 * SECOND)
    store.log_spans(experiment, [leaf])
    _read(store, world, experiment, "one")
    root = span(world, "one", "root", start=4 * SECOND, end=9 * SECOND, status="ERROR")
    store.log_spans(experiment, [root])
    _read(store, world, experiment, "one")


@scenario(_about, *_needs)
def a_span_that_is_logged_again_is_replaced(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    first = span(world, "one", "root", end=None, status="UNSET", attributes={"a": 1, "gone": 2})
    store.log_spans(experiment, [first, span(world, "one", "leaf", parent="root")])
    _read(store, world, experiment, "one")
    later = span(world, "one", "root", end=8 * SECOND, status="OK", attributes={"a": 2, "new": 3})
    store.log_spans(experiment, [later])
    # The leaf is still there, and the root is there once.
    _read(store, world, experiment, "one")


@scenario(_about, *_needs)
def spans_that_come_later_are_added(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    store.log_spans(experiment, [span(world, "one", "root", start=2 * SECOND, end=4 * SECOND)])
    for number, (start, end) in enumerate(((1, 2), (3, 9), (3, 5))):
        store.log_spans(
            experiment,
            [
                span(
                    world,
                    "one",
                    f"later {number}",
                    parent="root",
                    start=start * SECOND + number,
                    end=end * SECOND,
                )
            ],
        )
        # The trace has grown to both sides, and does not shrink.
        _read(store, world, experiment, "one")


@scenario(_about, *_needs)
def spans_of_two_traces_are_kept_apart(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    roots = [span(world, name, "root", attributes={"of": name}) for name in ("one", "two")]
    leaf = span(world, "two", "leaf", parent="root", status="ERROR", start=2 * SECOND)
    # MLflow before 3.6 refuses spans of two traces in one call.
    store.log_spans(experiment, [*roots, leaf])
    for each in (*roots, leaf):
        store.log_spans(experiment, [each])
    _read(store, world, experiment, "one", "two")
    store.search_traces([experiment])


@scenario(_about, *_needs)
def a_trace_and_its_spans_come_in_any_order(store: Any, world: World) -> None:
    from mlflow.entities import TraceState

    experiment = new_experiment(store, world, "a")
    for name in ("spans first", "trace first"):
        info = trace_info(
            world,
            experiment,
            name,
            request_time=777,
            execution_duration=55,
            state=TraceState.ERROR,
            request_preview="asked",
            tags={"mlflow.traceName": "predict", "k": "v"},
            trace_metadata={"own": "x"},
        )
        root = span(world, name, "root", attributes={"mlflow.spanInputs": "other"})
        if name == "spans first":
            store.log_spans(experiment, [root])
            store.start_trace(info)
        else:
            store.start_trace(info)
            store.log_spans(experiment, [root])
        found = store.get_trace_info(trace_id(world, name))
        # Whose times count has changed from one MLflow to the next, and what a store notes for itself differs.
        store.note("what the trace says of itself", (found.state, found.request_preview))
        store.batch_get_traces([trace_id(world, name)], experiment)


@scenario(_about, *_needs)
def usage_session_and_user_of_spans_are_those_of_the_trace(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")

    def used(given: int, answered: int) -> dict[str, int]:
        return {
            "input_tokens": given,
            "output_tokens": answered,
            "total_tokens": given + answered,
        }

    root = span(world, "one", "root", attributes={"session.id": "s-1", "user.id": "ann"})
    calls = [
        span(
            world,
            "one",
            f"call {number}",
            parent="root",
            start=SECOND + number,
            kind="CHAT_MODEL",
            attributes={
                "mlflow.chat.tokenUsage": used(10 + number, 5),
                "mlflow.llm.cost": {"input_cost": 0.5, "output_cost": 0.25, "total_cost": 0.75},
                "mlflow.llm.model": "m-1",
            },
        )
        for number in range(3)
    ]
    store.log_spans(experiment, [root, *calls[:2]])
    _read(store, world, experiment, "one")
    store.log_spans(experiment, calls[2:])
    _read(store, world, experiment, "one")


@scenario(_about, "log_spans")
def no_spans_are_nothing(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    store.log_spans(experiment, [])
    store.search_traces([experiment])


@scenario(_about, "log_spans")
def spans_need_an_experiment(store: Any, world: World) -> None:
    store.log_spans("987654321", [span(world, "one", "root")])
    store.log_spans("no number", [span(world, "one", "root")])
    store.get_trace_info(trace_id(world, "one"))


@scenario(_about, *_needs)
def spans_of_a_trace_that_was_deleted_begin_it_anew(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    spans = [span(world, "one", "root"), span(world, "one", "leaf", parent="root")]
    store.log_spans(experiment, spans)
    store.delete_traces(experiment, trace_ids=[trace_id(world, "one")])
    store.batch_get_traces([trace_id(world, "one")], experiment)
    store.log_spans(experiment, spans[:1])
    _read(store, world, experiment, "one")


@scenario(_about, "log_spans_async", "batch_get_traces")
def spans_are_logged_asynchronously_too(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    store.log_spans_async(experiment, [span(world, "one", "root")])
    store.log_spans_async(experiment, [span(world, "one", "leaf", parent="root", start=2 * SECOND)])
    _read(store, world, experiment, "one")
    store.log_spans_async(experiment, [])
    store.log_spans_async("987654321", [span(world, "two", "root")])
    store.search_traces([experiment])
