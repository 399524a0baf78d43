"""MLflow loads this at its start, so loading it does nothing."""

from __future__ import annotations

import subprocess
import sys


def test_loading_the_entry_module_imports_no_settings_library() -> None:
    program = (
        "import sys, mlflow, mlflow_s3_artifacts.repository;"
        "found = {'boto3', 'botocore', 'obstore', 'pydantic_settings', 'stamina'} & set(sys.modules);"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
