"""Copies of versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.registry.capabilities import RegistryCapability
from mlflow_plugin_testing.registry.catalogue import scenario
from mlflow_plugin_testing.registry.steps import (
    bad_names,
    in_search,
    new_model,
    new_version,
    version_tag,
)

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = RegistryCapability.COPIES


def _original(store: Any, world: World) -> Any:
    made = new_model(store, world, tags={"k": "of the model"})
    new_version(
        store,
        made,
        "s3://bucket/original",
        run_id="0123456789abcdef0123456789abcdef",
        tags={"k": "v", "l": ""},
        run_link="https://mlflow.example/run",
        description="description",
    )
    store.transition_model_version_stage(made, 1, "Production", archive_existing_versions=False)
    return store.get_model_version(made, 1)


@scenario(_about)
def a_copy_is_a_version_of_a_new_model(store: Any, world: World) -> None:
    original, name = _original(store, world), world.name("copies")
    store.copy_model_version(src_mv=original, dst_name=name)
    store.get_registered_model(name)
    store.get_model_version(name, 1)
    # It does not have the stage; its artifacts are the original's.
    store.get_model_version_download_uri(name, 1)
    store.get_model_version(original.name, 1)


@scenario(_about)
def a_copy_is_the_next_version_of_a_model_that_is_there(store: Any, world: World) -> None:
    original, name = _original(store, world), new_model(store, world, "b", tags={"k": "own"})
    new_version(store, name)
    store.copy_model_version(src_mv=original, dst_name=name)
    store.copy_model_version(src_mv=original, dst_name=name)
    store.copy_model_version(src_mv=original, dst_name=original.name)
    store.get_registered_model(name)
    in_search(store, f"name = '{name}'")
    in_search(store, f"name = '{original.name}'")


@scenario(_about)
def a_copy_of_a_copy_leads_to_the_original(store: Any, world: World) -> None:
    original = _original(store, world)
    copy = store.copy_model_version(src_mv=original, dst_name=world.name("b"))
    store.copy_model_version(src_mv=copy, dst_name=world.name("c"))
    store.get_model_version(world.name("c"), 1)
    store.get_model_version_download_uri(world.name("c"), 1)


@scenario(_about)
def a_copy_outlives_its_original(store: Any, world: World) -> None:
    original, name = _original(store, world), world.name("b")
    store.copy_model_version(src_mv=original, dst_name=name)
    store.set_model_version_tag(name, 1, version_tag("k", "of the copy"))
    store.get_model_version(original.name, 1)
    store.delete_registered_model(original.name)
    store.get_model_version(name, 1)
    store.get_model_version_download_uri(name, 1)


@scenario(_about)
def what_is_gone_is_not_copied(store: Any, world: World) -> None:
    original = _original(store, world)
    store.delete_model_version(original.name, 1)
    store.copy_model_version(src_mv=original, dst_name=new_model(store, world, "b"))
    in_search(store, f"name = '{world.name('b')}'")


@scenario(_about)
def a_copy_needs_a_model_of_a_good_name(store: Any, world: World) -> None:
    original = _original(store, world)
    for name in bad_names(world):
        store.copy_model_version(src_mv=original, dst_name=name)
