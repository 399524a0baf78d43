"""What the README shows is what runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from mlflow_xet_artifacts.settings import XetFileSettings, XetHubSettings

_PLUGIN = Path(__file__).parents[1]


def test_the_quick_start_of_the_readme_is_the_example() -> None:
    readme = (_PLUGIN / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    example = (_PLUGIN / "examples/quickstart.py").read_text(encoding="utf-8")

    assert example.endswith(shown)


def test_the_quick_start_runs_as_it_stands(tmp_path: Path) -> None:
    program = (_PLUGIN / "examples/quickstart.py").read_text(encoding="utf-8")

    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", program.replace("/tmp/", f"{tmp_path}/")],
            cwd=tmp_path,
            env={**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/tracking.db"},
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 0, done.stderr
        assert "hello" in done.stdout.splitlines()


def test_the_settings_file_of_the_readme_serves_both_kinds_of_locations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = (_PLUGIN / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```json\n(.*?)```", readme, re.DOTALL)
    (tmp_path / "settings.json").write_text(shown, encoding="utf-8")
    for name in [name for name in os.environ if name.startswith(("MLFLOW_XET_", "HF_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_XET_SETTINGS_FILE", str(tmp_path / "settings.json"))

    hub, local = XetHubSettings.load(), XetFileSettings.load()

    assert hub.endpoint == "https://hub.example.com"
    assert hub.token is not None
    assert hub.commit_window == 60
    assert (hub.workers, local.workers) == (4, 4)
    assert local.folders == "/srv/mlflow"


def test_a_name_that_is_no_setting_is_refused_in_the_settings_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings.json").write_text('{"HF_ENDPOINT": "https://hub.example.com"}')
    monkeypatch.setenv("MLFLOW_XET_SETTINGS_FILE", str(tmp_path / "settings.json"))

    with pytest.raises(MlflowException, match="HF_ENDPOINT.*known are: .*endpoint"):
        XetHubSettings.load()
