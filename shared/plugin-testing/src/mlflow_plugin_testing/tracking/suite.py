"""The suite of tracking stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from mlflow_plugin_testing.store_suite import StoreSuite, cases, judged
from mlflow_plugin_testing.suite import about
from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import tracking_catalogue
from mlflow_plugin_testing.tracking.filters_run import (
    search_experiments,
    search_models,
    search_runs,
)
from mlflow_plugin_testing.tracking.reference import open_store, reference_store
from mlflow_plugin_testing.verdicts import skip_absent

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

    @about(TrackingCapability.TRACES)
    def test_generated_filters_find_the_same_traces(self, pair: Pair, world: World) -> None:
        """Filters, orders and pages of all kinds find the traces that MLflow's own store finds."""
        from mlflow_plugin_testing.tracking.trace_filters import compare_searches, filters

        capability = TrackingCapability.TRACES
        judged(
            lambda: compare_searches(pair, world, filters(), 80), capability, self.claim(capability)
        )

    @about(TrackingCapability.SPANS)
    def test_generated_filters_on_spans_find_the_same_traces(
        self, pair: Pair, world: World
    ) -> None:
        """The same for filters on spans and on their text."""
        from mlflow_plugin_testing.tracking.trace_filters import compare_searches, filters_on_spans

        capability = TrackingCapability.SPANS
        judged(
            lambda: compare_searches(pair, world, filters_on_spans(), 40, spans=True),
            capability,
            self.claim(capability),
        )

    @about(TrackingCapability.ASSESSMENTS)
    def test_generated_filters_on_assessments_find_the_same_traces(
        self, pair: Pair, world: World
    ) -> None:
        """The same for filters on feedback and expectations."""
        from mlflow_plugin_testing.tracking.trace_filters import (
            compare_searches,
            filters_on_assessments,
            knows_assessments,
        )

        if not knows_assessments():
            skip_absent(["filters on assessments"])
        capability = TrackingCapability.ASSESSMENTS
        judged(
            lambda: compare_searches(pair, world, filters_on_assessments(), 40, assessments=True),
            capability,
            self.claim(capability),
        )

    @about(TrackingCapability.SPANS)
    def test_traces_stay_the_same_through_random_steps(self, pair: Pair) -> None:
        """Traces and spans are logged, tagged, changed and deleted by chance, and always read the same."""
        from mlflow_plugin_testing.tracking.machine import run_machine
        from mlflow_plugin_testing.tracking.trace_machine import TracesMachine

        capability = TrackingCapability.SPANS
        judged(
            lambda: run_machine(TracesMachine, pair, examples=15, steps=20),
            capability,
            self.claim(capability),
        )

    @about(TrackingCapability.ASSESSMENTS)
    def test_assessments_stay_the_same_through_random_steps(self, pair: Pair) -> None:
        """Traces are assessed too, and assessments overridden, changed and deleted."""
        from mlflow_plugin_testing.tracking.machine import run_machine
        from mlflow_plugin_testing.tracking.trace_machine import AssessmentsMachine

        capability = TrackingCapability.ASSESSMENTS
        judged(
            lambda: run_machine(AssessmentsMachine, pair, examples=15, steps=20),
            capability,
            self.claim(capability),
        )

    @about(TrackingCapability.RUNS)
    def test_runs_stay_the_same_through_random_steps(self, pair: Pair) -> None:
        """Experiments and runs are made, changed, deleted and restored by chance, and always read the same."""
        from mlflow_plugin_testing.tracking.machine import run_machine
        from mlflow_plugin_testing.tracking.machine_core import RunsMachine

        capability = TrackingCapability.RUNS
        judged(lambda: run_machine(RunsMachine, pair), capability, self.claim(capability))

    @about(TrackingCapability.LOGGED_MODELS)
    def test_logged_models_stay_the_same_through_random_steps(self, pair: Pair) -> None:
        """Logged models are made, changed and deleted by chance, and always read the same."""
        from mlflow_plugin_testing.tracking.machine import run_machine
        from mlflow_plugin_testing.tracking.machine_models import LoggedModelsMachine

        capability = TrackingCapability.LOGGED_MODELS
        judged(lambda: run_machine(LoggedModelsMachine, pair), capability, self.claim(capability))

    @about(TrackingCapability.SEARCH_RUNS)
    def test_runs_are_found_by_any_filter_in_any_order(self, pair: Pair) -> None:
        """Filters, orders and page sizes drawn by chance find the same runs, in the same order."""
        capability = TrackingCapability.SEARCH_RUNS
        judged(lambda: search_runs(pair), capability, self.claim(capability))

    @about(TrackingCapability.EXPERIMENTS)
    def test_experiments_are_found_by_any_filter_in_any_order(self, pair: Pair) -> None:
        """Filters, orders and page sizes drawn by chance find the same experiments, in the same order."""
        capability = TrackingCapability.EXPERIMENTS
        judged(lambda: search_experiments(pair), capability, self.claim(capability))

    @about(TrackingCapability.LOGGED_MODELS)
    def test_logged_models_are_found_by_any_filter_in_any_order(self, pair: Pair) -> None:
        """Filters, orders and page sizes drawn by chance find the same logged models, in the same order."""
        capability = TrackingCapability.LOGGED_MODELS
        judged(lambda: search_models(pair), capability, self.claim(capability))
