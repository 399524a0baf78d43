"""The README's quick start."""

from __future__ import annotations

import mlflow

location = "s3+http://127.0.0.1:8333/models/demo"
experiment = mlflow.create_experiment("demo", artifact_location=location)
with mlflow.start_run(experiment_id=experiment) as run:
    mlflow.log_text("hello", "notes/hello.txt")

print(mlflow.artifacts.list_artifacts(run_id=run.info.run_id, artifact_path="notes"))
print(mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/hello.txt"))
