"""Guardrails of the AI gateway: scorers that look at what goes in and out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.scenarios.gateway import endpoint, model, secret
from mlflow_plugin_testing.tracking.steps import new_experiment

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.GATEWAY_GUARDRAILS
_needs = "create_gateway_guardrail"


def _scorer(store: Any, world: World) -> Any:
    experiment = new_experiment(store, world, "scorers")
    written = {
        "name": "Safety",
        "builtin_scorer_class": "Safety",
        "builtin_scorer_pydantic_data": {},
    }
    return store.register_scorer(experiment, "judge", json.dumps(written))


def _guardrail(store: Any, scorer: Any, name: str = "guard", version: int = 1) -> Any:
    from mlflow.entities.gateway_guardrail import GuardrailAction, GuardrailStage

    return store.create_gateway_guardrail(
        name, scorer.scorer_id, version, GuardrailStage.BEFORE, GuardrailAction.VALIDATION
    )


@scenario(_about, _needs)
def a_guardrail_is_made_and_deleted(store: Any, world: World) -> None:
    scorer = _scorer(store, world)
    made = _guardrail(store, scorer).guardrail_id
    store.get_gateway_guardrail(made)
    store.only(lambda each: each.guardrail_id == made).list_gateway_guardrails()
    store.list_gateway_guardrails(max_results=0)
    _guardrail(store, scorer, version=9)
    store.delete_gateway_guardrail(made)
    store.get_gateway_guardrail(made)
    store.delete_gateway_guardrail(made)


@scenario(_about, _needs)
def guardrails_of_an_endpoint_have_an_order(store: Any, world: World) -> None:
    where = endpoint(store, world, model(store, world, secret(store, world))).endpoint_id
    scorer = _scorer(store, world)
    one, two = (_guardrail(store, scorer, name).guardrail_id for name in ("one", "two"))
    store.add_guardrail_to_endpoint(where, one, 2, "ann")
    store.add_guardrail_to_endpoint(where, two, 1)
    store.list_endpoint_guardrail_configs(where)
    store.update_endpoint_guardrail_config(where, two, 3)
    store.list_endpoint_guardrail_configs(where)
    store.add_guardrail_to_endpoint(where, one)
    store.add_guardrail_to_endpoint(where, "gr-missing")
    store.add_guardrail_to_endpoint("e-missing", one)
    store.remove_guardrail_from_endpoint(where, one)
    store.list_endpoint_guardrail_configs(where)
    store.remove_guardrail_from_endpoint(where, one)
    store.update_endpoint_guardrail_config(where, one, 1)
    store.list_endpoint_guardrail_configs("e-missing")
    store.delete_gateway_guardrail(two)
    store.list_endpoint_guardrail_configs(where)
