"""Starts clean interpreters, and reads what the probe in them found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["cost", "probe"]

_PROBE = Path(__file__).with_name("probe.py")
_TIMEOUT = 300
#: Kinds that MLflow makes an object of as soon as it has loaded them.
MADE_AT_ONCE = (
    "mlflow.default_experiment_provider",
    "mlflow.request_auth_provider",
    "mlflow.request_header_provider",
    "mlflow.run_context_provider",
)
# Settings of whoever runs the tests must not decide what a plugin does when it is imported.
_CLEARED = ("MLFLOW_", "PYTEST_", "COVERAGE_", "COV_")


@cache
def probe(distribution: str, group: str, name: str, *, hidden: bool = False) -> dict[str, Any]:
    """Import MLflow in a clean interpreter, and load one entry point there.

    Args:
        distribution: Name of an installed distribution.
        group: Group of its entry point.
        name: Name of the entry point.
        hidden: Whether MLflow is kept from seeing the distribution; nothing is loaded then.

    Returns:
        The report; `probe.py` tells what is in it. `printed` is what went to the standard streams.
    """
    asked = {
        "distribution": distribution,
        "group": group,
        "name": name,
        "hidden": hidden,
        "made at once": MADE_AT_ONCE,
    }
    done = _run(json.dumps(asked))
    *before, last = done.stdout.rstrip("\n").split("\n")
    try:
        report: dict[str, Any] = json.loads(last)
    except ValueError:
        # It ended the interpreter itself, or filled the last line.
        report = {"import mlflow": f"the interpreter ended with code {done.returncode}"}
    report["printed"] = [*filter(None, before), *done.stderr.splitlines()]
    return report


@cache
def cost(module: str, runs: int = 3) -> float:
    """Measure what a module costs beyond MLflow.

    Args:
        module: Its name.
        runs: How often; the least counts, as everything else a machine does only adds to it.

    Returns:
        Seconds of CPU time, so that a busy machine does not matter much.
    """
    return min(float(_run("--seconds", module).stdout.rsplit("\n", 2)[-2]) for _ in range(runs))


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(_CLEARED)
    }
    # Without compiled files each import would be charged with compiling.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONWARNINGS"] = "default"
    return subprocess.run(  # noqa: S603  (our own program in this interpreter)
        [sys.executable, str(_PROBE), *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=_TIMEOUT,
        check=False,
    )
