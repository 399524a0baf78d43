"""Tracking stores that get traces, spans, assessments, datasets and scorers wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow.version import VERSION
from packaging.version import Version

from broken.databases import artifact_root, database
from broken.model import Broken

if TYPE_CHECKING:
    from mlflow_plugin_testing.suite import PluginSuite

# Before, MLflow's own SQL store could not read spans, and its filters on tags had no LIKE.
_NEWER = Version(VERSION) >= Version("3.7")


def _suite() -> type[PluginSuite]:
    from mlflow_plugin_testing import TrackingStoreSuite

    return TrackingStoreSuite


def _store(folder: Path, **methods: Callable[..., Any]) -> Any:
    """MLflow's own store with some methods replaced; each is given the right one as its first argument."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    def replaced(name: str, wrong: Callable[..., Any]) -> Callable[..., Any]:
        right = getattr(SqlAlchemyStore, name)

        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            return wrong(lambda *a, **k: right(self, *a, **k), self, *args, **kwargs)

        return method

    made = {name: replaced(name, wrong) for name, wrong in methods.items()}
    broken = type("BrokenStore", (SqlAlchemyStore,), made)
    # Where MLflow's own puts artifacts too: the place is part of many answers, and would be a second fault.
    return broken(database(folder), artifact_root(folder))


def _state_is_ignored(folder: Path) -> Any:
    def search_traces(
        right: Any, store: Any, ids: Any, filter_string: Any = None, **more: Any
    ) -> Any:
        text = re.sub(r"(trace\.|attributes\.)?status\s*(=|!=)", "name !=", filter_string or "")
        return right(ids, filter_string=text, **more)

    return _store(folder, search_traces=search_traces)


def _case_is_ignored(folder: Path) -> Any:
    def search_traces(
        right: Any, store: Any, ids: Any, filter_string: Any = None, **more: Any
    ) -> Any:
        text = (filter_string or "").replace(" LIKE ", " ILIKE ")
        return right(ids, filter_string=text, **more)

    return _store(folder, search_traces=search_traces)


def _order_is_ignored(folder: Path) -> Any:
    def search_traces(right: Any, store: Any, ids: Any = None, **more: Any) -> Any:
        return right(ids, **{**more, "order_by": None})

    return _store(folder, search_traces=search_traces)


def _last_page_is_lost(folder: Path) -> Any:
    def search_traces(right: Any, store: Any, ids: Any = None, **more: Any) -> Any:
        found, token = right(ids, **more)
        if token and not right(ids, **{**more, "page_token": token})[1]:
            token = None
        return found, token

    return _store(folder, search_traces=search_traces)


def _nothing_is_unknown(folder: Path) -> Any:
    def start_trace(right: Any, store: Any, info: Any) -> Any:
        info.execution_duration = info.execution_duration or None
        return right(info)

    return _store(folder, start_trace=start_trace)


def _deleted_are_found(folder: Path) -> Any:
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

    hidden: set[str] = set()

    def delete_traces(right: Any, store: Any, experiment: str, **how: Any) -> int:
        found = {info.trace_id for info in store.search_traces([experiment])[0]}
        gone = found & set(how.get("trace_ids") or ()) - hidden
        hidden.update(gone)
        return len(gone)

    def get_trace_info(right: Any, store: Any, trace_id: str) -> Any:
        if trace_id in hidden:
            raise MlflowException("not found", RESOURCE_DOES_NOT_EXIST)
        return right(trace_id)

    return _store(folder, delete_traces=delete_traces, get_trace_info=get_trace_info)


def _others_are_deleted(folder: Path) -> Any:
    def delete_traces(right: Any, store: Any, experiment: str, **how: Any) -> Any:
        if not how.get("trace_ids"):
            return right(experiment, **how)
        infos = [store.get_trace_info(each) for each in how["trace_ids"]]
        return sum(right(info.experiment_id, trace_ids=[info.trace_id]) for info in infos)

    return _store(folder, delete_traces=delete_traces)


def _tags_go_to_another(folder: Path) -> Any:
    latest: list[str] = []

    def start_trace(right: Any, store: Any, info: Any) -> Any:
        latest.append(info.trace_id)
        return right(info)

    def set_trace_tag(right: Any, store: Any, trace_id: str, key: str, value: str) -> Any:
        return right(latest[-1] if trace_id in latest else trace_id, key, value)

    return _store(folder, start_trace=start_trace, set_trace_tag=set_trace_tag)


def _tags_are_set_once(folder: Path) -> Any:
    def set_trace_tag(right: Any, store: Any, trace_id: str, key: str, value: str) -> Any:
        known = store.search_traces(None, filter_string=f"request_id = '{trace_id}'")[0]
        if not (known and key in known[0].tags):
            right(trace_id, key, value)

    return _store(folder, set_trace_tag=set_trace_tag)


def _spans_are_mixed(folder: Path) -> Any:
    logged: list[Any] = []

    def log_spans(right: Any, store: Any, location: str, spans: list[Any], **more: Any) -> Any:
        logged.extend(spans)
        return right(location, spans, **more)

    def batch_get_traces(right: Any, store: Any, *args: Any, **more: Any) -> Any:
        found = right(*args, **more)
        for trace in found:
            trace.data.spans = list(logged)
        return found

    return _store(folder, log_spans=log_spans, batch_get_traces=batch_get_traces)


def _known_spans_stay(folder: Path) -> Any:
    known: set[tuple[str, str]] = set()

    def log_spans(right: Any, store: Any, location: str, spans: list[Any], **more: Any) -> Any:
        new = [each for each in spans if (each.trace_id, each.span_id) not in known]
        known.update((each.trace_id, each.span_id) for each in spans)
        right(location, new, **more)
        return spans

    return _store(folder, log_spans=log_spans)


