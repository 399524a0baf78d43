"""Which of MLflow's errors each error of the service becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_plugin_core import errors

if TYPE_CHECKING:
    from pathlib import Path

    from mlflow.exceptions import MlflowException


def explained(error: OSError, key: str, root: Path) -> MlflowException:
    """Return MLflow's error, with what failed, where, why, and what to do.

    Args:
        error: As the service raised it.
        key: Of what.
        root: The location that it lies in.
    """
    why = error.strerror or str(error)
    if isinstance(error, FileNotFoundError):
        message = errors.explain(f"There is no artifact {key!r}", location=root, why=why)
        return errors.not_found(message, cause=error)
    if isinstance(error, PermissionError):
        remedy = "let the user that runs MLflow read and write there"
        message = errors.explain(
            f"Access to {key!r} was denied", location=root, why=why, remedy=remedy
        )
        return errors.permission_denied(message, cause=error)
    message = errors.explain(f"Access to {key!r} failed", location=root, why=why)
    return errors.internal(message, cause=error)
