"""MLflow artifacts in local Xet stores and on the Hugging Face Hub."""

from __future__ import annotations

from mlflow_xet_artifacts.__about__ import __version__

__all__ = ["__version__"]
