"""MLflow artifacts on any S3-compatible service."""

from __future__ import annotations

from mlflow_s3_artifacts.__about__ import __version__

__all__ = ["__version__"]
