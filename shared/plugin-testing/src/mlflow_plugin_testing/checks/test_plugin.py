"""The test classes that `pytest --mlflow-plugin` and `mlflow-plugin-check` run, made when this module is collected."""

from __future__ import annotations

from mlflow_plugin_testing.selection import classes

globals().update(classes())
