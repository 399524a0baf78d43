"""What loading a plugin's entry module costs beyond MLflow."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

# The plugin's own entry points would be loaded by `import mlflow` itself.
_WITHOUT_ENTRY_POINTS = """
import importlib.metadata as metadata
found = metadata.entry_points
metadata.entry_points = lambda **names: (
    [] if names.get('group', '').startswith('mlflow.') else found(**names))
"""
_PROGRAM = """
import time
import mlflow.store.artifact.artifact_repo, mlflow.exceptions
started = time.perf_counter()
import {module}
print(time.perf_counter() - started)
"""


def print_import(module: str, repeat: int = 9) -> None:
    """Print the median milliseconds.

    Args:
        module: The module that the entry point names.
        repeat: How often it is measured, each time in a new process.
    """
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    program = _WITHOUT_ENTRY_POINTS + _PROGRAM.format(module=module)
    seconds = []
    for _ in range(repeat):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        seconds.append(float(done.stdout.split()[-1]))
    print(f"\nImport of the entry module beyond MLflow: {statistics.median(seconds) * 1000:.1f} ms")
