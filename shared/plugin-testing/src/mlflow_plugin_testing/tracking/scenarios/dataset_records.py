"""Records of evaluation datasets: merged by their inputs, loaded page by page, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import next_millisecond

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.DATASETS


def _upsert(store: Any, dataset: str, records: Iterable[dict[str, Any]]) -> None:
    """One after the other: records of one call have no order, since they are of the same time."""
    for record in records:
        next_millisecond()
        store.upsert_dataset_records(dataset, [record])


@scenario(_about)
def records_come_back_as_they_were_given(store: Any, world: World) -> None:
    made = store.create_dataset(world.name("d")).dataset_id
    text = "Grüße, 世界 🌍 'quoted' \"twice\" \\ \n"
    _upsert(
        store,
        made,
        [
            {
                "inputs": {"question": text, "deep": {"a": [1, 2.5, None, True]}},
                "outputs": {"answer": text},
                "expectations": {"expected": [text], "score": 0.5},
                "tags": {"k": text, "mlflow.user": "ann"},
            },
            {"inputs": {"bare": 1}},
            {"inputs": {}},
            {"inputs": {"empty": 1}, "outputs": {}, "expectations": {}, "tags": {}},
        ],
    )
    store._load_dataset_records(made)
    store.get_dataset(made)


@scenario(_about)
def a_record_says_where_it_comes_from(store: Any, world: World) -> None:
    made = store.create_dataset(world.name("d")).dataset_id
    sources = [
        {"source_type": "TRACE", "source_data": {"trace_id": "tr-1"}},
        {"source_type": "HUMAN", "source_data": {"user_name": "ann"}},
        {"source_type": "DOCUMENT", "source_data": {"doc_uri": "s3://b/d", "content": "x"}},
        {"source_type": "CODE", "source_data": {}},
    ]
    _upsert(
        store,
        made,
        [{"inputs": {"n": number}, "source": source} for number, source in enumerate(sources)],
    )
    store._load_dataset_records(made)


@scenario(_about)
def a_record_with_the_same_inputs_is_merged(store: Any, world: World) -> None:
    made = store.create_dataset(world.name("d")).dataset_id
    first = {
        "inputs": {"a": 1, "b": {"c": 2, "d": 3}},
        "outputs": {"o": "old"},
        "expectations": {"kept": 1, "changed": "old"},
        "tags": {"kept": "1", "changed": "old"},
    }
    _upsert(store, made, [first])
    later = {
        # The same inputs: the order of keys does not count.
        "inputs": {"b": {"d": 3, "c": 2}, "a": 1},
        "outputs": {"o": "new"},
        "expectations": {"changed": "new", "more": True},
        "tags": {"changed": "new", "more": "2", "mlflow.user": "bob"},
    }
    _upsert(store, made, [later])
    store._load_dataset_records(made)
    store.get_dataset(made)
    _upsert(store, made, [{"inputs": first["inputs"]}, {"inputs": {"a": 1}}])
    store._load_dataset_records(made)


@scenario(_about)
def new_and_known_records_come_in_one_call(store: Any, world: World) -> None:
    made = store.create_dataset(world.name("d")).dataset_id
    store.upsert_dataset_records(made, [{"inputs": {"n": number}} for number in range(3)])
    store.upsert_dataset_records(
        made, [{"inputs": {"n": number}, "tags": {"again": "yes"}} for number in range(2, 5)]
    )
    store.unordered._load_dataset_records(made)
    # Twice in one call.
    store.upsert_dataset_records(
        made, [{"inputs": {"n": 9}, "tags": {"k": tag}} for tag in ("first", "second")]
    )
    store.unordered._load_dataset_records(made)
    store.upsert_dataset_records(made, [])
    store.get_dataset(made)


@scenario(_about)
def records_change_the_digest_of_their_dataset(store: Any, world: World) -> None:
    made = store.create_dataset(world.name("d"))
    seen = [made.digest]
    for record in ({"inputs": {"n": 1}}, {"inputs": {"n": 2}}):
        next_millisecond()
        store.upsert_dataset_records(made.dataset_id, [record])
        seen.append(store.get_dataset(made.dataset_id).digest)
    store.note("digests", len(set(seen)))
    same = store.get_dataset(made.dataset_id)
    store.note("the digest stays while nothing changes", same.digest == seen[-1])


@scenario(_about)
def the_schema_of_a_dataset_grows(store: Any, world: World) -> None:
    made = store.create_dataset(world.name("d")).dataset_id
    records = [
        {"inputs": {"s": "x", "i": 1, "f": 0.5, "b": True, "l": [], "d": {}, "n": None}},
        {"inputs": {"more": 1}, "outputs": {"o": 1}, "expectations": {"e": "x"}},
        {"inputs": {"s": 5}},
    ]
    for record in records:
        store.upsert_dataset_records(made, [record])
        store.get_dataset(made)


@scenario(_about)
def records_are_loaded_page_by_page(store: Any, world: World) -> None:
    made = store.create_dataset(world.name("d")).dataset_id
    _upsert(store, made, [{"inputs": {"n": number}} for number in range(5)])
    for size in range(1, 7):
        store.pages("_load_dataset_records", made, max_results=size)
    store._load_dataset_records(made, max_results=2)


@scenario(_about)
def records_of_two_datasets_are_kept_apart(store: Any, world: World) -> None:
    one, two = (store.create_dataset(world.name(name)).dataset_id for name in "ab")
    _upsert(store, one, [{"inputs": {"n": 1}, "tags": {"of": "one"}}])
    _upsert(store, two, [{"inputs": {"n": 1}, "tags": {"of": "two"}}, {"inputs": {"n": 2}}])
    store._load_dataset_records(one)
    store._load_dataset_records(two)


@scenario(_about)
def records_need_a_dataset(store: Any, world: World) -> None:
    missing = f"d-{world.token}"
    store._load_dataset_records(missing)
    store.upsert_dataset_records(missing, [{"inputs": {"n": 1}}])


@scenario(_about, "delete_dataset_records")
def records_are_deleted_by_their_ids(store: Any, world: World) -> None:
    one, two = (store.create_dataset(world.name(name)).dataset_id for name in "ab")
    _upsert(store, one, [{"inputs": {"n": number}} for number in range(4)])
    _upsert(store, two, [{"inputs": {"n": 0}}])
    records, _ = store._load_dataset_records(one)
    ids = [record.dataset_record_id for record in records]
    store.delete_dataset_records(two, ids)
    store.delete_dataset_records(one, [ids[0], ids[2], "dr-missing"])
    store._load_dataset_records(one)
    store._load_dataset_records(two)
    store.get_dataset(one)
    store.delete_dataset_records(one, ids[:1])
    store.delete_dataset_records(one, [])
    store.delete_dataset_records(one, ids)
    store._load_dataset_records(one)
    store.delete_dataset_records(f"d-{world.token}", ids)


@scenario(_about, "delete_dataset_records")
def a_record_that_was_deleted_can_come_again(store: Any, world: World) -> None:
    made = store.create_dataset(world.name("d")).dataset_id
    _upsert(store, made, [{"inputs": {"n": 1}, "tags": {"k": "old"}}])
    records, _ = store._load_dataset_records(made)
    store.delete_dataset_records(made, [records[0].dataset_record_id])
    _upsert(store, made, [{"inputs": {"n": 1}, "tags": {"l": "new"}}])
    store._load_dataset_records(made)
