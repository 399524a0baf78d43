"""Tracking stores that get experiments, runs, metrics, params and tags wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from broken.model import Broken

if TYPE_CHECKING:
    from mlflow_plugin_testing.suite import PluginSuite


def _suite() -> type[PluginSuite]:
    from mlflow_plugin_testing import TrackingStoreSuite

    return TrackingStoreSuite


def _names_are_shared(folder: Path) -> Any:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    class Store(SqlAlchemyStore):
        def create_experiment(self, name: str, *args: Any, **kwargs: Any) -> str:
            known = self.get_experiment_by_name(name)
            return (
                known.experiment_id if known else super().create_experiment(name, *args, **kwargs)
            )

    return Store(f"sqlite:///{folder / 'broken.db'}", str(folder))


BROKEN = [
    Broken(
        "experiment-made-twice",
        "A second experiment of the same name is answered with the first one's id.",
        _suite,
        {"store": _names_are_shared},
        "test_scenario[a_second_experiment_of_the_same_name_is_refused]",
    ),
]
