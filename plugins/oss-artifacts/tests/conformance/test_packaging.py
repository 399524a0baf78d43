"""Installed, the plugin costs nobody anything who does not use it."""

from __future__ import annotations

import pytest

from mlflow_plugin_testing import PackagingSuite


class TestPackaging(PackagingSuite):
    import_budget = 0.05

    @pytest.fixture
    def distribution(self) -> str:
        return "mlflow-oss-artifacts"
