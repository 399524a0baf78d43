"""The suite of header providers: what MLflow adds to each request that it sends."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

from mlflow_plugin_testing.providers.http import listening
from mlflow_plugin_testing.providers.registries import registered
from mlflow_plugin_testing.providers.watching import empty_environment, watched
from mlflow_plugin_testing.suite import PluginSuite

__all__ = ["RequestHeaderSuite"]

# RFC 9110, section 5.6.2: the characters of a token, and of no other name of a header.
_TOKEN = re.compile(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
# Headers that describe the message itself: a provider that sets one breaks the request.
_RESERVED = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
    }
)
# Common servers refuse requests whose headers together exceed 8 KiB (nginx, Gunicorn); half is left for the others.
_MOST_BYTES = 4096
_REQUESTS, _THREADS = 20, 16


class RequestHeaderSuite(PluginSuite):
    """Tests of a header provider. MLflow asks it before each request.

    Example:
        >>> class TestMine(RequestHeaderSuite):
        ...     @pytest.fixture
        ...     def provider(self, monkeypatch):
        ...         monkeypatch.setenv("MINE_TEAM", "search")
        ...         return MyProvider()
    """

    kind: ClassVar[str] = "request_header_provider"
    abstract: ClassVar[str] = (
        "mlflow.tracking.request_header.abstract_request_header_provider.RequestHeaderProvider"
    )
    calls: ClassVar[tuple[str, ...]] = ("in_context", "request_headers")

    @pytest.fixture
    def provider(self) -> Any:
        """The provider, with all that it needs to be in context."""
        message = f"{type(self).__name__} needs a fixture `provider` that returns the provider"
        raise NotImplementedError(message)

    @pytest.fixture
    def secrets(self) -> list[str]:
        """What must not be shown; nothing by default, for headers are usually no secret."""
        return []

    def test_it_says_whether_it_is_in_context(self, provider: Any) -> None:
        """MLflow asks this first, and takes anything that is not false for a yes."""
        assert isinstance(provider.in_context(), bool), "in_context() must return True or False"

    def test_it_raises_nothing_where_nothing_is_set(
        self, provider: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """MLflow logs a warning for each request that a provider fails at, and the header is missing."""
        empty_environment(monkeypatch)
        for made in (provider, type(provider)()):
            if made.in_context():
                made.request_headers()

    def test_its_headers_can_be_sent(self, provider: Any) -> None:
        """What HTTP does not allow is refused by the client or cut by a proxy, and the request is lost."""
        headers = _headers(provider)

        assert isinstance(headers, dict), f"request_headers() returns a {type(headers).__name__}"
        for name, value in headers.items():
            assert isinstance(name, str), f"the name {name!r} is no string"
            assert _TOKEN.match(name), f"{name!r} is no name of a header (RFC 9110)"
            assert name.lower() not in _RESERVED, (
                f"{name} describes the message, and is not a provider's to set"
            )
            assert isinstance(value, str), f"the value of {name} is a {type(value).__name__}"
            assert value.strip() == value, f"the value of {name} has blanks or a line end around it"
            assert value.isprintable(), (
                f"the value of {name} holds a line end or another control character"
            )
            try:
                value.encode("latin-1")
            except UnicodeEncodeError:
                pytest.fail(f"the value of {name} cannot be sent: HTTP's headers are Latin-1")
        size = sum(len(name) + len(value) + 4 for name, value in headers.items())
        assert size <= _MOST_BYTES, (
            f"the headers take {size} bytes; servers refuse requests beyond 8 KiB"
        )

    @pytest.mark.enable_socket
    def test_mlflow_sends_them_with_each_request(
        self, provider: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The whole way: MLflow's registry, its HTTP client, a server."""
        from mlflow.utils.rest_utils import MlflowHostCreds, http_request

        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        with listening() as server, registered("header", provider):
            expected = {name.lower(): value for name, value in _headers(provider).items()}
            for _ in range(2):
                creds = MlflowHostCreds(server.url)
                http_request(creds, "/api/2.0/mlflow/experiments/get", "GET").close()

        for heard in server.heard:
            for name in expected:
                assert name in heard, f"{name} did not reach the server"
        assert len(server.heard) == 2

    def test_it_stands_beside_others(self, provider: Any) -> None:
        """MLflow joins the values that several providers give to one header with a space."""
        from mlflow.tracking.request_header.registry import resolve_request_headers

        before = _headers(provider)
        with registered("header", provider):
            resolved = resolve_request_headers()

        assert resolved == (before if provider.in_context() else {})
        assert _headers(provider) == before, "asking once changed what it answers the next time"

    def test_a_request_costs_no_connection_and_no_process(self, provider: Any) -> None:
        """MLflow asks before every request: what has to be looked up is looked up once."""
        _headers(provider)
        with watched() as effort:
            for _ in range(_REQUESTS):
                _headers(provider)

        assert effort.connections < _REQUESTS, "each request opens a connection to find its headers"
        assert effort.processes < _REQUESTS, "each request starts a process to find its headers"

    def test_many_threads_get_the_same(self, provider: Any) -> None:
        """One provider object serves all threads of a program."""
        with ThreadPoolExecutor(_THREADS) as pool:
            found = list(pool.map(lambda _: _headers(provider).keys(), range(_THREADS)))

        assert all(each == found[0] for each in found)

    def test_it_shows_no_secret(self, provider: Any, secrets: list[str]) -> None:
        """The object ends up in tracebacks, and those in other people's hands."""
        for secret in filter(None, secrets):
            assert secret not in repr(provider), "repr() of the provider holds a secret"


def _headers(provider: Any) -> Any:
    return provider.request_headers() if provider.in_context() else {}
