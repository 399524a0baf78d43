"""Opens tracking stores as MLflow does: the one under test by its URI, and MLflow's own on SQLite."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["open_store", "reference_store"]


def open_store(uri: str, artifact_root: str) -> Any:
    """Open a store by its URI.

    Args:
        uri: As a user gives it to MLflow.
        artifact_root: Where experiments get their artifact locations.

    Returns:
        The store; MLflow keeps one for each pair of arguments.
    """
    from mlflow.tracking._tracking_service.utils import _tracking_store_registry

    return _tracking_store_registry.get_store(uri, artifact_root)


@cache
def reference_store(folder: Path, artifact_root: str) -> Any:
    """Make MLflow's own SQL store on SQLite.

    Args:
        folder: Where its file is put; removed by whoever made it.
        artifact_root: Where experiments get their artifact locations.

    Returns:
        The store, made once for each pair of arguments.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    return SqlAlchemyStore(f"sqlite:///{folder / 'reference.db'}", artifact_root)
