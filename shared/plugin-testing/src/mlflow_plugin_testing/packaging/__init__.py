"""The suite of packaging: what importing a plugin does, seen from a clean interpreter."""

from __future__ import annotations

from mlflow_plugin_testing.packaging.suite import PackagingSuite

__all__ = ["PackagingSuite"]
