"""The suite of model registry stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from mlflow_plugin_testing.registry.capabilities import RegistryCapability
from mlflow_plugin_testing.registry.catalogue import registry_catalogue
from mlflow_plugin_testing.registry.reference import open_registry, reference_registry
from mlflow_plugin_testing.store_suite import StoreSuite, cases

if TYPE_CHECKING:
    from mlflow_plugin_testing.pair import Pair
    from mlflow_plugin_testing.scenario import Scenario, World

__all__ = ["ModelRegistryStoreSuite"]


class ModelRegistryStoreSuite(StoreSuite):
    """Tests of a model registry store. Its answers are compared with those of MLflow's own SQL store.

    Example:
        >>> class TestMine(ModelRegistryStoreSuite):
        ...     @pytest.fixture
        ...     def store_uri(self):
        ...         return "mine://127.0.0.1:1234/tests"
    """

    kind: ClassVar[str] = "model_registry_store"
    capabilities = RegistryCapability
    abstract: ClassVar[str] = "mlflow.store.model_registry.abstract_store.AbstractStore"

    @pytest.fixture
    def store(self, store_uri: str) -> Any:
        """The store under test, opened as MLflow opens it."""
        return open_registry(store_uri)

    @pytest.fixture
    def reference(self, tmp_path_factory: pytest.TempPathFactory) -> Any:
        """MLflow's SQL store on SQLite, made once for each test run."""
        return reference_registry(tmp_path_factory.getbasetemp())

    @pytest.mark.parametrize("scenario", cases(registry_catalogue()))
    def test_scenario(self, scenario: Scenario, pair: Pair, world: World, reference: Any) -> None:
        """A named scenario has the same answers as on MLflow's own store."""
        self.run_scenario(scenario, pair, world, reference)
