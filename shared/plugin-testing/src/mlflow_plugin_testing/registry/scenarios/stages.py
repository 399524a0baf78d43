"""Stages: transitions between them, and the latest version of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.registry.capabilities import RegistryCapability
from mlflow_plugin_testing.registry.catalogue import scenario
from mlflow_plugin_testing.registry.steps import (
    new_model,
    new_version,
    next_millisecond,
    version_tag,
)

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = RegistryCapability.VERSIONS

_STAGES = ("None", "Staging", "Production", "Archived")


def _made(store: Any, world: World, count: int = 3) -> str:
    made = new_model(store, world)
    for number in range(count):
        new_version(store, made, f"s3://bucket/{number + 1}", tags={"number": str(number + 1)})
    return made


def _all(store: Any, made: str, count: int = 3) -> None:
    for number in range(1, count + 1):
        store.get_model_version(made, number)


def _move(store: Any, made: str, number: Any, stage: Any, *, archive: bool = False) -> Any:
    return store.transition_model_version_stage(
        name=made, version=number, stage=stage, archive_existing_versions=archive
    )


@scenario(_about)
def a_version_goes_from_stage_to_stage(store: Any, world: World) -> None:
    made = _made(store, world)
    for stage in ("Staging", "Production", "Archived", "None", "Production", "Production"):
        _move(store, made, 1, stage)
        store.get_model_version(made, 1)
    _all(store, made)


@scenario(_about)
def stages_are_known_in_any_case(store: Any, world: World) -> None:
    made = _made(store, world)
    for stage in ("staging", "PRODUCTION", "aRCHIVED", "none"):
        _move(store, made, 1, stage)
    _move(store, made, 1, "staging")
    _move(store, made, 2, "STAGING", archive=True)
    store.unordered.get_latest_versions(made, ["sTAGING", "archived"])


@scenario(_about)
def a_stage_that_does_not_exist_is_refused(store: Any, world: World) -> None:
    made = _made(store, world, 1)
    for stage in ("", "Deleted_Internal", "Live", " Staging", "Production "):
        _move(store, made, 1, stage)
        store.get_latest_versions(made, [stage])
    store.get_model_version(made, 1)


@scenario(_about)
def versions_of_a_stage_stay_there_together(store: Any, world: World) -> None:
    made = _made(store, world)
    for number in (1, 2, 3):
        _move(store, made, number, "Production")
    _all(store, made)


@scenario(_about)
def a_transition_archives_the_others_of_its_stage(store: Any, world: World) -> None:
    made = _made(store, world, 5)
    other = new_model(store, world, "b")
    new_version(store, other)
    _move(store, other, 1, "Production")
    for number, stage in ((1, "Production"), (2, "Production"), (3, "Staging")):
        _move(store, made, number, stage)
    _move(store, made, 4, "Production", archive=True)
    _all(store, made, 5)
    store.get_model_version(other, 1)
    # One that is there already stays where it is.
    _move(store, made, 4, "Production", archive=True)
    _move(store, made, 5, "Staging", archive=True)
    _all(store, made, 5)


@scenario(_about)
def only_active_stages_archive(store: Any, world: World) -> None:
    made = _made(store, world)
    for stage in ("None", "Archived"):
        _move(store, made, 1, stage, archive=True)
    _all(store, made)


@scenario(_about)
def a_transition_that_fails_archives_nothing(store: Any, world: World) -> None:
    made = _made(store, world)
    _move(store, made, 1, "Production")
    _move(store, made, 7, "Production", archive=True)
    _all(store, made)
    store.delete_model_version(made, 3)
    _move(store, made, 3, "Production", archive=True)
    _all(store, made)


@scenario(_about)
def a_transition_changes_times(store: Any, world: World) -> None:
    made = _made(store, world)
    _move(store, made, 1, "Staging")
    before = [store.get_model_version(made, number) for number in (1, 2, 3)]
    next_millisecond()
    _move(store, made, 2, "Staging", archive=True)
    after = [store.get_model_version(made, number) for number in (1, 2, 3)]
    moved = [
        new.last_updated_timestamp > old.last_updated_timestamp
        for old, new in zip(before, after, strict=True)
    ]
    store.note("the times of these moved", moved)
    made_at = [
        new.creation_timestamp == old.creation_timestamp
        for old, new in zip(before, after, strict=True)
    ]
    store.note("the times of creation stayed", made_at)


@scenario(_about)
def a_transition_keeps_the_rest_of_a_version(store: Any, world: World) -> None:
    made = new_model(store, world)
    new_version(store, made, run_id="r", tags={"k": "v"}, description="d", run_link="l")
    _move(store, made, 1, "Production", archive=True)
    store.get_model_version(made, 1)
    store.get_registered_model(made)


@scenario(_about)
def the_latest_version_of_a_stage_has_the_highest_number(store: Any, world: World) -> None:
    made = _made(store, world, 6)
    # The first is the last to arrive; what counts is its number.
    for number, stage in ((2, "Production"), (1, "Production"), (4, "Staging"), (3, "Staging")):
        next_millisecond()
        _move(store, made, number, stage)
    _move(store, made, 5, "Archived")
    store.unordered.get_latest_versions(made)
    store.unordered.get_latest_versions(made, None)
    store.unordered.get_latest_versions(made, [])
    for stage in _STAGES:
        store.get_latest_versions(made, [stage])
    store.unordered.get_latest_versions(made, ["Staging", "Production"])
    store.get_registered_model(made)


@scenario(_about)
def the_latest_version_follows_what_happens(store: Any, world: World) -> None:
    made = _made(store, world)
    for number in (1, 3):
        _move(store, made, number, "Production")
    store.unordered.get_latest_versions(made)
    store.delete_model_version(made, 3)
    store.unordered.get_latest_versions(made)
    _move(store, made, 1, "Archived")
    store.unordered.get_latest_versions(made)
    store.get_latest_versions(made, ["Production"])
    new_version(store, made)
    store.get_latest_versions(made, ["None"])
    for number in (1, 2, 4):
        store.delete_model_version(made, number)
    store.get_latest_versions(made)
    store.get_registered_model(made)


@scenario(_about)
def the_latest_versions_come_with_what_they_have(store: Any, world: World) -> None:
    made = _made(store, world, 2)
    _move(store, made, 1, "Production")
    store.set_model_version_tag(made, 2, version_tag("k", "v"))
    store.update_model_version(made, 1, "description")
    store.unordered.get_latest_versions(made)


@scenario(_about)
def a_model_without_versions_has_no_latest(store: Any, world: World) -> None:
    made = new_model(store, world)
    store.get_latest_versions(made)
    store.get_latest_versions(made, ["Production"])
    store.get_latest_versions(made, ["Live"])
