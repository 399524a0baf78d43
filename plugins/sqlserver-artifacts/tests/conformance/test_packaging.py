"""Installed, the plugin costs nobody anything who does not use it."""

from __future__ import annotations

import pytest

from mlflow_plugin_testing import PackagingSuite


class TestPackaging(PackagingSuite):
    # The rule here is 10 ms of time; CPU time on a busy machine is given some more.
    import_budget = 0.05

    @pytest.fixture
    def distribution(self) -> str:
        return "mlflow-sqlserver-artifacts"
