"""MLflow's own stores pass their own suites."""

from __future__ import annotations

import pytest

from mlflow_plugin_testing import ModelRegistryStoreSuite, TrackingStoreSuite

pytestmark = pytest.mark.slow


class TestSqlTrackingStore(TrackingStoreSuite):
    declared = {}  # noqa: RUF012  (nothing is missing: MLflow's own has all that MLflow has)

    @pytest.fixture(scope="class")
    def store_uri(self, tmp_path_factory: pytest.TempPathFactory) -> str:
        return f"sqlite:///{tmp_path_factory.mktemp('candidate') / 'store.db'}"


class TestSqlRegistryStore(ModelRegistryStoreSuite):
    declared = {}  # noqa: RUF012

    @pytest.fixture(scope="class")
    def store_uri(self, tmp_path_factory: pytest.TempPathFactory) -> str:
        return f"sqlite:///{tmp_path_factory.mktemp('candidate') / 'registry.db'}"
