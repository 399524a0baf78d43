"""The suite of tracking stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from mlflow_plugin_testing.store_suite import StoreSuite, cases
from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import tracking_catalogue
from mlflow_plugin_testing.tracking.reference import open_store, reference_store

if TYPE_CHECKING:
    from mlflow_plugin_testing.pair import Pair
    from mlflow_plugin_testing.scenario import Scenario, World

__all__ = ["TrackingStoreSuite"]


class TrackingStoreSuite(StoreSuite):
    """Tests of a tracking store. Its answers are compared with those of MLflow's own SQL store.

    Example:
        >>> class TestMine(TrackingStoreSuite):
        ...     @pytest.fixture
        ...     def store_uri(self):
        ...         return "mine://127.0.0.1:1234/tests"
    """

    kind: ClassVar[str] = "tracking_store"
    capabilities = TrackingCapability
    abstract: ClassVar[str] = "mlflow.store.tracking.abstract_store.AbstractStore"

    @pytest.fixture
    def artifact_root(self, tmp_path_factory: pytest.TempPathFactory) -> str:
        """Where both stores are told to put artifacts; no test writes there."""
        return str(tmp_path_factory.getbasetemp() / "artifacts")

    @pytest.fixture
    def store(self, store_uri: str, artifact_root: str) -> Any:
        """The store under test, opened as MLflow opens it."""
        return open_store(store_uri, artifact_root)

    @pytest.fixture
    def reference(self, tmp_path_factory: pytest.TempPathFactory, artifact_root: str) -> Any:
        """MLflow's SQL store on SQLite, made once for each test run."""
        return reference_store(tmp_path_factory.getbasetemp(), artifact_root)

    @pytest.mark.parametrize("scenario", cases(tracking_catalogue()))
    def test_scenario(self, scenario: Scenario, pair: Pair, world: World, reference: Any) -> None:
        """A named scenario has the same answers as on MLflow's own store."""
        self.run_scenario(scenario, pair, world, reference)
