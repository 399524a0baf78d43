"""The suite of backends passes MLflow's own local backend."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from mlflow.projects.backend.local import LocalBackend

from mlflow_plugin_testing import ProjectBackendSuite

pytestmark = pytest.mark.slow


class TestLocal(ProjectBackendSuite):
    grace = 1.0

    @pytest.fixture
    def backend(self) -> LocalBackend:
        return LocalBackend()

    @pytest.fixture
    def vanish(self) -> Callable[[Any], object]:
        return lambda submitted: os.killpg(submitted.command_proc.pid, signal.SIGKILL)
