"""Prompts that were used in traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.samples import trace_id, trace_info
from mlflow_plugin_testing.tracking.steps import new_experiment

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.PROMPT_LINKS


def _prompt(world: World, version: int) -> Any:
    from mlflow.entities.model_registry import PromptVersion

    # A checker takes a method that MLflow's class leaves out for an abstract one.
    made: Any = PromptVersion
    return made(f"{world.token}-prompt", version, "Say {{what}}")


@scenario(_about, "link_prompts_to_trace")
def traces_are_found_by_the_prompts_they_used(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    for number, name in enumerate(("one", "two", "none")):
        store.start_trace(trace_info(world, experiment, name, request_time=1000 + number))
    store.link_prompts_to_trace(trace_id(world, "one"), [_prompt(world, 1), _prompt(world, 2)])
    store.link_prompts_to_trace(trace_id(world, "two"), [_prompt(world, 2)])
    # Twice is as good as once.
    store.link_prompts_to_trace(trace_id(world, "two"), [_prompt(world, 2)])
    for version in (1, 2, 3):
        store.search_traces(
            [experiment], filter_string=f"prompt = '{world.token}-prompt/{version}'"
        )
    for text in ("prompt = 'no-version'", "prompt = 'a/b/c'", "prompt != 'a/1'"):
        store.search_traces([experiment], filter_string=text)


@scenario(_about, "link_prompts_to_trace")
def prompts_are_linked_to_a_trace_that_is_there(store: Any, world: World) -> None:
    missing = trace_id(world, "missing")
    store.link_prompts_to_trace(missing, [_prompt(world, 1)])
    store.link_prompts_to_trace(missing, [])
