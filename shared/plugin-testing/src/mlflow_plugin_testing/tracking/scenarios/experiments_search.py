"""The search of experiments: filters, orders, pages and what they refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import (
    GARBAGE,
    all_pages,
    new_experiment,
    next_millisecond,
)

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.EXPERIMENTS
_NAMES = ("delta", "alpha", "echo", "bravo", "charlie")


def _made(store: Any, world: World) -> list[Any]:
    """Make some, each with a time of its own: they come back latest first."""
    from mlflow.entities import ExperimentTag

    found = []
    for number, name in enumerate(_NAMES):
        tags = [ExperimentTag("kind", "odd" if number % 2 else "even")]
        found.append(new_experiment(store, world, name, tags=tags))
        next_millisecond()
    return found


def _ours(world: World, more: str = "") -> str:
    return f"name LIKE '{world.token}%'" + (f" AND {more}" if more else "")


@scenario(_about)
def experiments_come_back_latest_first(store: Any, world: World) -> None:
    _made(store, world)
    store.search_experiments(filter_string=_ours(world))


@scenario(_about)
def experiments_come_in_the_order_that_is_asked_for(store: Any, world: World) -> None:
    made = _made(store, world)
    store.rename_experiment(made[1], world.name("zulu"))
    next_millisecond()
    store.rename_experiment(made[0], world.name("yankee"))
    for order in (
        ["name"],
        ["name ASC"],
        ["name DESC"],
        ["attribute.name desc"],
        ["creation_time"],
        ["creation_time DESC"],
        ["last_update_time ASC"],
        ["last_update_time DESC"],
        ["last_update_time DESC", "name ASC"],
    ):
        store.search_experiments(filter_string=_ours(world), order_by=order)


@scenario(_about)
def experiments_are_searched_by_their_stage(store: Any, world: World) -> None:
    from mlflow.entities import ViewType

    made = _made(store, world)
    store.delete_experiment(made[1])
    store.delete_experiment(made[3])
    for view in (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL):
        store.search_experiments(view_type=view, filter_string=_ours(world))
    store.restore_experiment(made[1])
    for view in (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL):
        store.search_experiments(view_type=view, filter_string=_ours(world))
    store.search_experiments(filter_string=_ours(world))


@scenario(_about)
def experiments_are_searched_by_name(store: Any, world: World) -> None:
    for name in ("alpha", "ALPHA", "alphabet", "it's", "50% off", "ünï"):
        new_experiment(store, world, name)
    whole = {name: world.name(name) for name in ("alpha", "ALPHA", "alphabet", "ünï")}
    for condition in (
        f"name = '{whole['alpha']}'",
        f'name = "{whole["ALPHA"]}"',
        f"attribute.name = '{whole['alphabet']}'",
        f"name LIKE '{world.token} alpha%'",
        f"name LIKE '{world.token} _lpha'",
        f"name LIKE '%{world.token} ALPHA%'",
        f"name ILIKE '{world.token} Alpha%'",
        f"name like '{world.token} alpha'",
        f"name = '{whole['ünï']}'",
        f'name = "{world.name(chr(105) + "t" + chr(39) + "s")}"',
        _ours(world, f"name != '{whole['alpha']}'"),
        _ours(world, "name LIKE '%b%'"),
        _ours(world, "name LIKE '%alpha' AND name ILIKE '%a'"),
    ):
        store.search_experiments(filter_string=condition, order_by=["name ASC"])


@scenario(_about)
def experiments_are_searched_by_tag(store: Any, world: World) -> None:
    from mlflow.entities import ExperimentTag

    for name, tags in (
        ("a", {"k": "v"}),
        ("b", {"k": "V", "other key": "x"}),
        ("c", {"k": "w", "dotted.key": "v"}),
        ("d", {}),
    ):
        new_experiment(store, world, name, tags=[ExperimentTag(*each) for each in tags.items()])
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
        "tags.k = 'v' AND tags.lacking = 'v'",
        "tags.k IS NULL",
        "tags.k IS NOT NULL",
    ):
        store.search_experiments(filter_string=_ours(world, condition), order_by=["name ASC"])


@scenario(_about)
def a_tag_that_is_gone_is_not_searched(store: Any, world: World) -> None:
    from mlflow.entities import ExperimentTag

    made = new_experiment(store, world, tags=[ExperimentTag("k", "v")])
    store.search_experiments(filter_string=_ours(world, "tags.k = 'v'"))
    store.set_experiment_tag(made, ExperimentTag("k", "w"))
    store.search_experiments(filter_string=_ours(world, "tags.k = 'v'"))
    store.search_experiments(filter_string=_ours(world, "tags.k = 'w'"))
    store.delete_experiment_tag(made, "k")
    store.search_experiments(filter_string=_ours(world, "tags.k = 'w'"))


@scenario(_about)
def experiments_are_searched_by_time(store: Any, world: World) -> None:
    made = _made(store, world)
    middle = store.get_experiment(made[2]).creation_time
    for operator in ("=", "!=", "<", "<=", ">", ">="):
        condition = _ours(world, f"creation_time {operator} {middle}")
        store.search_experiments(filter_string=condition, order_by=["name ASC"])
    store.search_experiments(filter_string=_ours(world, "last_update_time > 0"))
    store.search_experiments(filter_string=_ours(world, "attribute.last_update_time < 1000"))


@scenario(_about)
def experiments_are_searched_by_id(store: Any, world: World) -> None:
    made = _made(store, world)
    for condition in (
        f"experiment_id = '{made[0]}'",
        f"experiment_id IN ('{made[1]}', '{made[3]}')",
    ):
        store.search_experiments(filter_string=_ours(world, condition), order_by=["name ASC"])


@scenario(_about)
def a_page_of_experiments_is_followed_by_the_next_one(store: Any, world: World) -> None:
    _made(store, world)
    for size in range(1, len(_NAMES) + 2):
        for order in (None, ["name ASC"]):
            all_pages(
                lambda order=order, **page: store.search_experiments(
                    filter_string=_ours(world), order_by=order, **page
                ),
                size,
            )


@scenario(_about)
def a_search_of_experiments_refuses_what_it_does_not_know(store: Any, world: World) -> None:
    for condition in (
        "name",
        "nam = 'a'",
        "name = a",
        "name > 'a'",
        "name = 'a' OR name = 'b'",
        "params.x = 'a'",
        "metrics.x > 1",
        "tags.k = 5",
        "tags.k > 'v'",
        "creation_time = 'yesterday'",
        "creation_time LIKE '1%'",
        "name = 'a'; name = 'b'",
        "name = 'a' name = 'b'",
    ):
        store.search_experiments(filter_string=condition)
    for order in (["nam"], ["name ASCENDING"], ["tags.k"], ["name, creation_time"], [""]):
        store.search_experiments(filter_string=_ours(world), order_by=order)


@scenario(_about)
def a_search_of_experiments_refuses_a_wrong_size_or_token(store: Any, world: World) -> None:
    for size in (0, -1, 50_001):
        store.search_experiments(filter_string=_ours(world), max_results=size)
    store.search_experiments(filter_string=_ours(world), page_token=GARBAGE)


@scenario(_about)
def a_new_experiment_is_found_at_once(store: Any, world: World) -> None:
    for name in _NAMES:
        made = new_experiment(store, world, name)
        store.search_experiments(filter_string=f"name = '{world.name(name)}'")
        store.rename_experiment(made, world.name(f"renamed {name}"))
        store.search_experiments(filter_string=f"name = '{world.name(name)}'")
        store.search_experiments(filter_string=f"name = '{world.name(f'renamed {name}')}'")
        store.delete_experiment(made)
        store.search_experiments(filter_string=_ours(world))
