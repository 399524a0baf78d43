"""Tags of models and of versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.registry.capabilities import RegistryCapability
from mlflow_plugin_testing.registry.catalogue import scenario
from mlflow_plugin_testing.registry.steps import (
    model_tag,
    new_model,
    new_version,
    next_millisecond,
    version_tag,
)

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = RegistryCapability.TAGS

_KEYS = ("k", "K", "a key", "a.b", "a/b", "a-b_c:d", "ü", "mlflow.source")
_VALUES = ("", "v", "ü 中 🙂", "'\"`\\%_", "a\nb\tc", " v ", "x" * 5000)
_BAD_KEYS = (None, "", "/", "..", "a//b", "a;b", "k" * 251)


@scenario(_about)
def a_tag_of_a_model_is_set_and_replaced(store: Any, world: World) -> None:
    made = new_model(store, world, tags={"k": "v"})
    store.set_registered_model_tag(made, model_tag("l", "w"))
    store.get_registered_model(made)
    store.set_registered_model_tag(made, model_tag("k", "replaced"))
    store.get_registered_model(made)


@scenario(_about)
def a_tag_of_a_version_is_set_and_replaced(store: Any, world: World) -> None:
    made = new_model(store, world)
    for _ in range(2):
        new_version(store, made, tags={"k": "v"})
    store.set_model_version_tag(made, 1, version_tag("l", "w"))
    store.get_model_version(made, 1)
    store.set_model_version_tag(made, 1, version_tag("k", "replaced"))
    for number in (1, 2):
        store.get_model_version(made, number)


@scenario(_about)
def a_model_and_its_versions_have_tags_of_their_own(store: Any, world: World) -> None:
    made = new_model(store, world, tags={"k": "of the model"})
    other = new_model(store, world, "b", tags={"k": "of the other"})
    for name in (made, other):
        for number in range(2):
            new_version(store, name, tags={"k": f"of version {number}"})
    store.set_model_version_tag(made, 1, version_tag("k", "changed"))
    for name in (made, other):
        store.get_registered_model(name)
        for number in (1, 2):
            store.get_model_version(name, number)
    store.set_registered_model_tag(made, model_tag("k", "changed as well"))
    store.delete_model_version_tag(made, 2, "k")
    for name in (made, other):
        store.get_registered_model(name)
        for number in (1, 2):
            store.get_model_version(name, number)
    store.delete_registered_model_tag(made, "k")
    store.get_registered_model(made)
    store.get_model_version(made, 1)


@scenario(_about)
def a_deleted_tag_is_gone(store: Any, world: World) -> None:
    made = new_model(store, world, tags={"k": "v", "l": "w"})
    new_version(store, made, tags={"k": "v", "l": "w"})
    store.delete_registered_model_tag(made, "k")
    store.get_registered_model(made)
    store.delete_model_version_tag(made, 1, "k")
    store.get_model_version(made, 1)
    # There is no error in deleting what is not there.
    for key in ("k", "K", "lacking"):
        store.delete_registered_model_tag(made, key)
        store.delete_model_version_tag(made, 1, key)
    store.get_registered_model(made)
    store.get_model_version(made, 1)


@scenario(_about)
def keys_and_values_of_tags_are_kept_as_they_are(store: Any, world: World) -> None:
    made = new_model(store, world)
    new_version(store, made)
    for number, key in enumerate(_KEYS):
        value = _VALUES[number % len(_VALUES)]
        store.set_registered_model_tag(made, model_tag(key, value))
        store.set_model_version_tag(made, 1, version_tag(key, value))
    store.get_registered_model(made)
    store.get_model_version(made, 1)
    for key in _KEYS[::2]:
        store.delete_registered_model_tag(made, key)
        store.delete_model_version_tag(made, 1, key)
    store.get_registered_model(made)
    store.get_model_version(made, 1)


@scenario(_about)
def tags_that_a_model_is_made_with_are_kept_as_they_are(store: Any, world: World) -> None:
    tags = {key: _VALUES[number % len(_VALUES)] for number, key in enumerate(_KEYS)}
    made = new_model(store, world, tags=tags)
    new_version(store, made, tags=tags)
    store.get_registered_model(made)
    store.get_model_version(made, 1)


@scenario(_about)
def a_key_of_a_tag_that_cannot_be_is_refused(store: Any, world: World) -> None:
    made = new_model(store, world)
    new_version(store, made)
    for key in _BAD_KEYS:
        store.set_registered_model_tag(made, model_tag(key, "v"))
        store.set_model_version_tag(made, 1, version_tag(key, "v"))
        store.create_model_version(made, "s3://bucket/a", None, [version_tag(key, "v")])
        store.create_registered_model(world.name("b"), [model_tag(key, "v")])
        store.delete_registered_model_tag(made, key)
        store.delete_model_version_tag(made, 1, key)
    store.get_registered_model(made)
    store.get_model_version(made, 1)
    store.get_registered_model(world.name("b"))


@scenario(_about)
def keys_of_tags_may_be_long_and_not_too_long(store: Any, world: World) -> None:
    made = new_model(store, world)
    new_version(store, made)
    store.set_registered_model_tag(made, model_tag("k" * 250, "v"))
    store.set_model_version_tag(made, 1, version_tag("k" * 250, "v"))
    # A prompt's text is a tag of a version, and may have as many characters.
    store.set_model_version_tag(made, 1, version_tag("long", "x" * 60_000))
    store.set_model_version_tag(made, 1, version_tag("too long", "x" * 100_001))
    store.set_registered_model_tag(made, model_tag("too long", "x" * 100_001))
    store.get_registered_model(made)
    store.get_model_version(made, 1)


@scenario(_about)
def the_value_of_a_tag_of_a_version_is_a_text(store: Any, world: World) -> None:
    made = new_model(store, world)
    new_version(store, made)
    for value in (None, 7, True):
        store.set_model_version_tag(made, 1, version_tag("k", value))
    store.get_model_version(made, 1)


@scenario(_about)
def a_tag_does_not_change_times(store: Any, world: World) -> None:
    made = new_model(store, world)
    new_version(store, made)
    before = store.get_registered_model(made), store.get_model_version(made, 1)
    next_millisecond()
    store.set_registered_model_tag(made, model_tag("k", "v"))
    store.set_model_version_tag(made, 1, version_tag("k", "v"))
    store.delete_model_version_tag(made, 1, "k")
    after = store.get_registered_model(made), store.get_model_version(made, 1)
    stayed = [
        old.last_updated_timestamp == new.last_updated_timestamp
        for old, new in zip(before, after, strict=True)
    ]
    store.note("the times stayed", stayed)