def _async_spans_are_lost(folder: Path) -> Any:
    async def log_spans_async(right: Any, store: Any, location: str, spans: list[Any]) -> Any:
        return spans

    return _store(folder, log_spans_async=log_spans_async)


def _updates_are_swallowed(folder: Path) -> Any:
    def update_assessment(right: Any, store: Any, trace_id: str, which: str, **new: Any) -> Any:
        before = store.get_assessment(trace_id, which)
        answer = right(trace_id, which, **new)
        right(trace_id, which, name=before.name, rationale=before.rationale)
        return answer

    return _store(folder, update_assessment=update_assessment)


def _overridden_stay_valid(folder: Path) -> Any:
    def create_assessment(right: Any, store: Any, assessment: Any) -> Any:
        overridden, assessment.overrides = assessment.overrides, None
        made = right(assessment)
        made.overrides = overridden
        return made

    return _store(folder, create_assessment=create_assessment)


def _known_records_are_dropped(folder: Path) -> Any:
    def upsert(right: Any, store: Any, dataset: str, records: list[dict[str, Any]]) -> Any:
        known = [each.inputs for each in store._load_dataset_records(dataset)[0]]
        new = [record for record in records if record.get("inputs") not in known]
        done = right(dataset, new)
        return {"inserted": done["inserted"], "updated": len(records) - len(new)}

    return _store(folder, upsert_dataset_records=upsert)


def _digest_stays(folder: Path) -> Any:
    def get_dataset(right: Any, store: Any, dataset: str) -> Any:
        found = right(dataset)
        found._digest = "always"
        return found

    return _store(folder, get_dataset=get_dataset)


def _versions_stay_at_one(folder: Path) -> Any:
    def register_scorer(right: Any, store: Any, *given: Any) -> Any:
        made = right(*given)
        if isinstance(made, int):
            return 1  # MLflow 3.5 answers with the version alone
        made._scorer_version = 1
        return made

    return _store(folder, register_scorer=register_scorer)


def _broken(name: str, sentence: str, store: Callable[[Path], Any], test: str) -> Broken:
    node = test if test.startswith("test_") else f"test_scenario[{test}]"
    return Broken(name, sentence, _suite, {"store": store}, node)


BROKEN = [
    _broken(
        "trace-state-ignored",
        "A search of traces does not look at their state.",
        _state_is_ignored,
        "traces_are_found_by_their_attributes",
    ),
    _broken(
        "trace-order-ignored",
        "A search of traces has the latest first, whatever order is asked for.",
        _order_is_ignored,
        "test_generated_filters_find_the_same_traces",
    ),
    _broken(
        "trace-last-page-lost",
        "The page before the last has no token.",
        _last_page_is_lost,
        "pages_of_traces_leave_nothing_out",
    ),
    _broken(
        "trace-zero-is-unknown",
        "A trace that took less than a millisecond has no duration.",
        _nothing_is_unknown,
        "a_duration_of_nothing_is_not_an_unknown_one",
    ),
    _broken(
        "trace-deleted-found",
        "Traces that were deleted are still found by a search.",
        _deleted_are_found,
        "traces_are_deleted_by_their_ids",
    ),
    _broken(
        "trace-deleted-elsewhere",
        "Traces are deleted by their ids in whatever experiment they are.",
        _others_are_deleted,
        "only_traces_of_that_experiment_are_deleted",
    ),
    _broken(
        "trace-tags-of-another",
        "A tag goes to the trace that began last.",
        _tags_go_to_another,
        "a_tag_of_a_trace_is_set_replaced_and_deleted",
    ),
    _broken(
        "trace-tags-set-once",
        "A tag of a trace keeps its first value.",
        _tags_are_set_once,
        "test_traces_stay_the_same_through_random_steps",
    ),
    _broken(
        "async-spans-lost",
        "Spans that are logged asynchronously are never written.",
        _async_spans_are_lost,
        "spans_are_logged_asynchronously_too",
    ),
    _broken(
        "assessment-update-swallowed",
        "A changed assessment is answered, and what is read later has the old name and rationale.",
        _updates_are_swallowed,
        "an_assessment_is_changed_in_part",
    ),
    _broken(
        "assessment-overridden-valid",
        "An assessment that was overridden stays valid.",
        _overridden_stay_valid,
        "feedback_that_overrides_another_makes_it_invalid",
    ),
    _broken(
        "dataset-records-not-merged",
        "A record whose inputs are known already is counted and dropped.",
        _known_records_are_dropped,
        "a_record_with_the_same_inputs_is_merged",
    ),
    _broken(
        "dataset-digest-stays",
        "The digest of a dataset stays the same when records are added.",
        _digest_stays,
        "records_change_the_digest_of_their_dataset",
    ),
    _broken(
        "scorer-versions-stay",
        "Each version of a scorer is said to be the first.",
        _versions_stay_at_one,
        "versions_of_a_scorer_count_up",
    ),
]
if _NEWER:
    BROKEN += [
        _broken(
            "trace-case-ignored",
            "LIKE in a search of traces takes capital letters for small ones.",
            _case_is_ignored,
            "traces_are_found_by_their_tags_and_metadata",
        ),
        _broken(
            "spans-mixed",
            "Spans of all traces are read with each.",
            _spans_are_mixed,
            "spans_of_two_traces_are_kept_apart",
        ),
        _broken(
            "spans-known-stay",
            "A span that is logged again, with what it became, is lost.",
            _known_spans_stay,
            "a_span_that_is_logged_again_is_replaced",
        ),
    ]
