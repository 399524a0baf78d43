"""Versions of prompts: texts and chats, with tags and aliases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.registry.capabilities import RegistryCapability
from mlflow_plugin_testing.registry.catalogue import scenario
from mlflow_plugin_testing.registry.steps import (
    in_search,
    new_prompt,
    next_millisecond,
    ours,
    prompt_versions_are_searched,
)

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = RegistryCapability.PROMPTS

_CHAT = [
    {"role": "system", "content": "You answer {{name}}."},
    {"role": "user", "content": "{{ question }}"},
]


@scenario(_about, "create_prompt_version")
def a_version_of_a_prompt_has_its_text(store: Any, world: World) -> None:
    made = new_prompt(store, world, tags={"k": "of the prompt"})
    store.create_prompt_version(made, "Hello {{name}}, {{ other }}", "description", {"k": "v"})
    store.create_prompt_version(made, "ü 中 🙂\n'\"\\ {single} {% raw %}")
    for number in (1, "2"):
        store.get_prompt_version(made, number)
    store.get_prompt(made)


@scenario(_about, "create_prompt_version")
def a_version_of_a_prompt_may_be_a_chat(store: Any, world: World) -> None:
    made = new_prompt(store, world)
    store.create_prompt_version(name=made, template=_CHAT, description=None, tags={})
    store.get_prompt_version(made, 1)


@scenario(_about, "create_prompt_version")
def a_version_of_a_prompt_says_what_the_answer_looks_like(store: Any, world: World) -> None:
    made = new_prompt(store, world)
    form = {"type": "object", "properties": {"answer": {"type": "string"}}}
    store.create_prompt_version(made, "text", response_format=form)
    store.get_prompt_version(made, 1)


@scenario(_about, "create_prompt_version")
def a_version_of_a_prompt_says_which_model_it_is_for(store: Any, world: World) -> None:
    # From MLflow 3.8 on.
    if not store.accepts("create_prompt_version", "model_config"):
        return
    made = new_prompt(store, world)
    config = {"model_name": "m", "temperature": 0.5, "max_tokens": 10, "mine": [1, 2]}
    store.create_prompt_version(made, "text", model_config=config)
    store.get_prompt_version(made, 1)
    store.create_prompt_version(made, "text", model_config={"temperature": -1})
    store.get_prompt_version(made, 2)


@scenario(_about, "create_prompt_version")
def versions_of_a_prompt_are_counted_from_one(store: Any, world: World) -> None:
    made = new_prompt(store, world)
    for number in range(3):
        store.create_prompt_version(made, f"text {number + 1}")
    store.delete_prompt_version(made, 3)
    store.create_prompt_version(made, "text 4")
    for number in range(1, 6):
        store.get_prompt_version(made, number)


@scenario(_about, "create_prompt_version")
def a_version_of_a_prompt_that_is_not_there_is_an_error(store: Any, world: World) -> None:
    made = new_prompt(store, world)
    store.create_prompt_version(made, "text")
    store.create_prompt_version(world.name("b"), "text")
    for name, number in ((made, 7), (made, "lacking"), (world.name("b"), 1)):
        store.get_prompt_version(name, number)
        store.get_prompt_version_by_alias(name, "lacking")
        store.delete_prompt_version(name, number)
        store.set_prompt_version_tag(name, number, "k", "v")
        store.delete_prompt_version_tag(name, number, "k")
        store.set_prompt_alias(name, "champion", number)
    store.delete_prompt_alias(world.name("b"), "champion")
    store.get_prompt(world.name("b"))


@scenario(_about, "create_prompt_version")
def a_deleted_version_of_a_prompt_is_gone(store: Any, world: World) -> None:
    made = new_prompt(store, world)
    for number in range(2):
        store.create_prompt_version(made, f"text {number + 1}")
    store.set_prompt_alias(made, "champion", 1)
    store.delete_prompt_version(made, "1")
    store.get_prompt_version(made, 1)
    store.get_prompt_version(made, 2)
    store.delete_prompt_version(made, 1)
    in_search(store, ours(world, "tags.`mlflow.prompt.is_prompt` = 'true'"))


@scenario(_about, "create_prompt_version")
def the_text_of_a_prompt_may_be_long_and_not_too_long(store: Any, world: World) -> None:
    made = new_prompt(store, world)
    for length in (60_000, 100_001):
        store.create_prompt_version(made, "x" * length)
    store.get_prompt_version(made, 1)
    store.get_prompt_version(made, 2)


@scenario(_about, "create_prompt_version")
def tags_of_a_version_of_a_prompt_are_set_replaced_and_deleted(store: Any, world: World) -> None:
    made = new_prompt(store, world, tags={"k": "of the prompt"})
    for _ in range(2):
        store.create_prompt_version(made, "text", tags={"k": "v", "l": ""})
    store.set_prompt_version_tag(made, 1, "k", "replaced")
    store.set_prompt_version_tag(made, "1", "a key", "ü\n'\"")
    store.get_prompt_version(made, 1)
    store.delete_prompt_version_tag(made, "1", "l")
    store.delete_prompt_version_tag(made, 1, "lacking")
    for number in (1, 2):
        store.get_prompt_version(made, number)
    store.get_prompt(made)
    store.set_prompt_version_tag(made, 1, "", "v")


@scenario(_about, "create_prompt_version")
def an_alias_leads_to_a_version_of_a_prompt(store: Any, world: World) -> None:
    made = new_prompt(store, world)
    for number in range(3):
        store.create_prompt_version(made, f"text {number + 1}")
    for pointed in (1, 3, "2"):
        store.set_prompt_alias(made, "champion", pointed)
        store.get_prompt_version_by_alias(made, "champion")
        store.get_prompt_version(made, "champion")
    store.set_prompt_alias(made, "other", 2)
    for number in (1, 2, 3):
        store.get_prompt_version(made, number)
    store.delete_prompt_alias(made, "champion")
    store.delete_prompt_alias(made, "lacking")
    store.get_prompt_version_by_alias(made, "champion")
    store.get_prompt_version(made, 2)
    store.get_prompt_version(made, "latest")
    for alias in ("latest", "v1", "", "a b"):
        store.set_prompt_alias(made, alias, 1)


@scenario(_about, "create_prompt_version")
def a_version_of_a_prompt_does_not_change_when_another_is_made(store: Any, world: World) -> None:
    made = new_prompt(store, world)
    first = store.create_prompt_version(made, "first", "first")
    next_millisecond()
    second = store.create_prompt_version(made, "second", "second")
    store.get_prompt_version(made, 1)
    store.note("the second is younger", second.creation_timestamp > first.creation_timestamp)


@scenario(_about, "search_prompt_versions")
def versions_of_a_prompt_come_with_the_highest_number_first(store: Any, world: World) -> None:
    if not prompt_versions_are_searched():
        return
    made, other = new_prompt(store, world, tags={"k": "v"}), new_prompt(store, world, "b")
    store.create_prompt_version(other, "of the other")
    for number in range(11):
        store.create_prompt_version(made, f"text {number + 1}", tags={"number": str(number + 1)})
    store.delete_prompt_version(made, 5)
    store.search_prompt_versions(made)
    store.search_prompt_versions(made, 100, None)
    for size in (1, 3, 10, 11):
        store.pages("search_prompt_versions", made, max_results=size)
    store.search_prompt_versions(world.name("c"))


@scenario(_about, "search_prompt_versions")
def a_prompt_without_versions_has_none(store: Any, world: World) -> None:
    if not prompt_versions_are_searched():
        return
    made = new_prompt(store, world)
    store.search_prompt_versions(made)
    store.get_prompt_version(made, 1)
    store.get_prompt_version(made, "latest")
