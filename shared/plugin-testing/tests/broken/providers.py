"""Providers of authentication, headers and context that are wrong in ways that have been seen."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from broken.model import Broken

if TYPE_CHECKING:
    from mlflow_plugin_testing.suite import PluginSuite


def _auth() -> type[PluginSuite]:
    from mlflow_plugin_testing import RequestAuthSuite

    return RequestAuthSuite


def _headers() -> type[PluginSuite]:
    from mlflow_plugin_testing import RequestHeaderSuite

    return RequestHeaderSuite


def _context() -> type[PluginSuite]:
    from mlflow_plugin_testing import RunContextSuite

    return RunContextSuite


class _Auth:
    """A credential in a header."""

    def __init__(self, header: str, value: str) -> None:
        self.header, self.value = header, value

    def __call__(self, request: Any) -> Any:
        request.headers[self.header] = self.value
        return request


class _Provider:
    """A right one; the broken ones below change one thing each."""

    header, value = "Authorization", "Bearer a-secret-token"

    def get_name(self) -> str:
        return "broken"

    def get_auth(self) -> Any:
        return _Auth(self.header, self.value)


class _FetchesEachTime(_Provider):
    """Asks an identity provider, here a socket that only listens, for each request."""

    def __init__(self) -> None:
        self._issuer = socket.create_server(("127.0.0.1", 0))

    def get_auth(self) -> Any:
        with socket.create_connection(self._issuer.getsockname()):
            return super().get_auth()

    def __del__(self) -> None:
        self._issuer.close()


class _FetchesInEachThread(_FetchesEachTime):
    def __init__(self) -> None:
        super().__init__()
        self._kept: Any = None
        self._together = threading.Barrier(16)

    def get_auth(self) -> Any:
        if self._kept is None:
            if threading.current_thread() is not threading.main_thread():
                self._together.wait(20)
            self._kept = super().get_auth()
        return self._kept


class _ShowsItself(_Provider):
    def __repr__(self) -> str:
        return f"<Provider token={self.value}>"


class _FollowsRedirects(_Provider):
    header, value = "X-Api-Key", "a-secret-key"


class _NeverRenews(_Provider):
    pass


class _LineEnd(_Provider):
    value = "Bearer a-secret-token\n"


class _Headers:
    def in_context(self) -> bool:
        return True

    def request_headers(self) -> dict[str, Any]:
        return {"X-Team": "search"}


class _RaisesWithoutSettings(_Headers):
    def request_headers(self) -> dict[str, Any]:
        import os

        return {"X-Team": os.environ["BROKEN_TEAM"]}


class _Numbers(_Headers):
    def request_headers(self) -> dict[str, Any]:
        return {"X-Build": 17}


class _Grows(_Headers):
    def __init__(self) -> None:
        self._headers = {"X-Team": "search"}

    def request_headers(self) -> dict[str, Any]:
        self._headers["X-Team"] += " search"
        return dict(self._headers)


class _Context:
    def in_context(self) -> bool:
        return True

    def tags(self) -> dict[str, Any]:
        return {"commit": None}


class _WorkingFolder(_Context):
    def tags(self) -> dict[str, Any]:
        return {"folder": str(Path.cwd())}


class _Environment(_Context):
    def tags(self) -> dict[str, Any]:
        return {"environment": "DATABASE_PASSWORD=a-secret-password"}


def _broken(name: str, sentence: str, suite: Any, provider: type, test: str, **more: Any) -> Broken:
    fixtures = {"provider": lambda _: provider(), **more}
    return Broken(name, sentence, suite, fixtures, test)


BROKEN = [
    _broken(
        "token-fetched-per-request",
        "It asks the identity provider for a token before each request.",
        _auth,
        _FetchesEachTime,
        "test_a_token_is_not_fetched_for_each_request",
    ),
    _broken(
        "token-fetched-per-thread",
        "Threads that start together each fetch a token of their own.",
        _auth,
        _FetchesInEachThread,
        "test_many_threads_fetch_one_token",
    ),
    _broken(
        "secret-in-repr",
        "Its representation, which tracebacks show, holds the token.",
        _auth,
        _ShowsItself,
        "test_it_shows_no_secret",
        secrets=lambda _: ["a-secret-token"],
    ),
    _broken(
        "credential-follows-redirect",
        "Its key is in a header of its own, which is sent on to whatever host an answer names.",
        _auth,
        _FollowsRedirects,
        "test_a_redirect_to_another_host_takes_no_credential_along",
    ),
    _broken(
        "expired-token-kept",
        "It goes on sending a token that has expired.",
        _auth,
        _NeverRenews,
        "test_an_expired_credential_is_renewed",
        expire=lambda _: lambda: None,
    ),
    _broken(
        "line-end-in-header",
        "The line end of the token's file becomes part of the header.",
        _auth,
        _LineEnd,
        "test_a_request_gets_a_credential",
    ),
    _broken(
        "header-provider-raises",
        "It raises for each request where its variable is not set.",
        _headers,
        _RaisesWithoutSettings,
        "test_it_raises_nothing_where_nothing_is_set",
    ),
    _broken(
        "header-is-a-number",
        "The value of a header is a number, which the HTTP client refuses.",
        _headers,
        _Numbers,
        "test_its_headers_can_be_sent",
    ),
    _broken(
        "header-grows",
        "The header grows by a word with each request.",
        _headers,
        _Grows,
        "test_it_stands_beside_others",
    ),
    _broken(
        "tag-is-none",
        "A tag has the value None, and no run can be made.",
        _context,
        _Context,
        "test_its_tags_can_be_stored",
    ),
    _broken(
        "working-folder-needed",
        "It raises where the working folder was removed.",
        _context,
        _WorkingFolder,
        "test_it_raises_nothing_where_the_working_folder_is_gone",
    ),
    _broken(
        "secret-becomes-tag",
        "A password from the environment becomes a tag.",
        _context,
        _Environment,
        "test_no_secret_becomes_a_tag",
        secrets=lambda _: ["a-secret-password"],
    ),
]
