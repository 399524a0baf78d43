"""The AI gateway: secrets, models and endpoints. MLflow's server gives it to its own SQL store alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import new_experiment

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__ = ["endpoint", "model", "secret"]

_about = TrackingCapability.GATEWAY
_needs = "create_gateway_secret"


def secret(store: Any, world: World, name: str = "secret") -> Any:
    """Make a secret and return its id.

    Args:
        store: The store.
        world: What the scenario has to itself.
        name: Its name, before the world's word.
    """
    made = store.create_gateway_secret(world.name(name), {"api_key": "sk-0123456789"}, "openai")
    return made.secret_id


def model(store: Any, world: World, secret_id: Any, name: str = "model") -> Any:
    """Make a model definition and return its id.

    Args:
        store: The store.
        world: What the scenario has to itself.
        secret_id: The secret that it uses.
        name: Its name, before the world's word.
    """
    made = store.create_gateway_model_definition(world.name(name), secret_id, "openai", "gpt-4o")
    return made.model_definition_id


def endpoint(store: Any, world: World, model_id: Any, name: str = "endpoint") -> Any:
    """Make an endpoint and return it.

    Args:
        store: The store.
        world: What the scenario has to itself.
        model_id: The model definition that it uses.
        name: Its name, before the world's word.
    """
    # MLflow 3.8 takes only the ids.
    if not store.accepts("create_gateway_endpoint", "model_configs"):
        return store.create_gateway_endpoint(world.name(name), [model_id])
    experiment = new_experiment(store, world, f"of {name}")
    return store.create_gateway_endpoint(
        world.name(name), [_use(model_id)], experiment_id=experiment
    )


def _use(model_id: Any, order: int | None = None) -> Any:
    from mlflow.entities import GatewayEndpointModelConfig, GatewayModelLinkageType

    kind = GatewayModelLinkageType.PRIMARY if order is None else GatewayModelLinkageType.FALLBACK
    return GatewayEndpointModelConfig(model_id, kind, weight=1.0, fallback_order=order)


@scenario(_about, _needs)
def a_secret_is_never_shown(store: Any, world: World) -> None:
    made = store.create_gateway_secret(
        world.name("s"),
        {"api_key": "sk-0123456789"},
        provider=f"openai-{world.token}",
        auth_config={"auth_mode": "key"},
        created_by="ann",
    )
    store.get_secret_info(secret_id=made.secret_id)
    store.get_secret_info(secret_name=world.name("s"))
    store.update_gateway_secret(made.secret_id, {"api_key": "sk-other-9876"}, updated_by="bob")
    store.update_gateway_secret(made.secret_id, auth_config={"auth_mode": "other"})
    store.get_secret_info(secret_id=made.secret_id)
    store.list_secret_infos(f"openai-{world.token}")
    store.create_gateway_secret(world.name("s"), {"api_key": "x"})
    store.get_secret_info()
    store.get_secret_info(secret_id=made.secret_id, secret_name=world.name("s"))
    store.delete_gateway_secret(made.secret_id)
    store.get_secret_info(secret_name=world.name("s"))
    store.update_gateway_secret(made.secret_id, {"api_key": "x"})
    store.delete_gateway_secret(made.secret_id)


@scenario(_about, _needs)
def a_model_uses_a_secret(store: Any, world: World) -> None:
    one, two = secret(store, world), secret(store, world, "two")
    made = model(store, world, one)
    store.get_gateway_model_definition(model_definition_id=made)
    store.get_gateway_model_definition(name=world.name("model"))
    store.get_gateway_model_definition()
    store.create_gateway_model_definition(world.name("model"), one, "openai", "gpt-4o")
    store.create_gateway_model_definition(world.name("other"), "s-missing", "openai", "gpt-4o")
    store.list_gateway_model_definitions(secret_id=one)
    store.list_gateway_model_definitions(provider="none", secret_id=one)
    store.update_gateway_model_definition(made, secret_id=two, model_name="gpt-5", updated_by="bob")
    store.update_gateway_model_definition(made, name=world.name("renamed"))
    store.update_gateway_model_definition(made, secret_id="s-missing")  # noqa: S106
    store.list_gateway_model_definitions(secret_id=two)
    store.delete_gateway_secret(two)
    store.get_gateway_model_definition(model_definition_id=made)
    store.delete_gateway_model_definition(made)
    store.get_gateway_model_definition(model_definition_id=made)
    store.update_gateway_model_definition(made, model_name="x")
    store.delete_gateway_model_definition(made)


@scenario(_about, _needs)
def an_endpoint_uses_models(store: Any, world: World) -> None:
    key = secret(store, world)
    one, two = model(store, world, key), model(store, world, key, "two")
    made = endpoint(store, world, one).endpoint_id
    store.get_gateway_endpoint(endpoint_id=made)
    store.get_gateway_endpoint(name=world.name("endpoint"))
    store.get_gateway_endpoint()
    store.list_gateway_endpoints(secret_id=key)
    store.only(lambda each: each.name.startswith(world.token)).list_gateway_endpoints("openai")
    # What is in use cannot be deleted.
    store.delete_gateway_model_definition(one)
    store.create_gateway_endpoint(world.name("empty"), [])
    endpoint(store, world, "d-missing", "lost")
    store.update_gateway_endpoint(made, name=world.name("renamed"), updated_by="bob")
    if store.accepts("create_gateway_endpoint", "model_configs"):
        mappings = store.unordered_inside
        mappings.update_gateway_endpoint(made, model_configs=[_use(one), _use(two, 1)])
        mappings.get_gateway_endpoint(endpoint_id=made)
    store.delete_gateway_endpoint(made)
    store.get_gateway_endpoint(endpoint_id=made)
    store.update_gateway_endpoint(made, name="x")
    store.delete_gateway_endpoint(made)


@scenario(_about, _needs)
def a_model_is_attached_to_an_endpoint_and_detached(store: Any, world: World) -> None:
    if not store.accepts("create_gateway_endpoint", "model_configs"):
        return
    key = secret(store, world)
    one, two = model(store, world, key), model(store, world, key, "two")
    made = endpoint(store, world, one).endpoint_id
    store.attach_model_to_endpoint(made, _use(two), "ann")
    store.attach_model_to_endpoint(made, _use(two))
    store.attach_model_to_endpoint(made, _use("d-missing"))
    store.attach_model_to_endpoint("e-missing", _use(two))
    store.detach_model_from_endpoint(made, one)
    store.get_gateway_endpoint(endpoint_id=made)
    store.detach_model_from_endpoint(made, one)
    store.detach_model_from_endpoint("e-missing", one)


@scenario(_about, _needs)
def an_endpoint_has_bindings_and_tags(store: Any, world: World) -> None:
    from mlflow.entities import GatewayEndpointTag

    made = endpoint(store, world, model(store, world, secret(store, world))).endpoint_id
    store.create_endpoint_binding(made, "scorer", world.token, "ann")
    store.create_endpoint_binding("e-missing", "scorer", world.token)
    store.list_endpoint_bindings(endpoint_id=made)
    store.list_endpoint_bindings(resource_type="scorer", resource_id=world.token)
    store.delete_endpoint_binding(made, "scorer", world.token)
    store.list_endpoint_bindings(endpoint_id=made)
    store.delete_endpoint_binding(made, "scorer", world.token)
    for value in ("one", "two"):
        store.set_gateway_endpoint_tag(made, GatewayEndpointTag("k", value))
    store.get_gateway_endpoint(endpoint_id=made)
    store.delete_gateway_endpoint_tag(made, "k")
    store.delete_gateway_endpoint_tag(made, "k")
    store.get_gateway_endpoint(endpoint_id=made)
    store.set_gateway_endpoint_tag("e-missing", GatewayEndpointTag("k", "v"))
    store.delete_gateway_endpoint_tag("e-missing", "k")


@scenario(_about, "get_active_online_scorers", "create_gateway_secret")
def a_scorer_with_a_model_of_the_gateway_runs_on_new_traces(store: Any, world: World) -> None:
    import json

    found = endpoint(store, world, model(store, world, secret(store, world)))
    experiment = new_experiment(store, world, "a")
    written = {
        "name": "judge",
        "instructions_judge_pydantic_data": {
            "instructions": "Is {{ outputs }} good?",
            "model": f"gateway:/{found.name}",
        },
    }
    made = store.register_scorer(experiment, "judge", json.dumps(written))
    store.upsert_online_scoring_config(experiment, "judge", 0.5, "status = 'OK'")
    store.get_online_scoring_configs([made.scorer_id])
    ours = store.only(lambda each: each.online_config.experiment_id == experiment)
    ours.get_active_online_scorers()
    store.upsert_online_scoring_config(experiment, "judge", 0.0)
    ours.get_active_online_scorers()
    written["instructions_judge_pydantic_data"] = {"instructions": "x", "model": "gateway:/lost"}
    store.register_scorer(experiment, "other", json.dumps(written))
