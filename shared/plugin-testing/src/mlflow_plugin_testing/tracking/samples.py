"""Traces and spans as an application makes them, with ids and times that are the same on both stores."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow_plugin_testing.scenario import World

__all__ = ["SECOND", "span", "span_id", "trace_id", "trace_info"]

# Nanoseconds: spans are measured in them, and traces in milliseconds.
SECOND = 1_000_000_000


def trace_id(world: World, name: str) -> str:
    """Return the id of a trace.

    Args:
        world: What the scenario has to itself.
        name: How the scenario calls the trace.
    """
    return f"tr-{_digits(world, name, 32)}"


def span_id(world: World, trace: str, name: str) -> str:
    """Return the id of a span, as 16 hexadecimal digits.

    Args:
        world: What the scenario has to itself.
        trace: How the scenario calls the trace.
        name: The span's name.
    """
    return _digits(world, f"{trace} {name}", 16)


def trace_info(world: World, experiment_id: str, name: str, **fields: Any) -> Any:
    """Make a `TraceInfo`.

    Args:
        world: What the scenario has to itself.
        experiment_id: Where it belongs.
        name: How the scenario calls the trace.
        fields: Fields of `TraceInfo` that are not to be the usual ones; times are in milliseconds.
    """
    from mlflow.entities import TraceInfo, TraceLocation, TraceState

    usual = {
        "trace_id": trace_id(world, name),
        "trace_location": TraceLocation.from_experiment_id(experiment_id),
        "request_time": 1000,
        "execution_duration": 10,
        "state": TraceState.OK,
    }
    return TraceInfo(**{**usual, **fields})


def span(
    world: World,
    trace: str,
    name: str,
    *,
    parent: str | None = None,
    start: int = SECOND,
    end: int | None = 2 * SECOND,
    kind: str = "CHAIN",
    status: str = "OK",
    attributes: Mapping[str, Any] | None = None,
    events: tuple[tuple[str, int, dict[str, Any]], ...] = (),
    links: tuple[tuple[str, str], ...] = (),
) -> Any:
    """Make a finished `Span`.

    Args:
        world: What the scenario has to itself.
        trace: How the scenario calls the trace.
        name: The span's name; its id is made of it and of the trace.
        parent: Name of the span that it is part of.
        start: When it began, in nanoseconds.
        end: When it ended, in nanoseconds; None while it is open.
        kind: Its type.
        status: `OK`, `ERROR` or `UNSET`.
        attributes: Its attributes; each is written as JSON, as MLflow does.
        events: Name, nanoseconds and attributes of each.
        links: Trace and name of spans elsewhere that it points to; MLflow before 3.9 does not keep them.
    """
    from mlflow.entities import Span
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.trace import Link, Status, StatusCode

    written = {
        "mlflow.traceRequestId": trace_id(world, trace),
        "mlflow.spanType": kind,
        **(attributes or {}),
    }
    return Span(
        ReadableSpan(
            name=name,
            context=_context(world, trace, name),
            parent=_context(world, trace, parent) if parent else None,
            start_time=start,
            end_time=end,
            attributes={key: json.dumps(value) for key, value in written.items()},
            status=Status(StatusCode[status], "it broke" if status == "ERROR" else None),
            events=[Event(event, attributes=given, timestamp=at) for event, at, given in events],
            links=[Link(_context(world, *pointed), {"why": "retry"}) for pointed in links],
            # Without it, OpenTelemetry describes this process, and MLflow makes tags of that.
            resource=Resource.get_empty(),
        )
    )


def _context(world: World, trace: str, name: str) -> Any:
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(
        trace_id=int(_digits(world, trace, 32), 16),
        span_id=int(span_id(world, trace, name), 16),
        is_remote=False,
        trace_flags=TraceFlags(1),
    )


def _digits(world: World, name: str, number: int) -> str:
    return hashlib.sha256(f"{world.token} {name}".encode()).hexdigest()[:number]
