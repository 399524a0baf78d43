"""The suites of the small plugins pass MLflow's own providers, and plain right ones."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from mlflow.tracking.context.git_context import GitRunContext
from mlflow.tracking.context.system_environment_context import SystemEnvironmentContext
from mlflow.tracking.request_auth.abstract_request_auth_provider import RequestAuthProvider
from mlflow.tracking.request_header.default_request_header_provider import (
    DefaultRequestHeaderProvider,
)

from mlflow_plugin_testing import RequestAuthSuite, RequestHeaderSuite, RunContextSuite


class Bearer:
    """Adds a token; it follows no redirect, since requests takes this header away."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: Any) -> Any:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Provider(RequestAuthProvider):
    """Keeps a token until it is told that it has expired."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self.expire()

    def expire(self) -> None:
        self._token = f"secret-token-{next(self._numbers)}"

    def get_name(self) -> str:
        return "kept-token"

    def get_auth(self) -> Bearer:
        return Bearer(self._token)


class TestAuth(RequestAuthSuite):
    @pytest.fixture
    def provider(self) -> Provider:
        return Provider()

    @pytest.fixture
    def expire(self, provider: Provider) -> Any:
        return provider.expire


class TestMlflowsHeaders(RequestHeaderSuite):
    @pytest.fixture
    def provider(self) -> Any:
        return DefaultRequestHeaderProvider()


class TestMlflowsEnvironmentContext(RunContextSuite):
    @pytest.fixture
    def provider(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.setenv("MLFLOW_RUN_CONTEXT", '{"team": "search"}')
        return SystemEnvironmentContext()


class TestMlflowsGitContext(RunContextSuite):
    @pytest.fixture
    def provider(self) -> Any:
        return GitRunContext()
