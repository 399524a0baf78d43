"""Fifteen traces that differ in all that a filter can ask for, and the values that filters ask with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.samples import SECOND, span, trace_id, trace_info
from mlflow_plugin_testing.tracking.steps import new_experiment

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__ = [
    "ASSESSMENTS",
    "ATTRIBUTES",
    "METADATA",
    "SPANS",
    "TAGS",
    "WORDS",
    "make_traces",
]

_NUMBER = 15
_TIMES = (1000, 1001, 1002, 1003)
_DURATIONS = (0, 10, 1000)
_NAMES = ("alpha", "Alpha", "beta 2")

#: What filters ask for; the last value of most is one that no trace has.
ATTRIBUTES: dict[str, tuple[object, ...]] = {
    "timestamp": (*_TIMES, 9999),
    "timestamp_ms": (*_TIMES, 0),
    "execution_time": (*_DURATIONS, 11),
    "execution_time_ms": (*_DURATIONS, -1),
    "end_time": (1000, 1011, 2002),
    "end_time_ms": (1001, 1010, 2003),
    "status": ("OK", "ERROR", "IN_PROGRESS", "ok"),
    "client_request_id": ("client-1", "client-22", "Client-1", "nobody"),
    "name": (*_NAMES, "gamma"),
}
TAGS: dict[str, tuple[object, ...]] = {
    "colour": ("blue", "Blue", "dark blue", "red"),
    "with space": ("yes", "100%", "no"),
    "never": ("x",),
}
METADATA: dict[str, tuple[object, ...]] = {
    "own": ("a", "b1", "B1", "c"),
    "mlflow.trace.user": ("ann", "Bob", "cid"),
}
SPANS: dict[str, tuple[object, ...]] = {
    "name": ("root", "Call", "call", "never"),
    "type": ("AGENT", "LLM", "TOOL"),
    "status": ("OK", "ERROR", "UNSET"),
}
#: Words of one attribute of spans, which nothing else has.
WORDS = ("zebra", "quagga", "Okapi", "yeti")
ASSESSMENTS: dict[str, dict[str, tuple[object, ...]]] = {
    "feedback": {"good": ("yes", "no", "maybe"), "never": ("yes",)},
    "expectation": {"answer": ("north", "South", "west")},
}


def make_traces(store: Any, world: World, *, spans: bool = False, assessments: bool = False) -> Any:
    """Make an experiment with the traces.

    Args:
        store: The store.
        world: What the test has to itself.
        spans: Whether two thirds of the traces get spans.
        assessments: Whether half of the traces get feedback, and a third expectations.

    Returns:
        The experiment's id.
    """
    from mlflow.entities import TraceState

    states = (TraceState.OK, TraceState.ERROR, TraceState.IN_PROGRESS)
    experiment = new_experiment(store, world, "pool")
    for number in range(_NUMBER):
        tags = {"mlflow.traceName": _NAMES[number % 3]} if number % 7 else {}
        if number % 2:
            tags["colour"] = ("blue", "Blue", "dark blue")[number % 3]
        if number % 5 == 0:
            tags["with space"] = ("yes", "100%")[number // 5 % 2]
        metadata = {"own": ("a", "b1", "B1")[number % 3]} if number % 4 else {}
        if number % 3 == 0:
            metadata["mlflow.trace.user"] = ("ann", "Bob")[number % 2]
        store.start_trace(
            trace_info(
                world,
                experiment,
                f"t{number}",
                request_time=_TIMES[number % 4],
                execution_duration=None if number % 6 == 5 else _DURATIONS[number % 3],
                state=states[number // 2 % 3],
                client_request_id=("client-1", None, "client-22", "Client-1")[number % 4],
                tags=tags,
                trace_metadata=metadata,
            )
        )
    if spans:
        _add_spans(store, world, experiment)
    if assessments:
        _add_assessments(store, world)
    return experiment


def _add_spans(store: Any, world: World, experiment: Any) -> None:
    for number in range(_NUMBER):
        if number % 3 == 2:
            continue
        trace = f"t{number}"
        root = span(world, trace, "root", kind="AGENT", status=("OK", "ERROR")[number % 2])
        call = span(
            world,
            trace,
            ("Call", "call")[number // 2 % 2],
            parent="root",
            start=SECOND + 1,
            kind=("LLM", "TOOL")[number % 2],
            status=("UNSET", "OK", "ERROR")[number % 3],
            attributes={"topic": f"on {WORDS[number % 3]}s"},
        )
        store.log_spans(experiment, [root, call])


def _add_assessments(store: Any, world: World) -> None:
    from mlflow.entities import Expectation, Feedback

    for number in range(_NUMBER):
        trace = trace_id(world, f"t{number}")
        times: dict[str, Any] = {"create_time_ms": 1000, "last_update_time_ms": 1000}
        if number % 2:
            value = ("yes", "no")[number // 2 % 2]
            store.create_assessment(Feedback("good", value, trace_id=trace, **times))
        if number % 3 == 0:
            value = ("north", "South")[number % 2]
            store.create_assessment(Expectation("answer", value, trace_id=trace, **times))
