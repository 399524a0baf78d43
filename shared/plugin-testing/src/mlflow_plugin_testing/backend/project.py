"""A small MLflow project that the suite of backends runs: it answers, fails, or works until it is stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ANSWER", "EXIT_CODE", "TICK", "write_project"]

#: The metric that a run of `main` ends with.
ANSWER = "answer"
#: What `fail` ends with.
EXIT_CODE = 3
#: The metric that `work` logs again and again, while it is alive.
TICK = "tick"

_PROJECT = """name: conformance

entry_points:
  main:
    parameters:
      words: {type: string, default: none}
    command: "python work.py main {words}"
  fail:
    command: "python work.py fail"
  work:
    command: "python work.py work"
"""
# The run is MLflow's to name: a backend sets MLFLOW_RUN_ID and MLFLOW_TRACKING_URI for what it starts.
_WORK = f"""import os
import sys
import time

from mlflow.tracking import MlflowClient

client, run = MlflowClient(), os.environ["MLFLOW_RUN_ID"]
print("the project says hello", flush=True)
if sys.argv[1] == "fail":
    sys.exit({EXIT_CODE})
if sys.argv[1] == "main":
    client.set_tag(run, "words", sys.argv[2])
    client.log_metric(run, "{ANSWER}", 42)
for step in range(1200) if sys.argv[1] == "work" else ():
    client.log_metric(run, "{TICK}", step, step=step)
    time.sleep(0.25)
"""


def write_project(folder: Path) -> Path:
    """Write the project into a folder.

    Args:
        folder: An existing folder.

    Returns:
        The folder of the project.
    """
    project = folder / "project"
    project.mkdir()
    (project / "MLproject").write_text(_PROJECT, encoding="utf-8")
    (project / "work.py").write_text(_WORK, encoding="utf-8")
    return project
