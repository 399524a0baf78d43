"""Archival of traces: spans of old traces move from the store to files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow.entities import ExperimentTag

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.samples import span, trace_id
from mlflow_plugin_testing.tracking.steps import new_experiment

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.TRACE_ARCHIVAL
# Nobody else's trace is that old: only an experiment that asks for less is archived.
_AGES = "36000d"


@scenario(_about, "archive_traces")
def spans_of_old_traces_move_to_files(store: Any, world: World) -> None:
    location = f"file://{world.folder}/archive"
    experiment = new_experiment(store, world, "a")
    for name in ("one", "two"):
        store.log_spans(
            experiment, [span(world, name, "root"), span(world, name, "leaf", parent="root")]
        )
    store.set_experiment_tag(
        experiment,
        ExperimentTag("mlflow.trace.archivalRetention", '{"type": "duration", "value": "1d"}'),
    )
    arguments = {"resolved_trace_archival_location": location, "broader_retention": _AGES}
    store.archive_traces(**arguments, max_traces_per_pass=1)
    store.archive_traces(**arguments)
    store.archive_traces(**arguments)
    for name in ("one", "two"):
        # They are read as before.
        store.get_trace(trace_id(world, name))
        info = store.get_trace_info(trace_id(world, name))
        store.note("where the spans are", info.tags.get("mlflow.trace.spansLocation"))
    # What is archived does not change any more.
    store.log_spans(experiment, [span(world, "one", "late", parent="root")])
    store.delete_traces(experiment, trace_ids=[trace_id(world, "one")])
    store.search_traces([experiment])


@scenario(_about, "archive_traces")
def archival_that_means_nothing_is_refused(store: Any, world: World) -> None:
    location = f"file://{world.folder}/archive"
    for where, age, most in (
        ("", _AGES, None),
        (location, "", None),
        (location, "soon", None),
        (location, _AGES, 0),
        (location, _AGES, -1),
    ):
        store.archive_traces(
            resolved_trace_archival_location=where,
            broader_retention=age,
            max_traces_per_pass=most,
        )


@scenario(_about, "resolve_trace_archival_config", "supports_trace_archival")
def a_store_says_how_it_archives(store: Any, world: World) -> None:
    # Reading it is a call: a store that says no does not archive.
    store.supports_trace_archival  # noqa: B018
    store.resolve_trace_archival_config(
        default_trace_archival_location=f"file://{world.folder}/archive", default_retention="30d"
    )
