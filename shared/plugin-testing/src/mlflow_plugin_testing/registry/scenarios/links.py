"""Prompts and versions that point to what a tracking store has."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.registry.capabilities import RegistryCapability
from mlflow_plugin_testing.registry.catalogue import scenario
from mlflow_plugin_testing.registry.steps import (
    new_model,
    new_prompt,
    new_version,
)
from mlflow_plugin_testing.registry.tracking import tracking
from mlflow_plugin_testing.tracking.samples import trace_info

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = RegistryCapability.PROMPTS

_TAG = "mlflow.linkedPrompts"


def _two_prompts(store: Any, world: World) -> tuple[Any, Any]:
    made = new_prompt(store, world)
    first = store.create_prompt_version(made, "first")
    return first, store.create_prompt_version(made, "second")


def _experiment(tracking_store: Any, world: World) -> str:
    """The registries share the tracking store: the second finds the experiment of the first."""
    known = tracking_store.get_experiment_by_name(world.name("e"))
    if known is not None:
        return str(known.experiment_id)
    return str(tracking_store.create_experiment(world.name("e"), artifact_location=None, tags=[]))


def _run(tracking_store: Any, world: World) -> str:
    made = tracking_store.create_run(
        experiment_id=_experiment(tracking_store, world),
        user_id="ada",
        start_time=1000,
        tags=[],
        run_name="run",
    )
    return str(made.info.run_id)


@scenario(_about, "link_prompt_version_to_run")
def prompts_are_linked_to_a_run(store: Any, world: World) -> None:
    with tracking() as current:
        first, _ = _two_prompts(store, world)
        run = _run(current(), world)
        for number in ("1", "2", "1"):
            store.link_prompt_version_to_run(first.name, number, run)
            store.note("the run's tag", current().get_run(run).data.tags[_TAG])
        store.link_prompt_version_to_run(first.name, "7", run)
        store.link_prompt_version_to_run(first.name, "1", "0123456789abcdef0123456789abcdef")
        store.note("the run's tag", current().get_run(run).data.tags[_TAG])


@scenario(_about, "link_prompt_version_to_model")
def prompts_are_linked_to_a_logged_model(store: Any, world: World) -> None:
    with tracking() as current:
        first, _ = _two_prompts(store, world)
        made = current().create_logged_model(_experiment(current(), world), name="m").model_id
        for number in ("1", "2", "1"):
            store.link_prompt_version_to_model(first.name, number, made)
            store.note("the model's tag", current().get_logged_model(made).tags[_TAG])
        store.link_prompt_version_to_model(first.name, "7", made)
        store.link_prompt_version_to_model(first.name, "1", "m-0123456789abcdef0123456789abcdef")


@scenario(_about, "link_prompts_to_trace")
def prompts_are_linked_to_a_trace(store: Any, world: World) -> None:
    with tracking() as current:
        first, second = _two_prompts(store, world)
        # Each registry has a trace of its own in the tracking store that they share.
        info = trace_info(world, _experiment(current(), world), secrets.token_hex(8))
        trace = current().start_trace(info).trace_id
        store.link_prompts_to_trace(prompt_versions=[first, second], trace_id=trace)
        store.note("the trace's tag", current().get_trace_info(trace).tags.get(_TAG))
        store.link_prompts_to_trace(prompt_versions=[first], trace_id=trace)
        store.note("the trace's tag", current().get_trace_info(trace).tags.get(_TAG))
        store.link_prompts_to_trace(prompt_versions=[first], trace_id="tr-lacking")


@scenario(RegistryCapability.VERSIONS)
def a_version_made_of_a_logged_model_has_its_run_and_its_artifacts(
    store: Any, world: World
) -> None:
    with tracking() as current:
        experiment = _experiment(current(), world)
        # It is only read, so that one is enough for both registries.
        known = list(current().search_logged_models([experiment]))
        logged = (
            known[0]
            if known
            else current().create_logged_model(
                experiment, name="m", source_run_id=_run(current(), world)
            )
        )
        made = new_model(store, world)
        for source in (f"models:/{logged.model_id}", "s3://bucket/a"):
            number = store.create_model_version(
                made, source, None, [], None, None, model_id=logged.model_id
            ).version
            found = store.get_model_version(made, number)
            store.note("the run is the model's", found.run_id == logged.source_run_id)
            place = store.get_model_version_download_uri(made, number)
            store.note("the artifacts are the model's", place == logged.artifact_location)
        own = new_version(store, made, f"models:/{logged.model_id}", run_id="own")
        store.note("a run that is given stays", own.run_id)
        new_version(store, made, "models:/m-0123456789abcdef0123456789abcdef")
        store.get_model_version(made, 4)
