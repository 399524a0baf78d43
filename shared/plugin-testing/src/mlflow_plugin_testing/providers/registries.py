"""Puts one provider, alone, into a registry of MLflow's for the length of a `with` block."""

from __future__ import annotations

import contextlib
from pydoc import locate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["registered"]

_PLACES = {
    "auth": "mlflow.tracking.request_auth.registry._request_auth_provider_registry",
    "header": "mlflow.tracking.request_header.registry._request_header_provider_registry",
    "context": "mlflow.tracking.context.registry._run_context_provider_registry",
}


@contextlib.contextmanager
def registered(kind: str, *providers: Any) -> Iterator[None]:
    """Let MLflow see these providers and no others.

    Args:
        kind: `auth`, `header` or `context`.
        providers: Objects, as MLflow's registry holds them.

    Yields:
        Nothing.
    """
    registry: Any = locate(_PLACES[kind])
    before = list(registry._registry)
    registry._registry[:] = providers
    try:
        yield
    finally:
        registry._registry[:] = before
