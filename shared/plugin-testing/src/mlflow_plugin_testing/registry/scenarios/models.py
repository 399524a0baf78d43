"""Registered models: made, found, renamed, described, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.registry.capabilities import RegistryCapability
from mlflow_plugin_testing.registry.catalogue import scenario
from mlflow_plugin_testing.registry.steps import (
    bad_names,
    find_models,
    in_search,
    model_tag,
    new_model,
    new_version,
    next_millisecond,
    version_tag,
)

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = RegistryCapability.MODELS


@scenario(_about)
def a_registered_model_is_found_by_its_name(store: Any, world: World) -> None:
    new_model(store, world, tags={"k": "v"}, description="description")
    store.get_registered_model(world.name("a"))
    store.get_registered_model(world.name("b"))


@scenario(_about)
def a_second_registered_model_of_the_same_name_is_refused(store: Any, world: World) -> None:
    made = new_model(store, world, description="first")
    new_model(store, world, description="second")
    store.get_registered_model(made)


@scenario(_about)
def a_registered_model_may_be_made_with_its_name_alone(store: Any, world: World) -> None:
    store.create_registered_model(world.name("a"))
    store.create_registered_model(world.name("b"), None, None)
    store.create_registered_model(world.name("c"), [], "")
    for name in "abc":
        store.get_registered_model(world.name(name))


@scenario(_about)
def the_names_of_registered_models_are_kept_as_they_are(store: Any, world: World) -> None:
    names = ("a", "A", "a'b\"c`d", "ü 中 🙂", "100%_", "a.b", "ends with a space ", "x" * 200)
    for name in names:
        new_model(store, world, name, description=name)
    for name in names:
        store.get_registered_model(world.name(name))


@scenario(_about)
def a_registered_model_needs_a_name_that_can_stand_in_a_uri(store: Any, world: World) -> None:
    for name in bad_names(world):
        store.create_registered_model(name)
        store.get_registered_model(name)
    made = new_model(store, world)
    for name in bad_names(world):
        store.rename_registered_model(made, name)
    store.get_registered_model(made)


@scenario(_about)
def a_registered_model_that_is_refused_is_not_made(store: Any, world: World) -> None:
    store.create_registered_model(world.name("a"), [model_tag("k" * 300, "v")])
    store.get_registered_model(world.name("a"))


@scenario(_about)
def the_last_of_two_tags_with_one_key_counts(store: Any, world: World) -> None:
    store.create_registered_model(world.name("a"), [model_tag("k", "v"), model_tag("k", "w")])
    store.get_registered_model(world.name("a"))


@scenario(_about)
def a_registered_model_that_is_not_there_is_an_error(store: Any, world: World) -> None:
    lacking = world.name("a")
    store.get_registered_model(lacking)
    store.update_registered_model(name=lacking, description="d")
    store.rename_registered_model(lacking, world.name("b"))
    store.delete_registered_model(lacking)
    store.set_registered_model_tag(lacking, model_tag("k", "v"))
    store.delete_registered_model_tag(lacking, "k")
    store.get_latest_versions(lacking)
    store.get_registered_model(world.name("b"))


@scenario(_about)
def the_description_of_a_registered_model_changes(store: Any, world: World) -> None:
    made = new_model(store, world, description="first", tags={"k": "v"})
    before = store.get_registered_model(made)
    for description in ("second", "ü\n中 🙂 '\"", "", None, "x" * 5000):
        next_millisecond()
        store.update_registered_model(name=made, description=description, deployment_job_id=None)
        store.get_registered_model(made)
    after = store.get_registered_model(made)
    store.note(
        "the time of the last update moved",
        after.last_updated_timestamp > before.last_updated_timestamp,
    )
    store.note("the time of creation stayed", after.creation_timestamp == before.creation_timestamp)


@scenario(_about)
def a_renamed_model_is_found_by_its_new_name_alone(store: Any, world: World) -> None:
    made = new_model(store, world, description="d")
    before = store.get_registered_model(made)
    next_millisecond()
    store.rename_registered_model(made, world.name("b"))
    store.get_registered_model(made)
    after = store.get_registered_model(world.name("b"))
    store.note(
        "the time of the last update moved",
        after.last_updated_timestamp > before.last_updated_timestamp,
    )
    store.note("the time of creation stayed", after.creation_timestamp == before.creation_timestamp)
    new_model(store, world)
    store.get_registered_model(made)


@scenario(_about)
def a_renamed_model_keeps_its_versions_and_tags(store: Any, world: World) -> None:
    made, renamed = new_model(store, world, tags={"k": "v", "l": ""}), world.name("b")
    for number in range(3):
        new_version(store, made, f"s3://bucket/{number}", tags={"number": str(number)})
    store.transition_model_version_stage(made, 2, "Production", archive_existing_versions=False)
    store.rename_registered_model(made, renamed)
    store.get_registered_model(renamed)
    for number in (1, 2, 3):
        store.get_model_version(renamed, number)
        store.get_model_version(made, number)
        store.get_model_version_download_uri(renamed, number)
    store.unordered.get_latest_versions(renamed)
    in_search(store, f"name = '{renamed}'")
    in_search(store, f"name = '{made}'")
    new_version(store, renamed)


@scenario(_about)
def the_old_name_of_a_renamed_model_is_free(store: Any, world: World) -> None:
    made = new_model(store, world, tags={"k": "v"})
    new_version(store, made)
    store.rename_registered_model(made, world.name("b"))
    new_model(store, world)
    store.get_registered_model(made)
    new_version(store, made, "s3://bucket/of the second")
    store.get_model_version(world.name("b"), 1)


@scenario(_about)
def a_model_is_not_renamed_to_a_name_in_use(store: Any, world: World) -> None:
    first = new_model(store, world, tags={"k": "v"})
    second = new_model(store, world, "b", tags={"k": "w"})
    new_version(store, first)
    new_version(store, second, "s3://bucket/b")
    store.rename_registered_model(first, second)
    store.get_registered_model(first)
    store.get_registered_model(second)
    store.get_model_version(first, 1)
    store.get_model_version(second, 1)
    store.rename_registered_model(second, second)
    store.get_registered_model(second)


@scenario(_about)
def a_deleted_model_is_gone_with_all_it_had(store: Any, world: World) -> None:
    made = new_model(store, world, tags={"k": "v"})
    new_version(store, made, tags={"k": "v"})
    store.delete_registered_model(made)
    store.get_registered_model(made)
    store.get_model_version(made, 1)
    store.get_model_version_download_uri(made, 1)
    store.update_model_version(made, 1, "d")
    store.transition_model_version_stage(made, 1, "Staging", archive_existing_versions=False)
    store.set_model_version_tag(made, 1, version_tag("k", "w"))
    store.delete_model_version(made, 1)
    new_version(store, made)
    in_search(store, f"name = '{made}'")
    find_models(store, f"name = '{made}'")


@scenario(_about)
def a_model_is_deleted_once(store: Any, world: World) -> None:
    made = new_model(store, world)
    store.delete_registered_model(made)
    store.delete_registered_model(made)


@scenario(_about)
def a_model_made_again_begins_anew(store: Any, world: World) -> None:
    made = new_model(store, world, tags={"k": "v"}, description="first")
    for _ in range(2):
        new_version(store, made, tags={"k": "v"}, description="first")
    store.delete_registered_model(made)
    new_model(store, world)
    store.get_registered_model(made)
    new_version(store, made, "s3://bucket/again")
    store.get_model_version(made, 1)
    store.get_model_version(made, 2)


@scenario(_about)
def deleting_one_model_leaves_the_others_alone(store: Any, world: World) -> None:
    first, second = new_model(store, world), new_model(store, world, "b", tags={"k": "v"})
    for name in (first, second):
        new_version(store, name, tags={"k": "v"})
    store.delete_registered_model(first)
    store.get_registered_model(second)
    store.get_model_version(second, 1)


@scenario(_about)
def a_model_changes_when_its_versions_do(store: Any, world: World) -> None:
    made = new_model(store, world)
    seen = [store.get_registered_model(made).last_updated_timestamp]

    def look(what: str) -> None:
        seen.append(store.get_registered_model(made).last_updated_timestamp)
        store.note(f"{what} moves the model's time", seen[-1] > seen[-2])
        next_millisecond()

    next_millisecond()
    new_version(store, made)
    look("a new version")
    store.transition_model_version_stage(made, 1, "Staging", archive_existing_versions=False)
    look("a transition")
    store.delete_model_version(made, 1)
    look("a deleted version")
