"""The README's quick start."""

from __future__ import annotations

import mlflow

if not mlflow.get_experiment_by_name("demo"):
    mlflow.create_experiment("demo", artifact_location="xet+file:///tmp/artifacts.xet")
mlflow.set_experiment("demo")
with mlflow.start_run() as run:
    mlflow.log_text("hello", "notes/hello.txt")

print(mlflow.artifacts.list_artifacts(run_id=run.info.run_id, artifact_path="notes"))
print(mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/hello.txt"))
