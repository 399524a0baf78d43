"""The suites of the small plugins: authentication and headers of requests, and the context of runs."""

from __future__ import annotations

from mlflow_plugin_testing.providers.request_auth import RequestAuthCapability, RequestAuthSuite
from mlflow_plugin_testing.providers.request_headers import RequestHeaderSuite
from mlflow_plugin_testing.providers.run_context import RunContextSuite

__all__ = ["RequestAuthCapability", "RequestAuthSuite", "RequestHeaderSuite", "RunContextSuite"]
