"""The search of registered models: filters, orders, pages and what they refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.registry.capabilities import RegistryCapability
from mlflow_plugin_testing.registry.catalogue import scenario
from mlflow_plugin_testing.registry.steps import (
    GARBAGE,
    find_models,
    model_tag,
    new_model,
    new_version,
    next_millisecond,
    ours,
)

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = RegistryCapability.MODELS

_NAMES = ("delta", "alpha", "echo", "bravo", "charlie")


def _made(store: Any, world: World) -> list[str]:
    """Make some, each with a time of its own."""
    found = []
    for number, name in enumerate(_NAMES):
        found.append(new_model(store, world, name, tags={"kind": "odd" if number % 2 else "even"}))
        next_millisecond()
    return found


@scenario(_about)
def models_come_by_name(store: Any, world: World) -> None:
    _made(store, world)
    store.search_registered_models(ours(world), 100, [], None)
    find_models(store, filter_string=ours(world))


@scenario(_about)
def models_come_in_the_order_that_is_asked_for(store: Any, world: World) -> None:
    made = _made(store, world)
    store.update_registered_model(made[1], "touched")
    next_millisecond()
    store.update_registered_model(made[0], "touched")
    for order in (
        ["name"],
        ["name ASC"],
        ["name DESC"],
        ["timestamp"],
        ["timestamp DESC"],
        ["last_updated_timestamp ASC"],
        ["last_updated_timestamp DESC"],
        ["last_updated_timestamp desc", "name asc"],
        ["`name` DESC"],
    ):
        find_models(store, filter_string=ours(world), order_by=order)


@scenario(_about)
def models_are_searched_by_name(store: Any, world: World) -> None:
    for name in ("alpha", "ALPHA", "alphabet", "it's", "50% off", "ünï"):
        new_model(store, world, name)
    whole = {name: world.name(name) for name in ("alpha", "ALPHA", "alphabet", "ünï", "it's")}
    for condition in (
        f"name = '{whole['alpha']}'",
        f'name = "{whole["ALPHA"]}"',
        f'name = "{whole["it" + chr(39) + "s"]}"',
        f"attribute.name = '{whole['alphabet']}'",
        f"name LIKE '{world.token} alpha%'",
        f"name LIKE '{world.token} _lpha'",
        f"name LIKE '%{world.token} ALPHA%'",
        f"name ILIKE '{world.token} Alpha%'",
        f"name like '{world.token} alpha'",
        f"name ilike '{world.token} ALPHA'",
        f"name = '{whole['ünï']}'",
        ours(world, f"name != '{whole['alpha']}'"),
        ours(world, "name LIKE '%b%'"),
        ours(world, "name LIKE '%alpha' AND name ILIKE '%A'"),
        # An older MLflow refuses them.
        f"name IN ('{whole['alpha']}', '{whole['ünï']}', 'lacking')",
        ours(world, f"name NOT IN ('{whole['alpha']}', '{whole['ünï']}')"),
    ):
        find_models(store, filter_string=condition, order_by=["name ASC"])


@scenario(_about)
def models_are_searched_by_tag(store: Any, world: World) -> None:
    for name, tags in (
        ("a", {"k": "v"}),
        ("b", {"k": "V", "other key": "x"}),
        ("c", {"k": "w", "dotted.key": "v"}),
        ("d", {}),
    ):
        new_model(store, world, name, tags=tags)
    for condition in (
        "tags.k = 'v'",
        "tag.k = 'v'",
        "tags.k != 'v'",
        "tags.k LIKE 'v%'",
        "tags.k ILIKE 'v%'",
        "tags.K = 'v'",
        "tags.`other key` = 'x'",
        "tags.\"other key\" = 'x'",
        "tags.dotted.key = 'v'",
        "tags.`dotted.key` = 'v'",
        "tags.lacking = 'v'",
        "tags.lacking != 'v'",
        "tags.k = 'v' AND tags.lacking = 'v'",
        "tags.k = 'V' AND tags.`other key` = 'x'",
        "tags.k != 'v' AND tags.k != 'w'",
        "tags.k = ''",
    ):
        find_models(store, filter_string=ours(world, condition))


@scenario(_about)
def a_tag_of_a_model_that_is_gone_is_not_searched(store: Any, world: World) -> None:
    made = new_model(store, world, tags={"k": "v"})
    find_models(store, ours(world, "tags.k = 'v'"))
    store.set_registered_model_tag(made, model_tag("k", "w"))
    find_models(store, ours(world, "tags.k = 'v'"))
    find_models(store, ours(world, "tags.k = 'w'"))
    store.delete_registered_model_tag(made, "k")
    find_models(store, ours(world, "tags.k = 'w'"))


@scenario(_about)
def a_change_is_seen_by_the_next_search(store: Any, world: World) -> None:
    made = new_model(store, world)
    find_models(store, ours(world))
    store.update_registered_model(made, "d")
    find_models(store, ours(world))
    store.rename_registered_model(made, world.name("b"))
    find_models(store, ours(world))
    store.delete_registered_model(world.name("b"))
    find_models(store, ours(world))


@scenario(_about)
def models_are_found_with_what_they_have(store: Any, world: World) -> None:
    for name in ("a", "b"):
        made = new_model(store, world, name, tags={"k": name}, description=name)
        for number in range(4):
            new_version(store, made, f"s3://bucket/{number}", tags={"k": str(number)})
        store.transition_model_version_stage(made, 1, "Production", False)
        store.transition_model_version_stage(made, 2, "Production", False)
        store.delete_model_version(made, 4)
    find_models(store, ours(world))


@scenario(_about)
def a_page_of_models_is_followed_by_the_next_one(store: Any, world: World) -> None:
    _made(store, world)
    for size in range(1, len(_NAMES) + 2):
        for order in (None, ["name DESC"]):
            store.pages(
                "search_registered_models",
                filter_string=ours(world),
                max_results=size,
                order_by=order,
            )
    store.pages(
        "search_registered_models", filter_string=ours(world, "tags.kind = 'even'"), max_results=2
    )


@scenario(_about)
def the_page_of_a_search_of_models_is_checked(store: Any, world: World) -> None:
    new_model(store, world)
    find_models(store, ours(world), page_token=GARBAGE)
    # A thousand is the most that may be asked for.
    find_models(store, ours(world), max_results=1000)
    find_models(store, ours(world), max_results=1001)


@scenario(_about)
def a_search_of_models_refuses_what_it_does_not_know(store: Any, world: World) -> None:
    for condition in (
        "name",
        "nme = 'a'",
        "name = a",
        "name > 'a'",
        "name = 5",
        "name = 'a' OR name = 'b'",
        "description = 'a'",
        "creation_timestamp > 1",
        "run_id = 'a'",
        "params.x = 'a'",
        "metrics.x > 1",
        "tags.k = 5",
        "tags.k > 'v'",
        "tags.k IN ('v')",
        "name = 'a'; name = 'b'",
        "name = 'a' name = 'b'",
    ):
        find_models(store, filter_string=ours(world, condition))
    for order in (["nme"], ["name ASCENDING"], ["tags.k"], ["version_number"], [""]):
        find_models(store, filter_string=ours(world), order_by=order)
