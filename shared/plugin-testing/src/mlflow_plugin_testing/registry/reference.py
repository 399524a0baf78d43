"""Opens model registry stores as MLflow does: the one under test by its URI, and MLflow's own on SQLite."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["open_registry", "reference_registry"]


def open_registry(uri: str) -> Any:
    """Open a registry store by its URI.

    Args:
        uri: As a user gives it to MLflow.

    Returns:
        The store; MLflow keeps one for each URI.
    """
    from mlflow.tracking._model_registry.utils import _get_store_registry

    return _get_store_registry().get_store(uri)


@cache
def reference_registry(folder: Path) -> Any:
    """Make MLflow's own SQL registry store on SQLite.

    Args:
        folder: Where its file is put; removed by whoever made it.

    Returns:
        The store, made once for each folder.
    """
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

    return SqlAlchemyStore(f"sqlite:///{folder / 'reference-registry.db'}")
