"""The plugin holds MLflow's contract of artifact repositories."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlflow_plugin_testing import ArtifactRepositorySuite
from mlflow_plugin_testing.artifacts.side_door import FolderSideDoor, SideDoor


class TestArtifacts(ArtifactRepositorySuite):
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "service"
        folder.mkdir()
        return folder

    @pytest.fixture
    def artifact_uri(self, folder: Path) -> str:
        return f"xet://{folder}"

    @pytest.fixture
    def side_door(self, folder: Path) -> SideDoor:
        return FolderSideDoor(folder)
