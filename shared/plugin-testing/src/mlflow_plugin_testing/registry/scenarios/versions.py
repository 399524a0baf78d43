"""Versions of models: made, found, described, deleted, and how they are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.registry.capabilities import RegistryCapability
from mlflow_plugin_testing.registry.catalogue import scenario
from mlflow_plugin_testing.registry.steps import (
    bad_names,
    in_search,
    new_model,
    new_version,
    next_millisecond,
    version_tag,
)

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = RegistryCapability.VERSIONS


@scenario(_about)
def a_version_has_what_it_was_made_with(store: Any, world: World) -> None:
    made = new_model(store, world)
    new_version(
        store,
        made,
        "s3://bucket/of ours",
        run_id="0123456789abcdef0123456789abcdef",
        tags={"k": "v", "l": ""},
        run_link="https://mlflow.example/run",
        description="description",
    )
    store.get_model_version(made, 1)
    store.get_registered_model(made)


@scenario(_about)
def a_version_may_be_made_with_its_source_alone(store: Any, world: World) -> None:
    made = new_model(store, world)
    store.create_model_version(made, "s3://bucket/a")
    store.create_model_version(name=made, source="s3://bucket/a", run_id=None, tags=None)
    for number in (1, 2):
        store.get_model_version(made, number)


@scenario(_about)
def the_last_of_two_tags_of_a_version_with_one_key_counts(store: Any, world: World) -> None:
    made = new_model(store, world)
    tags = [version_tag("k", "v"), version_tag("k", "w")]
    store.create_model_version(made, "s3://bucket/a", None, tags)
    store.get_model_version(made, 1)


@scenario(_about)
def versions_are_counted_from_one(store: Any, world: World) -> None:
    first, second = new_model(store, world), new_model(store, world, "b")
    for name in (first, second, first, first, second):
        new_version(store, name)
    in_search(store, f"name = '{first}'")
    in_search(store, f"name = '{second}'")


@scenario(_about)
def the_number_of_a_deleted_version_is_not_used_again(store: Any, world: World) -> None:
    made = new_model(store, world)
    for number in range(3):
        new_version(store, made, f"s3://bucket/{number}")
    store.delete_model_version(made, 2)
    new_version(store, made, "s3://bucket/after the second was deleted")
    store.delete_model_version(made, 4)
    new_version(store, made, "s3://bucket/after the last was deleted")
    for number in (1, 3, 5):
        store.delete_model_version(made, number)
    new_version(store, made, "s3://bucket/after all were deleted")
    in_search(store, f"name = '{made}'")


@scenario(_about)
def versions_are_counted_by_number_and_not_as_text(store: Any, world: World) -> None:
    made = new_model(store, world)
    for number in range(11):
        new_version(store, made, f"s3://bucket/{number + 1}")
    new_version(store, made, "s3://bucket/12")
    store.get_model_version(made, 12)
    store.get_latest_versions(made)
    in_search(store, f"name = '{made}'", order_by=["version_number DESC"])


@scenario(_about)
def the_number_of_a_version_may_be_a_text(store: Any, world: World) -> None:
    made = new_model(store, world)
    for _ in range(3):
        new_version(store, made)
    store.get_model_version(made, "1")
    store.get_model_version_download_uri(made, "1")
    store.update_model_version(made, "1", "description")
    store.set_model_version_tag(made, "1", version_tag("k", "v"))
    store.transition_model_version_stage(made, "1", "Staging", archive_existing_versions=True)
    store.transition_model_version_stage(made, "2", "Staging", archive_existing_versions=True)
    store.delete_model_version_tag(made, "1", "k")
    store.delete_model_version(made, "3")
    for number in (1, "2", 3):
        store.get_model_version(made, number)


@scenario(_about)
def a_version_that_is_not_there_is_an_error(store: Any, world: World) -> None:
    made = new_model(store, world)
    new_version(store, made)
    for name, number in (
        (made, 2),
        (made, 0),
        (made, -1),
        (made, "x"),
        (made, ""),
        (world.name("b"), 1),
    ):
        store.get_model_version(name, number)
        store.get_model_version_download_uri(name, number)
        store.update_model_version(name, number, "d")
        store.delete_model_version(name, number)
        store.transition_model_version_stage(name, number, "Staging", False)
        store.set_model_version_tag(name, number, version_tag("k", "v"))
        store.delete_model_version_tag(name, number, "k")
    store.get_registered_model(made)


@scenario(_about)
def a_version_needs_a_model(store: Any, world: World) -> None:
    new_version(store, world.name("a"))
    for name in bad_names(world):
        new_version(store, name)
        store.get_model_version(name, 1)
    store.get_registered_model(world.name("a"))


@scenario(_about)
def a_version_that_is_refused_is_not_counted(store: Any, world: World) -> None:
    made = new_model(store, world)
    new_version(store, made, tags={"k" * 300: "v"})
    in_search(store, f"name = '{made}'")
    new_version(store, made)


@scenario(_about)
def the_description_of_a_version_changes(store: Any, world: World) -> None:
    made = new_model(store, world)
    new_version(store, made, description="first", tags={"k": "v"})
    new_version(store, made, description="other")
    before = store.get_model_version(made, 1)
    for description in ("second", "ü\n中 🙂 '\"", "", None, "x" * 5000):
        next_millisecond()
        store.update_model_version(name=made, version=1, description=description)
        store.get_model_version(made, 1)
    after = store.get_model_version(made, 1)
    store.note(
        "the time of the last update moved",
        after.last_updated_timestamp > before.last_updated_timestamp,
    )
    store.note("the time of creation stayed", after.creation_timestamp == before.creation_timestamp)
    store.get_model_version(made, 2)


@scenario(_about)
def a_deleted_version_is_gone(store: Any, world: World) -> None:
    made = new_model(store, world)
    for number in range(2):
        new_version(store, made, f"s3://bucket/{number}", run_id="r", tags={"k": "v"})
    store.delete_model_version(made, 1)
    store.get_model_version(made, 1)
    store.get_model_version_download_uri(made, 1)
    store.update_model_version(made, 1, "d")
    store.transition_model_version_stage(made, 1, "Staging", archive_existing_versions=False)
    store.set_model_version_tag(made, 1, version_tag("k", "w"))
    store.delete_model_version_tag(made, 1, "k")
    store.delete_model_version(made, 1)
    store.get_model_version(made, 2)
    store.get_registered_model(made)


@scenario(_about)
def a_deleted_version_is_not_found(store: Any, world: World) -> None:
    made = new_model(store, world)
    for number in range(2):
        new_version(store, made, f"s3://bucket/{number}", run_id="r", tags={"k": "v"})
    store.delete_model_version(made, 2)
    for condition in (
        "",
        " AND run_id = 'r'",
        " AND tags.k = 'v'",
        " AND source_path = 's3://bucket/1'",
        " AND version_number = 2",
        " AND version_number > 1",
    ):
        in_search(store, f"name = '{made}'{condition}")
    store.get_latest_versions(made)
    store.get_registered_model(made)


@scenario(_about)
def artifacts_are_downloaded_from_where_the_version_says(store: Any, world: World) -> None:
    made = new_model(store, world)
    for source in (
        "s3://bucket/a b/ü",
        "runs:/0123/model",
        "mlflow-artifacts:/1/a",
        "/a/b",
        "x" * 400,
    ):
        number = new_version(store, made, source).version
        store.get_model_version_download_uri(made, number)
        store.get_model_version(made, number)


@scenario(_about)
def a_version_made_of_another_has_its_artifacts(store: Any, world: World) -> None:
    first, second = new_model(store, world), new_model(store, world, "b")
    new_version(store, first, "s3://bucket/original")
    new_version(store, second, f"models:/{first}/1")
    store.get_model_version_download_uri(second, 1)
    # One of a copy leads to the original as well, and goes on to when the first is gone.
    new_version(store, second, f"models:/{second}/1")
    store.delete_model_version(first, 1)
    for number in (1, 2):
        store.get_model_version_download_uri(second, number)
        store.get_model_version(second, number)


@scenario(_about)
def a_version_is_not_made_of_one_that_is_lacking(store: Any, world: World) -> None:
    made = new_model(store, world)
    for source in (f"models:/{made}/7", f"models:/{world.name('b')}/1", "models:/"):
        new_version(store, made, source)
    in_search(store, f"name = '{made}'")
