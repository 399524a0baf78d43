"""Search of traces: what is found, in which order, and page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.samples import trace_id, trace_info
from mlflow_plugin_testing.tracking.steps import new_experiment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.TRACES


def _some(store: Any, world: World) -> Any:
    """Six traces that differ in all that can be asked for."""
    from mlflow.entities import TraceState

    experiment = new_experiment(store, world, "a")
    states = (TraceState.OK, TraceState.ERROR, TraceState.IN_PROGRESS)
    for number in range(6):
        name = f"t{number}"
        store.start_trace(
            trace_info(
                world,
                experiment,
                name,
                # Two of each time.
                request_time=1000 + number // 2,
                execution_duration=None if number == 5 else 10 * (number % 4),
                state=states[number % 3],
                client_request_id=None if number == 0 else f"client-{number}",
                request_preview=f"question {number}",
                tags={"mlflow.traceName": f"Name{number % 2}", "number": str(number)}
                | ({"odd": "yes"} if number % 2 else {}),
                trace_metadata={"mlflow.trace.user": "ann" if number < 3 else "Bob"}
                | ({"mlflow.trace.session": f"s{number}"} if number else {}),
            )
        )
    return experiment


def _search(store: Any, experiment: Any, filters: Iterable[str]) -> None:
    for text in filters:
        store.search_traces([experiment], filter_string=text)


@scenario(_about)
def the_latest_traces_are_found_first(store: Any, world: World) -> None:
    experiment = _some(store, world)
    store.search_traces([experiment])
    store.search_traces([experiment], filter_string="")
    store.search_traces([experiment], order_by=[])


@scenario(_about)
def traces_are_found_by_their_attributes(store: Any, world: World) -> None:
    experiment = _some(store, world)
    known, unknown = trace_id(world, "t2"), trace_id(world, "missing")
    filters = [
        "status = 'OK'",
        "trace.status = 'ERROR'",
        "attributes.status != 'OK'",
        "status = 'ok'",
        "status IN ('OK', 'IN_PROGRESS')",
        "status NOT IN ('OK')",
        "timestamp = 1001",
        "timestamp_ms >= 1001",
        "timestamp > 1001 AND timestamp <= 1002",
        "timestamp < 1000",
        "timestamp != 1000",
        "execution_time > 10",
        "execution_time_ms = 0",
        "execution_time <= 20 AND status = 'OK'",
        "end_time > 1010",
        "end_time_ms <= 1011",
        f"request_id = '{known}'",
        f"request_id IN ('{known}', '{unknown}')",
        f"request_id = '{unknown}'",
        "client_request_id = 'client-3'",
        "client_request_id LIKE 'client-%'",
        "client_request_id != 'client-3'",
        "name = 'Name1'",
        "name LIKE 'name%'",
        "name ILIKE 'name%'",
        "name != 'Name1'",
        "name IN ('Name0')",
    ]
    _search(store, experiment, filters)


@scenario(_about)
def traces_are_found_by_their_tags_and_metadata(store: Any, world: World) -> None:
    experiment = _some(store, world)
    filters = [
        "tags.number = '3'",
        "tag.number != '3'",
        "tags.odd = 'yes'",
        "tags.odd != 'yes'",
        "tags.odd = 'no'",
        "tags.`number` = '2'",
        "tags.odd LIKE 'y%'",
        "tags.odd LIKE 'Y%'",
        "tags.odd ILIKE 'Y%'",
        "tags.odd RLIKE '^y.s$'",
        "tags.odd IS NULL",
        "tags.odd IS NOT NULL",
        "tags.number = '3' AND tags.odd = 'yes'",
        "tags.never = 'x'",
        "metadata.`mlflow.trace.user` = 'ann'",
        "metadata.`mlflow.trace.user` = 'bob'",
        "request_metadata.`mlflow.trace.user` ILIKE 'b%'",
        "metadata.`mlflow.trace.user` != 'ann'",
        "metadata.`mlflow.trace.session` = 's2'",
        "metadata.`mlflow.trace.session` IS NULL",
        "metadata.`mlflow.trace.session` IS NOT NULL",
        "metadata.never = 'x'",
        "metadata.`mlflow.trace.user` = 'ann' AND tags.odd = 'yes' AND status != 'OK'",
    ]
    _search(store, experiment, filters)


@scenario(_about)
def a_filter_of_traces_that_means_nothing_is_refused(store: Any, world: World) -> None:
    experiment = _some(store, world)
    filters = [
        "colour = 'blue'",
        "trace.colour = 'blue'",
        "status",
        "status =",
        "status = OK",
        "status ~ 'OK'",
        "timestamp = 'soon'",
        "timestamp LIKE '1%'",
        "timestamp IN (1000)",
        "tags.odd > 'a'",
        "tags.odd IN ('yes')",
        "metrics.m > 1",
        "params.p = 'x'",
        "status = 'OK' OR status = 'ERROR'",
        "prompt LIKE 'p%'",
        "prompt = 'no version'",
        "feedback.good > 'high'",
        "span.colour = 'x'",
        "span.name > 'x'",
        "issue.name = 'x'",
    ]
    _search(store, experiment, filters)


@scenario(_about)
def traces_are_ordered_as_asked(store: Any, world: World) -> None:
    experiment = _some(store, world)
    orders = [
        ["timestamp ASC"],
        ["timestamp_ms DESC"],
        ["timestamp"],
        ["execution_time ASC"],
        ["execution_time DESC"],
        ["status ASC", "timestamp ASC"],
        ["status DESC", "execution_time DESC"],
        ["name", "request_id DESC"],
        ["request_id"],
        ["tags.odd DESC"],
        ["tags.odd ASC", "timestamp ASC"],
        ["tags.number DESC"],
        ["metadata.`mlflow.trace.user`", "timestamp"],
        ["experiment_id", "timestamp"],
    ]
    for order in orders:
        store.search_traces([experiment], order_by=order)


@scenario(_about)
def an_order_of_traces_that_means_nothing_is_refused(store: Any, world: World) -> None:
    experiment = _some(store, world)
    for order in (
        ["colour"],
        ["timestamp UP"],
        ["timestamp", "timestamp"],
        ["metrics.m"],
        ["client_request_id"],
        ["span.name"],
        [""],
    ):
        store.search_traces([experiment], order_by=order)


@scenario(_about)
def pages_of_traces_leave_nothing_out(store: Any, world: World) -> None:
    experiment = _some(store, world)
    for size in range(1, 8):
        store.pages("search_traces", [experiment], max_results=size)
    store.pages(
        "search_traces",
        [experiment],
        filter_string="timestamp >= 1001",
        order_by=["execution_time ASC"],
        max_results=3,
    )


@scenario(_about)
def a_page_of_traces_says_whether_more_come(store: Any, world: World) -> None:
    experiment = _some(store, world)
    found = store.search_traces([experiment], max_results=4)
    store.search_traces([experiment], max_results=4, page_token=found[1])
    store.search_traces([experiment], max_results=7)


@scenario(_about)
def a_page_of_traces_has_limits(store: Any, world: World) -> None:
    experiment = _some(store, world)
    for size in (0, -1, None):
        store.search_traces([experiment], max_results=size)
    store.search_traces([experiment], page_token="no token of anybody")  # noqa: S106


@scenario(_about)
def only_traces_of_the_experiments_asked_for_are_found(store: Any, world: World) -> None:
    experiment = _some(store, world)
    other, empty = (new_experiment(store, world, name) for name in "bc")
    store.start_trace(trace_info(world, other, "other", request_time=1001))
    store.search_traces([experiment, other])
    store.search_traces([other])
    store.search_traces([empty])
    store.search_traces(["987654321"])
    store.search_traces(["987654321", other])
    store.search_traces(["main.schema"])
    store.search_traces([other], filter_string="status = 'ERROR'")


@scenario(_about)
def experiments_are_also_given_as_locations(store: Any, world: World) -> None:
    if not store.accepts("search_traces", "locations"):
        return
    experiment = _some(store, world)
    store.search_traces(locations=[experiment])
    store.search_traces(locations=["main.schema"])
    store.search_traces([experiment], locations=[experiment])
    store.pages("search_traces", locations=[experiment], max_results=4)
