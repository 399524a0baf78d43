"""Methods of registry stores that no scenario reaches, each with the reason."""

from __future__ import annotations

from mlflow_plugin_testing.registry.steps import prompt_versions_are_searched

__all__ = ["UNREACHED"]

#: Name of the method, and why.
UNREACHED = {
    "test_webhook": (
        "it sends a request to the webhook's address, which must be a public one; MLflow's server sends it by itself, "
        "and its own SQL store does not have it, so there is nothing to compare with"
    ),
}
if not prompt_versions_are_searched():
    UNREACHED["search_prompt_versions"] = (
        "MLflow's own SQL store of this version only says that it cannot, so there is nothing to compare with"
    )
