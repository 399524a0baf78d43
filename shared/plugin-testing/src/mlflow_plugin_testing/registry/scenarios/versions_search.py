"""The search of versions: filters, orders, pages and what they refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.registry.capabilities import RegistryCapability
from mlflow_plugin_testing.registry.catalogue import scenario
from mlflow_plugin_testing.registry.steps import (
    GARBAGE,
    find_versions,
    new_model,
    new_version,
    next_millisecond,
    ours,
    version_tag,
)

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = RegistryCapability.VERSIONS

_RUNS = ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210")


def _made(store: Any, world: World) -> tuple[str, str]:
    """Make six of two models, by turns, each with a time of its own."""
    names = new_model(store, world, "alpha"), new_model(store, world, "beta")
    for number in range(6):
        next_millisecond()
        new_version(
            store,
            names[number % 2],
            ("s3://bucket/a", "S3://BUCKET/a", "dbfs:/b")[number % 3],
            run_id=(*_RUNS, None)[number // 2],
            tags={"kind": "odd" if number % 2 else "even", "a key": str(number)},
        )
    return names


@scenario(_about)
def versions_come_back_latest_changed_first(store: Any, world: World) -> None:
    first, second = _made(store, world)
    store.search_model_versions(ours(world), 100, [], None)
    next_millisecond()
    store.update_model_version(second, 1, "touched")
    next_millisecond()
    store.update_model_version(first, 1, "touched")
    find_versions(store, filter_string=ours(world))
    # A tag is no change.
    next_millisecond()
    store.set_model_version_tag(first, 2, version_tag("k", "v"))
    find_versions(store, filter_string=ours(world))


@scenario(_about)
def versions_come_in_the_order_that_is_asked_for(store: Any, world: World) -> None:
    first, second = _made(store, world)
    next_millisecond()
    store.update_model_version(second, 2, "touched")
    next_millisecond()
    store.update_model_version(first, 1, "touched")
    for order in (
        ["name"],
        ["name ASC"],
        ["name DESC"],
        ["version_number"],
        ["version_number DESC"],
        ["version_number ASC", "name DESC"],
        ["creation_timestamp ASC"],
        ["creation_timestamp DESC"],
        ["last_updated_timestamp ASC"],
        ["last_updated_timestamp desc"],
        ["attribute.name DESC", "version_number ASC"],
    ):
        find_versions(store, filter_string=ours(world), order_by=order)


@scenario(_about)
def versions_are_searched_by_name(store: Any, world: World) -> None:
    names = [new_model(store, world, name) for name in ("alpha", "ALPHA", "alphabet", "it's")]
    for name in names:
        new_version(store, name)
    for condition in (
        f"name = '{names[0]}'",
        f"name = '{names[1]}'",
        f'name = "{names[3]}"',
        f"attribute.name = '{names[2]}'",
        f"name LIKE '{world.token} alpha%'",
        f"name LIKE '{world.token} _lpha'",
        f"name ILIKE '{world.token} ALPHA%'",
        f"name like '{world.token} alpha'",
        ours(world, f"name != '{names[0]}'"),
        # An older MLflow refuses them.
        f"name IN ('{names[0]}', '{names[2]}', 'lacking')",
        ours(world, f"name NOT IN ('{names[0]}', '{names[2]}')"),
    ):
        find_versions(store, filter_string=condition, order_by=["name ASC"])


@scenario(_about)
def versions_are_searched_by_run(store: Any, world: World) -> None:
    _made(store, world)
    for condition in (
        f"run_id = '{_RUNS[0]}'",
        f"run_id != '{_RUNS[0]}'",
        f"run_id LIKE '{_RUNS[0][:4]}%'",
        f"run_id ILIKE '{_RUNS[1][:4].upper()}%'",
        f"run_id IN ('{_RUNS[0]}')",
        f"run_id IN ('{_RUNS[0]}', '{_RUNS[1]}', 'lacking')",
        f"run_id NOT IN ('{_RUNS[0]}')",
        f"attribute.run_id = '{_RUNS[1]}' AND name LIKE '%alpha'",
        "run_id = 'lacking'",
        "run_id = ''",
        "run_id IN ()",
    ):
        find_versions(
            store, filter_string=ours(world, condition), order_by=["name", "version_number"]
        )


@scenario(_about)
def versions_are_searched_by_source(store: Any, world: World) -> None:
    _made(store, world)
    for condition in (
        "source_path = 's3://bucket/a'",
        "source_path != 's3://bucket/a'",
        "source_path LIKE 's3://%'",
        "source_path ILIKE 's3://%'",
        "source_path LIKE '%/b'",
        "attribute.source_path = 'dbfs:/b'",
        "source_path IN ('dbfs:/b')",
        "source = 'dbfs:/b'",
    ):
        find_versions(
            store, filter_string=ours(world, condition), order_by=["name", "version_number"]
        )


@scenario(_about)
def versions_are_searched_by_number(store: Any, world: World) -> None:
    _made(store, world)
    for operator in ("=", "!=", "<", "<=", ">", ">="):
        find_versions(
            store,
            filter_string=ours(world, f"version_number {operator} 2"),
            order_by=["name", "version_number"],
        )
    for condition in (
        "version_number > 1 AND version_number < 3",
        "attribute.version_number = 3",
        "version_number = 99",
        "version_number = -1",
    ):
        find_versions(
            store, filter_string=ours(world, condition), order_by=["name", "version_number"]
        )


@scenario(_about)
def versions_are_searched_by_tag(store: Any, world: World) -> None:
    made = new_model(store, world, tags={"k": "of the model"})
    for tags in ({"k": "v"}, {"k": "V", "other key": "x"}, {"k": "w", "dotted.key": "v"}, {}):
        new_version(store, made, tags=tags)
    for condition in (
        "tags.k = 'v'",
        "tag.k = 'v'",
        "tags.k != 'v'",
        "tags.k LIKE 'v%'",
        "tags.k ILIKE 'v%'",
        "tags.K = 'v'",
        "tags.k = 'of the model'",
        "tags.`other key` = 'x'",
        "tags.\"other key\" = 'x'",
        "tags.dotted.key = 'v'",
        "tags.lacking = 'v'",
        "tags.lacking != 'v'",
        "tags.k = 'w' AND tags.`dotted.key` = 'v'",
        "tags.k = 'v' AND tags.lacking = 'v'",
    ):
        find_versions(store, filter_string=ours(world, condition), order_by=["version_number"])


@scenario(_about)
def a_change_of_a_version_is_seen_by_the_next_search(store: Any, world: World) -> None:
    made = new_model(store, world)
    for _ in range(2):
        new_version(store, made, tags={"k": "v"})
    by_number = ["version_number ASC"]
    find_versions(store, ours(world), order_by=by_number)
    store.update_model_version(made, 1, "d")
    store.transition_model_version_stage(made, 2, "Production", archive_existing_versions=False)
    find_versions(store, ours(world), order_by=by_number)
    store.set_model_version_tag(made, 1, version_tag("k", "w"))
    find_versions(store, ours(world, "tags.k = 'w'"), order_by=by_number)
    find_versions(store, ours(world, "tags.k = 'v'"), order_by=by_number)
    store.delete_model_version_tag(made, 1, "k")
    find_versions(store, ours(world, "tags.k = 'w'"), order_by=by_number)
    store.delete_model_version(made, 2)
    find_versions(store, ours(world), order_by=by_number)
    store.delete_registered_model(made)
    find_versions(store, ours(world), order_by=by_number)


@scenario(_about)
def a_page_of_versions_is_followed_by_the_next_one(store: Any, world: World) -> None:
    first, _ = _made(store, world)
    store.delete_model_version(first, 2)
    for size in range(1, 8):
        for order in (None, ["version_number ASC", "name DESC"]):
            store.pages(
                "search_model_versions", filter_string=ours(world), max_results=size, order_by=order
            )
    store.pages(
        "search_model_versions", filter_string=ours(world, "tags.kind = 'odd'"), max_results=2
    )


@scenario(_about)
def the_page_of_a_search_of_versions_is_checked(store: Any, world: World) -> None:
    new_version(store, new_model(store, world))
    find_versions(store, ours(world), page_token=GARBAGE)
    for size in (0, -1, "ten", 200_001):
        find_versions(store, ours(world), max_results=size)
    find_versions(store, ours(world), max_results=200_000)


@scenario(_about)
def a_search_of_versions_refuses_what_it_does_not_know(store: Any, world: World) -> None:
    for condition in (
        "name",
        "nme = 'a'",
        "name = a",
        "name > 'a'",
        "name = 5",
        "name = 'a' OR name = 'b'",
        "description = 'a'",
        "current_stage = 'None'",
        "creation_timestamp > 1",
        "version_number = '1'",
        "version_number LIKE '1'",
        "version_number = 'x'",
        "run_id > 'a'",
        "run_id = 5",
        "run_id IN ('a', 5)",
        "run_id IN 'a'",
        "params.x = 'a'",
        "metrics.x > 1",
        "tags.k = 5",
        "tags.k > 'v'",
        "tags.k IN ('v')",
        "name = 'a'; name = 'b'",
        "name = 'a' name = 'b'",
    ):
        find_versions(store, filter_string=ours(world, condition))
    for order in (["nme"], ["name ASCENDING"], ["tags.k"], ["version"], [""]):
        find_versions(store, filter_string=ours(world), order_by=order)
