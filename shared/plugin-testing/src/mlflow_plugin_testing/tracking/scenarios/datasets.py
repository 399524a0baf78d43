"""Evaluation datasets: made, found, tagged, and where they belong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import new_experiment, next_millisecond

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.DATASETS


@scenario(_about)
def a_dataset_has_what_it_was_made_with(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    made = store.create_dataset(
        world.name("d"), tags={"k": "v", "mlflow.user": "ann"}, experiment_ids=[experiment]
    )
    store.get_dataset(made.dataset_id)
    store.unordered.get_dataset_experiment_ids(made.dataset_id)
    bare = store.create_dataset(world.name("bare"))
    store.get_dataset(bare.dataset_id)
    store.get_dataset_experiment_ids(bare.dataset_id)


@scenario(_about)
def two_datasets_may_have_one_name(store: Any, world: World) -> None:
    first = store.create_dataset(world.name("d"), tags={"n": "1"})
    next_millisecond()
    second = store.create_dataset(world.name("d"), tags={"n": "2"})
    store.note("are they two", first.dataset_id != second.dataset_id)
    store.get_dataset(first.dataset_id)
    store.search_datasets(filter_string=f"name = '{world.name('d')}'")


@scenario(_about)
def a_dataset_that_is_not_there_is_missing(store: Any, world: World) -> None:
    missing = f"d-{world.token}"
    store.get_dataset(missing)
    store.delete_dataset(missing)
    store.set_dataset_tags(missing, {"k": "v"})
    store.delete_dataset_tag(missing, "k")
    store.get_dataset_experiment_ids(missing)
    experiment = new_experiment(store, world, "a")
    store.add_dataset_to_experiments(missing, [experiment])
    store.remove_dataset_from_experiments(missing, [experiment])


@scenario(_about)
def a_deleted_dataset_is_gone_with_its_records(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    made = store.create_dataset(world.name("d"), experiment_ids=[experiment]).dataset_id
    kept = store.create_dataset(world.name("kept"), experiment_ids=[experiment]).dataset_id
    for each in (made, kept):
        store.upsert_dataset_records(each, [{"inputs": {"q": 1}}])
    store.delete_dataset(made)
    store.get_dataset(made)
    store._load_dataset_records(kept)
    store.search_datasets([experiment])
    store.delete_dataset(made)


@scenario(_about)
def a_dataset_is_added_to_experiments_and_removed(store: Any, world: World) -> None:
    one, two, three = (new_experiment(store, world, name) for name in "abc")
    made = store.create_dataset(world.name("d"), experiment_ids=[one]).dataset_id
    store.add_dataset_to_experiments(made, [two])
    store.add_dataset_to_experiments(made, [one, three])
    store.unordered.get_dataset_experiment_ids(made)
    for experiment in (one, two, three):
        store.search_datasets([experiment])
    store.remove_dataset_from_experiments(made, [one])
    # Where it does not belong it cannot be removed from, and that is no error.
    store.remove_dataset_from_experiments(made, [one, "987654321"])
    store.unordered.get_dataset_experiment_ids(made)
    store.search_datasets([one])
    store.add_dataset_to_experiments(made, ["987654321"])
    store.add_dataset_to_experiments(made, [])
    store.unordered.get_dataset_experiment_ids(made)


@scenario(_about)
def tags_of_a_dataset_are_merged_and_deleted(store: Any, world: World) -> None:
    made = store.create_dataset(world.name("d"), tags={"k": "1", "kept": "x"}).dataset_id
    store.set_dataset_tags(made, {"k": "2", "new": "3", "number": 4, "none": None})
    store.get_dataset(made)
    store.delete_dataset_tag(made, "k")
    store.delete_dataset_tag(made, "never there")
    store.get_dataset(made)
    store.set_dataset_tags(made, {})
    store.get_dataset(made)


def _four(store: Any, world: World) -> Any:
    experiment = new_experiment(store, world, "a")
    for number in range(4):
        next_millisecond()
        store.create_dataset(
            world.name(f"{'Data' if number % 2 else 'data'}{number}"),
            tags={"number": str(number), "mlflow.user": "ann" if number else "bob"},
            experiment_ids=[experiment],
        )
    return experiment


@scenario(_about)
def datasets_are_found_by_name_tags_and_author(store: Any, world: World) -> None:
    experiment = _four(store, world)
    store.search_datasets([experiment])
    for text in (
        f"name = '{world.name('data2')}'",
        f"name != '{world.name('data2')}'",
        f"name LIKE '{world.token} Data%'",
        f"name ILIKE '{world.token} DATA%'",
        "tags.number = '3'",
        "tags.number != '3'",
        "tags.number LIKE '%'",
        "tags.never = 'x'",
        "created_by = 'ann'",
        "last_updated_by != 'ann'",
        "created_time > 5",
        "created_time < 5",
        f"name LIKE '{world.token}%' AND tags.number = '1' AND created_by = 'ann'",
    ):
        store.search_datasets([experiment], filter_string=text)


@scenario(_about)
def datasets_are_ordered_and_paged(store: Any, world: World) -> None:
    experiment = _four(store, world)
    for order in (["name"], ["name DESC"], ["created_time ASC"], ["last_update_time DESC"]):
        store.search_datasets([experiment], order_by=order)
    for size in range(1, 6):
        store.pages("search_datasets", [experiment], max_results=size)
    store.pages("search_datasets", [experiment], max_results=3, order_by=["name ASC"])


@scenario(_about)
def a_search_of_datasets_that_means_nothing_is_refused(store: Any, world: World) -> None:
    experiment = _four(store, world)
    for text in ("colour = 'x'", "name > 'x'", "created_time LIKE '1'", "metrics.m = 1", "name ="):
        store.search_datasets([experiment], filter_string=text)
    for order in (["colour"], ["tags.number"], ["name UP"]):
        store.search_datasets([experiment], order_by=order)
    for size in (0, -1):
        store.search_datasets([experiment], max_results=size)
    store.search_datasets([experiment], page_token="no token of anybody")  # noqa: S106


@scenario(_about)
def datasets_of_several_experiments_are_found(store: Any, world: World) -> None:
    one, two, empty = (new_experiment(store, world, name) for name in "abc")
    store.create_dataset(world.name("first"), experiment_ids=[one])
    next_millisecond()
    store.create_dataset(world.name("both"), experiment_ids=[one, two])
    for wanted in ([one], [two], [one, two], [empty], ["987654321"]):
        store.search_datasets(wanted)
    store.search_datasets(filter_string=f"name LIKE '{world.token}%'")
