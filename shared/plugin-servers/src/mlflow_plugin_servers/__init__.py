"""Real servers for tests: started on loopback, each as a context manager and as a pytest fixture.

Nothing is imported here, for pytest loads this package in every run: `from mlflow_plugin_servers.postgresql import
postgresql`, likewise `mariadb`, and `Proxy` from `mlflow_plugin_servers.proxy`.
"""

from __future__ import annotations

from mlflow_plugin_servers.__about__ import __version__

__all__ = ["__version__"]
