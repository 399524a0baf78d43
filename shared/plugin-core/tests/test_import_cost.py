"""Importing the library does nothing: MLflow loads every plugin at its start."""

from __future__ import annotations

import subprocess
import sys

import pytest

LIGHT = ["errors", "uris", "artifact_paths", "local_files", "notices", "host_policy", "transfer"]
LIGHT += ["retries", "blob_store", "copying"]


@pytest.mark.parametrize("module", ["", *(f".{name}" for name in LIGHT)])
def test_a_light_module_imports_nothing_heavy(module: str) -> None:
    program = (
        f"import sys, mlflow_plugin_core{module};"
        "heavy = {'mlflow', 'pydantic', 'pydantic_settings', 'stamina'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
