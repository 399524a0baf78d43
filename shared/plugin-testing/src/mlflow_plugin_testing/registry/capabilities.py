"""What a model registry store can be able to do, and the methods that each capability consists of."""

from __future__ import annotations

from mlflow_plugin_testing.capabilities import Capability, Facts
from mlflow_plugin_testing.support import Tier

__all__ = ["RegistryCapability"]


class RegistryCapability(Capability):
    """The capabilities of a model registry store, in the order of their weight."""

    MODELS = Facts(
        Tier.BASE,
        "registered models",
        (
            "create_registered_model",
            "delete_registered_model",
            "get_registered_model",
            "rename_registered_model",
            "search_registered_models",
            "update_registered_model",
        ),
    )
    VERSIONS = Facts(
        Tier.BASE,
        "model versions",
        (
            "create_model_version",
            "delete_model_version",
            "get_latest_versions",
            "get_model_version",
            "get_model_version_download_uri",
            "search_model_versions",
            "transition_model_version_stage",
            "update_model_version",
        ),
    )
    TAGS = Facts(
        Tier.BASE,
        "tags",
        (
            "delete_model_version_tag",
            "delete_registered_model_tag",
            "set_model_version_tag",
            "set_registered_model_tag",
        ),
    )
    ALIASES = Facts(
        Tier.EXTENDED,
        "aliases",
        (
            "delete_registered_model_alias",
            "get_model_version_by_alias",
            "set_registered_model_alias",
        ),
    )
    COPIES = Facts(Tier.EXTENDED, "copies of versions", ("copy_model_version",))
    PROMPTS = Facts(
        Tier.EXTENDED,
        "prompts",
        (
            "create_prompt",
            "create_prompt_version",
            "delete_prompt",
            "delete_prompt_alias",
            "delete_prompt_tag",
            "delete_prompt_version",
            "delete_prompt_version_tag",
            "get_prompt",
            "get_prompt_version",
            "get_prompt_version_by_alias",
            "link_prompt_version_to_model",
            "link_prompt_version_to_run",
            "link_prompts_to_trace",
            "search_prompt_versions",
            "search_prompts",
            "set_prompt_alias",
            "set_prompt_tag",
            "set_prompt_version_tag",
        ),
        since="3.1",
    )
    WEBHOOKS = Facts(
        Tier.FULL,
        "webhooks",
        (
            "create_webhook",
            "delete_webhook",
            "get_webhook",
            "list_webhooks",
            "list_webhooks_by_event",
            "test_webhook",
            "update_webhook",
        ),
        since="3.3",
    )
    WORKSPACES = Facts(Tier.FULL, "workspaces", ("supports_workspaces",), since="3.10")
