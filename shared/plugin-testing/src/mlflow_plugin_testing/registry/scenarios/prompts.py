"""Prompts: kept beside the models, under names that both share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.registry.capabilities import RegistryCapability
from mlflow_plugin_testing.registry.catalogue import scenario
from mlflow_plugin_testing.registry.steps import (
    bad_names,
    find_models,
    in_search,
    new_model,
    new_prompt,
    new_version,
    ours,
    prompt_versions_are_searched,
)

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = RegistryCapability.PROMPTS

_IS_PROMPT = "tags.`mlflow.prompt.is_prompt`"


@scenario(_about, "create_prompt")
def a_prompt_is_found_by_its_name(store: Any, world: World) -> None:
    made = new_prompt(store, world, tags={"k": "v"}, description="description")
    store.get_prompt(made)
    store.get_prompt(world.name("b"))


@scenario(_about, "create_prompt")
def a_prompt_may_be_made_with_its_name_alone(store: Any, world: World) -> None:
    store.create_prompt(world.name("a"))
    store.create_prompt(world.name("b"), None, {})
    for name in "ab":
        store.get_prompt(world.name(name))


@scenario(_about, "create_prompt")
def a_second_prompt_of_the_same_name_is_refused(store: Any, world: World) -> None:
    made = new_prompt(store, world, description="first")
    new_prompt(store, world, description="second")
    store.get_prompt(made)


@scenario(_about, "create_prompt")
def a_prompt_needs_a_name_that_can_stand_in_a_uri(store: Any, world: World) -> None:
    for name in bad_names(world):
        store.create_prompt(name)
        store.get_prompt(name)
    store.create_prompt(world.name("a"), tags={"k" * 300: "v"})
    store.get_prompt(world.name("a"))


@scenario(_about, "create_prompt")
def prompts_and_models_share_their_names(store: Any, world: World) -> None:
    prompt, model = new_prompt(store, world), new_model(store, world, "b")
    new_model(store, world)
    new_prompt(store, world, "b")
    store.get_prompt(prompt)
    store.get_prompt(model)
    store.get_registered_model(prompt)
    store.get_registered_model(model)


@scenario(_about, "create_prompt")
def a_model_is_not_taken_for_a_prompt(store: Any, world: World) -> None:
    model = new_model(store, world)
    new_version(store, model)
    store.get_prompt(model)
    store.get_prompt_version(model, 1)
    store.get_prompt_version_by_alias(model, "champion")
    store.search_prompts(ours(world))
    if prompt_versions_are_searched():
        store.search_prompt_versions(model)


@scenario(_about, "create_prompt")
def a_deleted_prompt_is_gone_with_its_versions(store: Any, world: World) -> None:
    made = new_prompt(store, world, tags={"k": "v"})
    store.create_prompt_version(made, "Hello {{name}}")
    store.set_prompt_alias(made, "champion", 1)
    store.delete_prompt(made)
    store.get_prompt(made)
    store.get_prompt_version(made, 1)
    store.get_prompt_version_by_alias(made, "champion")
    store.search_prompts(ours(world))
    store.delete_prompt(made)
    new_prompt(store, world)
    store.get_prompt(made)
    store.create_prompt_version(made, "again")


@scenario(_about, "create_prompt")
def tags_of_a_prompt_are_set_replaced_and_deleted(store: Any, world: World) -> None:
    made = new_prompt(store, world, tags={"k": "v", "l": ""})
    store.create_prompt_version(made, "text", tags={"k": "of the version"})
    store.set_prompt_tag(made, "k", "replaced")
    store.set_prompt_tag(made, "a key", "ü\n'\"")
    store.get_prompt(made)
    store.delete_prompt_tag(made, "l")
    store.delete_prompt_tag(made, "lacking")
    store.get_prompt(made)
    store.get_prompt_version(made, 1)
    store.set_prompt_tag(made, "", "v")
    store.set_prompt_tag(world.name("b"), "k", "v")
    store.delete_prompt_tag(world.name("b"), "k")


@scenario(_about, "create_prompt")
def prompts_are_searched(store: Any, world: World) -> None:
    for name, tags in (("alpha", {"k": "v"}), ("beta", {"k": "w"}), ("Alpha", {})):
        new_prompt(store, world, name, tags=tags, description=name)
    new_model(store, world, "model", tags={"k": "v"})
    for more in (
        "",
        "tags.k = 'v'",
        "tags.k != 'v'",
        "tags.k LIKE '%'",
        "name LIKE '%lpha'",
        "name ILIKE '%ALPHA'",
        "tags.lacking = 'v'",
        f"name != '{world.name('beta')}'",
    ):
        store.search_prompts(ours(world, more))
    store.search_prompts(filter_string=ours(world), max_results=100, order_by=["name DESC"])


@scenario(_about, "create_prompt")
def prompts_are_searched_by_experiment(store: Any, world: World) -> None:
    # The client writes the experiments of a prompt into this tag; a search of a newer MLflow reads it.
    for name, experiments in (("a", ",1,"), ("b", ",1,12,"), ("c", ",2,")):
        new_prompt(store, world, name, tags={"_mlflow_experiment_ids": experiments})
    for more in (
        "experiment_id = '1'",
        'experiment_id = "12"',
        "experiment_id = '3'",
        "experiment_id = '1' AND name LIKE '%b'",
        "experiment_id = 'x'",
    ):
        store.search_prompts(ours(world, more))


@scenario(_about, "create_prompt")
def a_page_of_prompts_is_followed_by_the_next_one(store: Any, world: World) -> None:
    for name in ("delta", "alpha", "echo", "bravo", "charlie"):
        new_prompt(store, world, name)
        new_model(store, world, f"{name} model")
    for size in range(1, 7):
        for order in (None, ["name DESC"]):
            store.pages(
                "search_prompts", filter_string=ours(world), max_results=size, order_by=order
            )


@scenario(_about, "create_prompt")
def a_search_of_models_finds_no_prompts(store: Any, world: World) -> None:
    prompt, model = (
        new_prompt(store, world, tags={"k": "v"}),
        new_model(store, world, "b", tags={"k": "v"}),
    )
    store.create_prompt_version(prompt, "text")
    new_version(store, model)
    for more in (
        "",
        "tags.k = 'v'",
        f"{_IS_PROMPT} = 'true'",
        f"{_IS_PROMPT} = 'false'",
        f"{_IS_PROMPT} != 'true'",
        f"{_IS_PROMPT} != 'false'",
        f"{_IS_PROMPT} = 'true' AND tags.k = 'v'",
    ):
        find_models(store, ours(world, more))
        in_search(store, ours(world, more.replace("tags.k = 'v'", "version_number = 1")))
