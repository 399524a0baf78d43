"""What MLflow does with an entry point of each group, and so what it must be able to stand."""

from __future__ import annotations

import importlib
import inspect
from pydoc import locate
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["complaint"]


def complaint(group: str, loaded: Any) -> str:
    """Look at what an entry point leads to.

    Args:
        group: The entry point's group.
        loaded: What it leads to.

    Returns:
        What MLflow could not do with it; empty when nothing is wrong, or the group is not known here.
    """
    check = _CHECKS.get(group.removeprefix("mlflow."))
    return check(loaded) if check else ""


def _called(*calls: tuple[tuple[Any, ...], dict[str, Any]]) -> Callable[[Any], str]:
    """Build a check: each of the calls that some MLflow makes fits the signature."""

    def check(loaded: Any) -> str:
        if not callable(loaded):
            return "it is not callable"
        for args, kwargs in calls:
            try:
                inspect.signature(loaded).bind(*args, **kwargs)
            except TypeError as error:
                given = [*map(repr, args), *(f"{name}={value!r}" for name, value in kwargs.items())]
                return f"MLflow calls it with ({', '.join(given)}): {error}"
            except ValueError:
                # A class of C has no signature that could be read.
                return ""
        return ""

    return check


def _subclass(name: str) -> Callable[[Any], str]:
    def check(loaded: Any) -> str:
        base: Any = locate(name)
        if isinstance(loaded, type) and not issubclass(loaded, base):
            return f"it is no subclass of {name}"
        return _called(((), {}))(loaded)

    return check


def _deployments(loaded: Any) -> str:
    from mlflow.deployments import BaseDeploymentClient

    if not isinstance(loaded, ModuleType):
        return (
            "it is not a module: MLflow reads target_help, run_local and the client class from one"
        )
    missing = [name for name in ("target_help", "run_local") if not hasattr(loaded, name)]
    if missing:
        return f"the module has no {' and no '.join(missing)}"
    clients = [
        name
        for name, value in vars(loaded).items()
        if inspect.isclass(value)
        and issubclass(value, BaseDeploymentClient)
        and value is not BaseDeploymentClient
    ]
    return "" if len(clients) == 1 else f"the module shows {len(clients)} client classes, not one"


def _evaluator(loaded: Any) -> str:
    base = importlib.import_module("mlflow.models.evaluation.base").ModelEvaluator
    return "" if isinstance(loaded, type) and issubclass(loaded, base) else f"it is no {base!r}"


_URI = "scheme://host/path"
_TRACKING = "mlflow.tracking"
_CHECKS: dict[str, Callable[[Any], str]] = {
    # By MLflow up to 3.0, from 3.1 to 3.4, and from 3.5 on.
    "artifact_repository": _called(
        ((_URI,), {}),
        ((_URI, "http://tracking"), {}),
        ((_URI,), {"tracking_uri": "http://tracking", "registry_uri": "http://registry"}),
    ),
    "tracking_store": _called(((), {"store_uri": _URI, "artifact_uri": "file:///artifacts"})),
    "model_registry_store": _called(((), {"store_uri": _URI})),
    "request_auth_provider": _subclass(
        "mlflow.tracking.request_auth.abstract_request_auth_provider.RequestAuthProvider"
    ),
    "request_header_provider": _subclass(
        "mlflow.tracking.request_header.abstract_request_header_provider.RequestHeaderProvider"
    ),
    "run_context_provider": _subclass(
        "mlflow.tracking.context.abstract_context.RunContextProvider"
    ),
    "default_experiment_provider": _subclass(
        "mlflow.tracking.default_experiment.abstract_context.DefaultExperimentProvider"
    ),
    "project_backend": _called(((), {})),
    "model_evaluator": _evaluator,
    "deployments": _deployments,
}
