"""The suite of model registry stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from mlflow_plugin_testing.registry.capabilities import RegistryCapability
from mlflow_plugin_testing.registry.catalogue import registry_catalogue
from mlflow_plugin_testing.registry.reference import open_registry, reference_registry
from mlflow_plugin_testing.registry.tracking import tracking
from mlflow_plugin_testing.store_suite import StoreSuite, cases, judged
from mlflow_plugin_testing.suite import about

if TYPE_CHECKING:
    from collections.abc import Iterator

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

    @pytest.fixture(autouse=True)
    def tracking_of_mlflow(self) -> Iterator[None]:
        """A tracking store of the kit's own is MLflow's current one: registries ask it for logged models."""
        with tracking():
            yield

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

    @about(RegistryCapability.VERSIONS)
    def test_models_and_versions_stay_the_same_through_random_steps(self, pair: Pair) -> None:
        """Models, versions, stages and tags are changed by chance, and always read the same."""
        from mlflow_plugin_testing.registry.machine import RegistryMachine
        from mlflow_plugin_testing.tracking.machine import run_machine

        capability = RegistryCapability.VERSIONS
        judged(
            lambda: run_machine(RegistryMachine, pair, examples=8),
            capability,
            self.claim(capability),
        )

    @about(RegistryCapability.ALIASES)
    def test_aliases_stay_the_same_through_random_steps(self, pair: Pair) -> None:
        """Aliases are set, moved and deleted too, while their models and versions change."""
        from mlflow_plugin_testing.registry.machine import AliasesMachine
        from mlflow_plugin_testing.tracking.machine import run_machine

        capability = RegistryCapability.ALIASES
        judged(
            lambda: run_machine(AliasesMachine, pair, examples=8),
            capability,
            self.claim(capability),
        )

    @about(RegistryCapability.MODELS)
    def test_models_are_found_by_any_filter_in_any_order(self, pair: Pair, world: World) -> None:
        """Filters, orders and page sizes drawn by chance find the same models, in the same order."""
        from mlflow_plugin_testing.registry.filters import search_models

        capability = RegistryCapability.MODELS
        judged(lambda: search_models(pair, world), capability, self.claim(capability))

    @about(RegistryCapability.VERSIONS)
    def test_versions_are_found_by_any_filter_in_any_order(self, pair: Pair, world: World) -> None:
        """Filters, orders and page sizes drawn by chance find the same versions, in the same order."""
        from mlflow_plugin_testing.registry.filters import search_versions

        capability = RegistryCapability.VERSIONS
        judged(lambda: search_versions(pair, world), capability, self.claim(capability))
