"""Requests to the Hub: repeated while that is safe, and their errors in MLflow's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from mlflow_plugin_core import retries
from mlflow_xet_artifacts import hub_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow_xet_artifacts.client_hub import HubClient

R = TypeVar("R")


def request(client: HubClient, function: Callable[[], R], what: str) -> R:
    """Call a verb of the client until it succeeds, fails for good, or the time is over.

    Args:
        client: Of which repository.
        function: Safe to repeat.
        what: What fails, for the message.

    Raises:
        MlflowException: As `hub_errors.translate` has it.
    """
    try:
        return repeat(client, function, what)
    except Exception as error:
        raise hub_errors.translate(error, what, client) from error


def repeat(client: HubClient, function: Callable[[], R], what: str) -> R:
    """Do the same, and raise the last error as it is."""
    seconds = client.settings.retry_timeout
    policy = retries.RetryPolicy(
        attempts=None if seconds else 1, timeout=seconds, wait_initial=0.3, wait_max=30.0
    )
    return retries.call(function, retryable=hub_errors.retryable, policy=policy, describe=what)
