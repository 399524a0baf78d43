"""Budgets of the AI gateway, and what its traces cost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.samples import SECOND, span, trace_info
from mlflow_plugin_testing.tracking.steps import new_experiment

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.GATEWAY_BUDGETS


def _budget(store: Any, amount: float) -> Any:
    from mlflow.entities.gateway_budget_policy import (
        BudgetAction,
        BudgetDuration,
        BudgetDurationUnit,
        BudgetTargetScope,
        BudgetUnit,
    )

    return store.create_budget_policy(
        BudgetUnit.USD,
        amount,
        BudgetDuration(BudgetDurationUnit.DAYS, 7),
        BudgetTargetScope.GLOBAL,
        BudgetAction.ALERT,
        created_by="ann",
    )


@scenario(_about, "create_budget_policy")
def a_budget_is_made_changed_and_deleted(store: Any, world: World) -> None:  # noqa: ARG001
    from mlflow.entities.gateway_budget_policy import BudgetAction

    made = _budget(store, 100.5).budget_policy_id
    store.get_budget_policy(made)
    store.only(lambda each: each.budget_policy_id == made).list_budget_policies()
    store.list_budget_policies(max_results=0)
    store.update_budget_policy(made, budget_amount=7.0, updated_by="bob")
    store.update_budget_policy(made, budget_action=BudgetAction.REJECT)
    store.get_budget_policy(made)
    store.delete_budget_policy(made)
    store.get_budget_policy(made)
    store.update_budget_policy(made, budget_amount=1.0)
    store.delete_budget_policy(made)


@scenario(_about, "create_budget_policy")
def a_budget_of_a_user_names_the_user(store: Any, world: World) -> None:
    if not store.accepts("create_budget_policy", "target_value"):
        return
    from mlflow.entities.gateway_budget_policy import BudgetTargetScope

    made = _budget(store, 1.0).budget_policy_id
    user = BudgetTargetScope.USER
    store.update_budget_policy(made, target_scope=user)
    store.update_budget_policy(made, target_scope=user, target_value=world.token)
    store.update_budget_policy(made, target_scope=BudgetTargetScope.GLOBAL)
    store.delete_budget_policy(made)


@scenario(_about, "sum_gateway_trace_cost")
def the_cost_of_an_endpoint_is_the_sum_of_its_traces(store: Any, world: World) -> None:
    if not store.accepts("sum_gateway_trace_cost", "endpoint_id"):
        return
    experiment = new_experiment(store, world, "a")
    cost = {"input_cost": 0.25, "output_cost": 0.5, "total_cost": 0.75}
    for number in range(3):
        name = f"t{number}"
        root = span(
            world,
            name,
            "root",
            start=(number + 1) * SECOND,
            end=(number + 2) * SECOND,
            attributes={"mlflow.llm.cost": cost},
        )
        store.log_spans(experiment, [root])
        store.start_trace(
            trace_info(
                world,
                experiment,
                name,
                request_time=1000 * (number + 1),
                trace_metadata={
                    "mlflow.gateway.endpointId": world.token,
                    "mlflow.trace.cost": json.dumps(cost),
                },
            )
        )
    for low, high in ((0, 10_000), (1000, 3000), (2000, 2001), (50_000, 60_000)):
        store.sum_gateway_trace_cost(low, high, endpoint_id=world.token)
    store.sum_gateway_trace_cost(0, 10_000, endpoint_id="e-missing")
