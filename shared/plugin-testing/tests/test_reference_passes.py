"""MLflow's own store passes its own suite."""

from __future__ import annotations

import pytest

from mlflow_plugin_testing import TrackingStoreSuite


class TestSqlStore(TrackingStoreSuite):
    @pytest.fixture(scope="class")
    def store_uri(self, tmp_path_factory: pytest.TempPathFactory) -> str:
        return f"sqlite:///{tmp_path_factory.mktemp('candidate') / 'store.db'}"
