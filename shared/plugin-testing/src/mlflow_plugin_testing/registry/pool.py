"""What the searches of `filters` look through: models and versions with values of all kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.registry.steps import new_model, new_version, next_millisecond

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__ = ["NAMES", "RUNS", "SOURCES", "VALUES", "fill"]

# No backslash: databases do not agree on what it means in a pattern, and MLflow passes it on. Outside ASCII only lower
# case: nor do they agree on the case of other letters.
NAMES = ("a", "A", "ab", "aB", "b", "a_b", "ü x", "10", "9", "it's", "a b", "B", "x", "xy", "y")
VALUES = ("a", "A", "ab", "a%b", "a_b", "ü x", "10", "", "it's")
SOURCES = ("s3://bucket/a", "s3://bucket/A", "dbfs:/a_b", "/a b")
RUNS = ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210", "run1")


def fill(store: Any, world: World) -> None:
    """Make the models, each with up to four versions, some of them deleted.

    Each change has a time of its own, so that no order by time is open.

    Args:
        store: The store.
        world: Whose they are.
    """
    for number, name in enumerate(NAMES):
        next_millisecond()
        made = new_model(store, world, name, tags=_tags(number), description=name)
        for version in range(number % 4):
            next_millisecond()
            new_version(
                store,
                made,
                SOURCES[(number + version) % len(SOURCES)],
                run_id=(*RUNS, None)[(number * 2 + version) % 4],
                tags=_tags(number + version * 5),
            )
        if number % 4 == 3:
            store.delete_model_version(made, number % 3 + 1)
    for number, name in enumerate(NAMES):
        if number % 5 == 1 and number % 4:
            next_millisecond()
            store.update_model_version(world.name(name), 1, "touched")
        if number % 3 == 2:
            next_millisecond()
            store.update_registered_model(world.name(name), "touched")


def _tags(number: int) -> dict[str, str]:
    value = VALUES[number % len(VALUES)]
    tags = {"k": value} if number % 4 else {"K": value}
    return tags | ({"a key": VALUES[number % 5], "dotted.k": "a"} if number % 3 else {})
