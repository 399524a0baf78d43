"""MLflow artifacts in Alibaba Cloud OSS; MLflow finds the plugin by the scheme `oss`."""

from __future__ import annotations

from mlflow_oss_artifacts.__about__ import __version__

__all__ = ["__version__"]
