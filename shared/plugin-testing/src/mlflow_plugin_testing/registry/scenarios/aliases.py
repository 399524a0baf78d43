"""Aliases: set, moved, resolved, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.registry.capabilities import RegistryCapability
from mlflow_plugin_testing.registry.catalogue import scenario
from mlflow_plugin_testing.registry.steps import (
    find_models,
    in_search,
    new_model,
    new_version,
    next_millisecond,
    ours,
)

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = RegistryCapability.ALIASES


def _made(store: Any, world: World, name: str = "a", count: int = 3) -> str:
    made = new_model(store, world, name)
    for number in range(count):
        new_version(store, made, f"s3://bucket/{name}/{number + 1}", tags={"k": "v"})
    return made


@scenario(_about)
def an_alias_leads_to_its_version(store: Any, world: World) -> None:
    made = _made(store, world)
    store.set_registered_model_alias(made, "champion", 2)
    store.get_model_version_by_alias(made, "champion")
    store.get_registered_model(made)
    for number in (1, 2, 3):
        store.get_model_version(made, number)


@scenario(_about)
def an_alias_is_moved_to_another_version(store: Any, world: World) -> None:
    made = _made(store, world)
    for number in (1, 3, 2, 2):
        store.set_registered_model_alias(made, "champion", number)
        store.get_model_version_by_alias(made, "champion")
        store.get_registered_model(made)
    for number in (1, 2, 3):
        store.get_model_version(made, number)


@scenario(_about)
def a_version_may_have_many_aliases(store: Any, world: World) -> None:
    made = _made(store, world)
    for alias in ("champion", "challenger", "of-old"):
        store.set_registered_model_alias(made, alias, 1)
    store.set_registered_model_alias(made, "other", 3)
    store.get_model_version(made, 1)
    store.get_registered_model(made)
    store.update_model_version(made, 1, "description")
    store.delete_registered_model_alias(made, "challenger")
    store.get_model_version(made, 1)
    store.get_registered_model(made)


@scenario(_about)
def models_have_aliases_of_their_own(store: Any, world: World) -> None:
    first, second = _made(store, world), _made(store, world, "b")
    store.set_registered_model_alias(first, "champion", 1)
    store.set_registered_model_alias(second, "champion", 2)
    for name in (first, second):
        store.get_model_version_by_alias(name, "champion")
    store.delete_registered_model_alias(first, "champion")
    for name in (first, second):
        store.get_model_version_by_alias(name, "champion")
        store.get_registered_model(name)


@scenario(_about)
def a_deleted_alias_leads_nowhere(store: Any, world: World) -> None:
    made = _made(store, world)
    store.set_registered_model_alias(made, "champion", 1)
    store.delete_registered_model_alias(made, "champion")
    store.get_model_version_by_alias(made, "champion")
    store.get_registered_model(made)
    store.get_model_version(made, 1)
    # There is no error in deleting what is not there.
    store.delete_registered_model_alias(made, "champion")
    store.delete_registered_model_alias(made, "lacking")


@scenario(_about)
def an_alias_of_nothing_is_an_error(store: Any, world: World) -> None:
    made = _made(store, world)
    store.set_registered_model_alias(made, "champion", 9)
    store.set_registered_model_alias(made, "champion", "x")
    store.delete_model_version(made, 2)
    store.set_registered_model_alias(made, "champion", 2)
    store.get_model_version_by_alias(made, "champion")
    store.get_registered_model(made)


@scenario(_about)
def the_case_of_an_alias_counts(store: Any, world: World) -> None:
    made = _made(store, world)
    store.set_registered_model_alias(made, "champion", 1)
    store.set_registered_model_alias(made, "Champion", 2)
    for alias in ("champion", "Champion", "CHAMPION"):
        store.get_model_version_by_alias(made, alias)
    store.get_registered_model(made)


@scenario(_about)
def names_of_aliases_are_checked(store: Any, world: World) -> None:
    made = _made(store, world)
    good = ("a", "a-b_c", "1", "v", "version1", "v1a", "ü", "x" * 255)
    bad = ("", " ", "a b", "a.b", "a/b", "a:b", "a@b", "a%", "x" * 256)
    reserved = ("latest", "LATEST", "Latest", "v1", "V20")
    for alias in (*good, *bad, *reserved):
        store.set_registered_model_alias(made, alias, 1)
    store.get_registered_model(made)
    for alias in (*good, *bad):
        store.get_model_version_by_alias(made, alias)
        store.delete_registered_model_alias(made, alias)
    store.get_registered_model(made)


@scenario(_about)
def latest_leads_to_the_highest_number_of_all_stages(store: Any, world: World) -> None:
    made = _made(store, world, count=4)
    store.transition_model_version_stage(made, 2, "Production", archive_existing_versions=False)
    store.transition_model_version_stage(made, 4, "Archived", archive_existing_versions=False)
    # An older MLflow takes whichever stage comes first, if there are several: so there is one here.
    for number in (1, 3):
        store.delete_model_version(made, number)
    store.delete_model_version(made, 2)
    store.get_model_version_by_alias(made, "latest")
    store.get_model_version_by_alias(made, "LATEST")
    new = new_model(store, world, "b")
    for _ in range(11):
        new_version(store, new)
    store.get_model_version_by_alias(new, "latest")
    store.delete_model_version(new, 11)
    store.get_model_version_by_alias(new, "latest")


@scenario(_about)
def names_of_versions_are_no_aliases(store: Any, world: World) -> None:
    made = _made(store, world)
    for alias in ("v1", "1", "V2"):
        store.get_model_version_by_alias(made, alias)
        store.delete_registered_model_alias(made, alias)


@scenario(_about)
def a_model_that_is_not_there_has_no_aliases(store: Any, world: World) -> None:
    lacking = world.name("a")
    store.set_registered_model_alias(lacking, "champion", 1)
    store.delete_registered_model_alias(lacking, "champion")
    for alias in ("champion", "latest"):
        store.get_model_version_by_alias(lacking, alias)
    store.get_model_version_by_alias(new_model(store, world), "latest")
    store.set_registered_model_alias(lacking, "champion", 1)


@scenario(_about)
def aliases_go_along_when_a_model_is_renamed(store: Any, world: World) -> None:
    made, renamed = _made(store, world), world.name("b")
    store.set_registered_model_alias(made, "champion", 2)
    store.set_registered_model_alias(made, "challenger", 3)
    store.rename_registered_model(made, renamed)
    store.get_registered_model(renamed)
    for number in (1, 2, 3):
        store.get_model_version(renamed, number)
    for name in (renamed, made):
        store.get_model_version_by_alias(name, "champion")
    _made(store, world)
    store.get_registered_model(made)
    store.get_model_version_by_alias(made, "champion")
    store.set_registered_model_alias(renamed, "champion", 1)
    store.get_model_version_by_alias(renamed, "champion")


@scenario(_about)
def an_alias_goes_with_its_version(store: Any, world: World) -> None:
    made = _made(store, world)
    for alias, number in (("champion", 1), ("of-old", 1), ("challenger", 2)):
        store.set_registered_model_alias(made, alias, number)
    store.delete_model_version(made, 1)
    store.get_registered_model(made)
    for alias in ("champion", "of-old", "challenger"):
        store.get_model_version_by_alias(made, alias)


@scenario(_about)
def aliases_go_with_their_model(store: Any, world: World) -> None:
    made, other = _made(store, world), _made(store, world, "b")
    for name in (made, other):
        store.set_registered_model_alias(name, "champion", 1)
    store.delete_registered_model(made)
    for name in (made, other):
        store.get_model_version_by_alias(name, "champion")
    _made(store, world)
    store.get_registered_model(made)
    store.get_model_version(made, 1)
    store.get_model_version_by_alias(made, "champion")


@scenario(_about)
def the_latest_versions_come_with_their_aliases(store: Any, world: World) -> None:
    made = _made(store, world, count=2)
    store.transition_model_version_stage(made, 1, "Production", archive_existing_versions=False)
    for alias, number in (("champion", 1), ("of-old", 1), ("newest", 2)):
        store.set_registered_model_alias(made, alias, number)
    store.unordered.get_latest_versions(made)


@scenario(_about)
def the_version_of_an_alias_may_be_a_text(store: Any, world: World) -> None:
    made = _made(store, world)
    store.set_registered_model_alias(made, "champion", "2")
    store.get_model_version_by_alias(made, "champion")
    store.get_registered_model(made)


@scenario(_about)
def an_alias_stays_through_stages(store: Any, world: World) -> None:
    made = _made(store, world)
    store.set_registered_model_alias(made, "champion", 1)
    for stage in ("Production", "Archived"):
        store.transition_model_version_stage(made, 1, stage, archive_existing_versions=False)
        store.get_model_version_by_alias(made, "champion")


@scenario(_about)
def an_alias_does_not_change_times(store: Any, world: World) -> None:
    made = _made(store, world)
    before = store.get_registered_model(made), store.get_model_version(made, 1)
    next_millisecond()
    store.set_registered_model_alias(made, "champion", 1)
    store.delete_registered_model_alias(made, "champion")
    after = store.get_registered_model(made), store.get_model_version(made, 1)
    stayed = [
        old.last_updated_timestamp == new.last_updated_timestamp
        for old, new in zip(before, after, strict=True)
    ]
    store.note("the times stayed", stayed)


@scenario(_about)
def models_are_found_with_their_aliases(store: Any, world: World) -> None:
    made = _made(store, world)
    store.set_registered_model_alias(made, "champion", 1)
    store.set_registered_model_alias(made, "challenger", 3)
    find_models(store, ours(world))
    store.set_registered_model_alias(made, "champion", 2)
    find_models(store, ours(world))
    in_search(store, ours(world))
