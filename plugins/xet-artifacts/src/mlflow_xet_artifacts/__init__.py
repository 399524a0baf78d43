"""MLflow artifacts in local Xet stores and on the Hugging Face Hub."""

from __future__ import annotations

# First of all: MLflow loads the entry points of all plugins while it is imported. Were it imported by
# a module of a plugin, it would find that module half loaded and do without the plugin.
import mlflow  # noqa: F401

from mlflow_xet_artifacts.__about__ import __version__

__all__ = ["__version__"]
