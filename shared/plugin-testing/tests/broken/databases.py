"""Databases for stores that are broken on purpose: MLflow makes its tables once, and they are copied.

Its migrations take seconds, and there are more than a hundred broken stores.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["artifact_root", "database"]


def artifact_root(folder: Path) -> str:
    """Return the root that the suites give to MLflow's own store too.

    Args:
        folder: The temporary folder of one test.
    """
    return str(folder.parent / "artifacts")


def database(folder: Path) -> str:
    """Return the URI of a database with MLflow's tables and its default experiment.

    Args:
        folder: The temporary folder of one test, whose parent is that of all tests of this run.
    """
    made = folder.parent / "tables.db"
    if not made.exists():
        _make(made, artifact_root(folder))
    own = folder / "broken.db"
    shutil.copyfile(made, own)
    return f"sqlite:///{own}"


def _make(path: Path, root: str) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    unfinished = path.with_name("unfinished.db")
    store = SqlAlchemyStore(f"sqlite:///{unfinished}", root)
    # A copy of a file that is open would lack what is still in its journal.
    store.engine.dispose()
    unfinished.rename(path)
