"""The suite of authentication providers: what `MLFLOW_TRACKING_AUTH=name` chooses."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from mlflow_plugin_testing.capabilities import Capability, Facts
from mlflow_plugin_testing.providers.http import listening
from mlflow_plugin_testing.providers.registries import registered
from mlflow_plugin_testing.providers.watching import watched
from mlflow_plugin_testing.suite import PluginSuite, about
from mlflow_plugin_testing.support import Tier

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RequestAuthCapability", "RequestAuthSuite"]

_TAKEN = ("kubernetes", "kubernetes-namespaced")
_REQUESTS, _THREADS = 20, 16
_URL = "http://127.0.0.1:9/api/2.0/mlflow/experiments/get"


class RequestAuthCapability(Capability):
    """What an authentication provider can be able to do."""

    AUTHENTICATION = Facts(Tier.BASE, "requests carry the credential", ("get_name", "get_auth"))
    CACHING = Facts(Tier.BASE, "a credential serves many requests")
    SECRECY = Facts(Tier.BASE, "the credential is shown nowhere")
    CONCURRENCY = Facts(Tier.EXTENDED, "many threads share one credential")
    REDIRECTS = Facts(Tier.EXTENDED, "no credential follows a redirect to another host")
    RENEWAL = Facts(Tier.FULL, "an expired credential is renewed")


class RequestAuthSuite(PluginSuite):
    """Tests of an authentication provider.

    Besides `provider` a plugin can give `secrets`, what must never be shown, and `expire`, which makes the credential
    in use invalid and so reaches level full.

    Example:
        >>> class TestMine(RequestAuthSuite):
        ...     @pytest.fixture
        ...     def provider(self, monkeypatch):
        ...         monkeypatch.setenv("MINE_TOKEN_FILE", "token.txt")
        ...         return MyProvider()
    """

    kind: ClassVar[str] = "request_auth_provider"
    capabilities = RequestAuthCapability
    abstract: ClassVar[str] = (
        "mlflow.tracking.request_auth.abstract_request_auth_provider.RequestAuthProvider"
    )
    calls: ClassVar[tuple[str, ...]] = ("get_auth", "get_name")

    @pytest.fixture
    def provider(self) -> Any:
        """The provider, with all that it needs to authenticate."""
        message = f"{type(self).__name__} needs a fixture `provider` that returns the provider"
        raise NotImplementedError(message)

    @pytest.fixture
    def secrets(self, provider: Any) -> list[str]:
        """What must not be shown: by default what the provider puts into the headers of a request."""
        return [value.rpartition(" ")[2] for value in _added(provider).values()]

    @pytest.fixture
    def expire(self) -> Callable[[], object] | None:
        """Makes the credential in use invalid; None where the tests of a plugin cannot do that."""
        return None

    @about(RequestAuthCapability.AUTHENTICATION)
    def test_its_name_is_a_word_of_its_own(self, provider: Any) -> None:
        """Users write it into MLFLOW_TRACKING_AUTH, and MLflow compares it letter by letter."""
        name = provider.get_name()

        assert isinstance(name, str), f"get_name() returns {name!r}"
        assert name.strip() == name, f"get_name() returns {name!r}, with blanks around it"
        assert name, "get_name() returns an empty name"
        assert name not in _TAKEN, f"{name} is a provider of MLflow's own"
        assert provider.get_name() == name, "get_name() returns another name each time"

    @about(RequestAuthCapability.AUTHENTICATION)
    def test_a_request_gets_a_credential(self, provider: Any) -> None:
        """What get_auth() returns is called by requests with each prepared request, and must return it."""
        added = _added(provider)

        assert added, "the request has the same headers with and without the provider"
        for name, value in added.items():
            text = value.decode("latin-1") if isinstance(value, bytes) else value
            assert isinstance(text, str), f"header {name} is a {type(value).__name__}, not a string"
            assert text.strip() == text, f"header {name} has blanks or a line end around its value"
            assert "\n" not in text, f"header {name} holds a line end, which begins another header"
            assert "\r" not in text, f"header {name} holds a line end, which begins another header"

    @pytest.mark.enable_socket
    @about(RequestAuthCapability.AUTHENTICATION)
    def test_mlflow_sends_it_with_each_request(
        self, provider: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The whole way: MLFLOW_TRACKING_AUTH, MLflow's registry, its HTTP client, a server."""
        names = {name.lower() for name in _added(provider)}
        with listening() as server, registered("auth", provider):
            for _ in range(2):
                _send(server.url, provider, monkeypatch)

        assert len(server.heard) == 2
        for headers in server.heard:
            assert names <= headers.keys(), "a request reached the server without the credential"

    @about(RequestAuthCapability.CACHING)
    def test_a_token_is_not_fetched_for_each_request(self, provider: Any) -> None:
        """MLflow calls get_auth() for every request, several times a second in a training loop."""
        _added(provider)
        with watched() as effort:
            for _ in range(_REQUESTS):
                _added(provider)

        assert effort.connections < _REQUESTS, (
            f"{_REQUESTS} requests opened {effort.connections} connections to get a credential; keep it in the object"
        )
        assert effort.processes < _REQUESTS, (
            f"{_REQUESTS} requests started {effort.processes} processes to get a credential; keep it in the object"
        )

    @about(RequestAuthCapability.SECRECY)
    def test_it_shows_no_secret(
        self, provider: Any, secrets: list[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        """Objects end up in tracebacks and log lines, and those in other people's hands."""
        with caplog.at_level(logging.DEBUG):
            auth = provider.get_auth()
            _added(provider)
        shown = [repr(provider), str(provider), repr(auth), str(auth), caplog.text]

        for secret in filter(None, secrets):
            assert not any(secret in text for text in shown), (
                "the credential is part of repr() or str() of the provider or of its auth object, or of a log line"
            )

    @about(RequestAuthCapability.CONCURRENCY)
    def test_many_threads_fetch_one_token(self, provider: Any) -> None:
        """Threads that begin together find no credential yet, and must not each fetch one."""
        with ThreadPoolExecutor(_THREADS) as pool, watched() as effort:
            found = list(pool.map(lambda _: _added(provider), range(_THREADS)))

        assert all(each.keys() == found[0].keys() for each in found)
        assert effort.connections < _THREADS, (
            f"{_THREADS} threads opened {effort.connections} connections to get one credential"
        )

    @pytest.mark.enable_socket
    @about(RequestAuthCapability.REDIRECTS)
    def test_a_redirect_to_another_host_takes_no_credential_along(
        self, provider: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever controls an answer could else collect credentials. Another port is another host."""
        with listening() as server, listening() as stranger, registered("auth", provider):
            server.redirect_to = stranger.url.replace("127.0.0.1", "localhost") + "/elsewhere"
            names = {name.lower() for name in _added(provider)}
            _send(server.url, provider, monkeypatch)

        for headers in stranger.heard:
            carried = names & headers.keys()
            assert not carried, f"header {', '.join(sorted(carried))} was sent on to another host"

    @about(RequestAuthCapability.RENEWAL)
    def test_an_expired_credential_is_renewed(
        self, provider: Any, expire: Callable[[], object] | None
    ) -> None:
        """A training that runs longer than a token lives must not lose its results."""
        if expire is None:
            pytest.skip("no fixture `expire` was given")
        before = _added(provider)
        expire()

        assert _added(provider) != before, "the same credential is sent after it has expired"


def _added(provider: Any) -> dict[str, Any]:
    """Return the headers that a provider adds to a request."""
    import requests

    request = requests.Request("GET", _URL)
    bare = dict(request.prepare().headers)
    request.auth = provider.get_auth()
    return {
        name: value for name, value in request.prepare().headers.items() if bare.get(name) != value
    }


def _send(url: str, provider: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.utils.rest_utils import MlflowHostCreds, http_request

    monkeypatch.setenv("MLFLOW_TRACKING_AUTH", provider.get_name())
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    # MLflow reads the choice into the description of a host, and not when a request is sent.
    creds = MlflowHostCreds(url, auth=provider.get_name())
    http_request(creds, "/api/2.0/mlflow/experiments/get", "GET").close()
