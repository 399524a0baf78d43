"""Whom the token goes to, by huggingface_hub's HTTP library without a network."""

from __future__ import annotations

import io
from importlib import import_module
from typing import TYPE_CHECKING, Any

import huggingface_hub
import pytest
from huggingface_hub.errors import HfHubHTTPError

from mlflow_xet_artifacts import hub_calls, hub_errors, hub_location
from mlflow_xet_artifacts.client_hub import HubClient
from mlflow_xet_artifacts.settings import XetHubSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The HTTP library of the installed huggingface_hub: httpx, and httpx2 from its version 2 on.
httpx: Any = import_module(HfHubHTTPError.__mro__[1].__module__.partition(".")[0])
_TOKEN = "hf_of_this_test"
_LINK = "https://cdn.example/a?X-Amz-Credential=who&X-Amz-Signature=forged&Policy=any"


@pytest.fixture
def asked() -> list[Any]:
    return []


@pytest.fixture
def answering(asked: list[Any]) -> Iterator[Callable[..., HubClient]]:
    """A client whose requests are answered by what stands for a part of the address."""

    def start(
        answers: dict[str, Any], endpoint: str = "https://hub.example", retry_timeout: str = "0"
    ) -> HubClient:
        def answer(request: Any) -> Any:
            asked.append(request)
            found = next(value for part, value in answers.items() if part in str(request.url))
            found.request = request
            return found

        transport = httpx.MockTransport(answer)
        huggingface_hub.set_client_factory(
            lambda: httpx.Client(transport=transport, follow_redirects=True)
        )
        options = {"HF_TOKEN": _TOKEN, "HF_ENDPOINT": endpoint}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in options.items():
                patch.setenv(name, value)
            settings = XetHubSettings.load({"retry_timeout": retry_timeout})
        return HubClient(hub_location.parse("xet://acme/runs/main/1"), settings)

    yield start
    from huggingface_hub.utils._http import default_client_factory

    huggingface_hub.set_client_factory(default_client_factory)


def test_the_token_does_not_go_along_to_another_host(
    answering: Callable[..., HubClient], asked: list[Any]
) -> None:
    client = answering(
        {
            "hub.example": httpx.Response(302, headers={"Location": _LINK}),
            "cdn.example": httpx.Response(200, content=b"content"),
        }
    )
    target = io.BytesIO()

    assert client.fetch("a", target, []) == 7

    assert target.getvalue() == b"content"
    assert [(each.url.host, each.headers.get("authorization")) for each in asked] == [
        ("hub.example", f"Bearer {_TOKEN}"),
        ("cdn.example", None),
    ]


def test_the_pages_of_a_listing_are_asked_for_on_the_hub_itself(
    answering: Callable[..., HubClient], asked: list[Any]
) -> None:
    entry = {"path": "1/a", "type": "file", "size": 1, "oid": "0"}
    more = '<https://elsewhere.example/api/models/acme/runs/tree/main/1?cursor=2>; rel="next"'
    client = answering(
        {
            "cursor=2": httpx.Response(200, json=[{**entry, "path": "1/b"}]),
            "tree": httpx.Response(200, json=[entry], headers={"Link": more}),
        }
    )

    assert [found.path for found in client.tree("1")] == ["1/a", "1/b"]

    assert {each.url.host for each in asked} == {"hub.example"}


@pytest.mark.parametrize("named", ["https://huggingface.co", "https://art.corp/api/hub/hf"])
def test_pages_are_asked_for_below_the_path_of_a_hub_behind_a_proxy(
    named: str, answering: Callable[..., HubClient], asked: list[Any]
) -> None:
    entry = {"path": "1/a", "type": "file", "size": 1, "oid": "0"}
    more = f'<{named}/api/models/acme/runs/tree/main/1?cursor=2>; rel="next"'
    client = answering(
        {
            "cursor=2": httpx.Response(200, json=[{**entry, "path": "1/b"}]),
            "tree": httpx.Response(200, json=[entry], headers={"Link": more}),
        },
        "https://art.corp/api/hub/hf/",
    )

    assert [found.path for found in client.tree("1")] == ["1/a", "1/b"]

    paths = {each.url.copy_with(query=None) for each in asked}
    assert paths == {"https://art.corp/api/hub/hf/api/models/acme/runs/tree/main/1"}


def _refusal(answering: Callable[..., HubClient], message: str = "", **headers: str) -> Exception:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = httpx.Response(429, json={"error": message}, headers=names)
    with pytest.raises(HfHubHTTPError) as caught:
        answering({"hub.example": answer}).head()
    return caught.value


def test_only_a_quota_that_is_used_up_says_how_long_to_wait(
    answering: Callable[..., HubClient],
) -> None:
    used, other = '"api";r=0;t=55', '"api";r=950;t=120'

    assert hub_errors.retryable(_refusal(answering, RateLimit=used)) == 56
    assert hub_errors.retryable(_refusal(answering, RateLimit=other)) is True
    assert hub_errors.retryable(_refusal(answering, RateLimit=other, Retry_After="7")) == 7


@pytest.mark.parametrize(
    ("words", "seconds"),
    [("43 minutes", 2580), ("about 1 hour", 3600), ("about an hour", 3600), ("30 seconds", 30)],
)
def test_a_limit_of_commits_names_its_wait_in_words(
    words: str, seconds: int, answering: Callable[..., HubClient]
) -> None:
    message = (
        f"You are over the quota of commits. {'Why. ' * 120}You can retry this action in {words}."
    )
    error = _refusal(answering, message, RateLimit='"api";r=950;t=120')

    shown = hub_errors.translate(error, "Cannot store 'a'", answering({})).message

    assert hub_errors.retryable(error) == seconds
    assert f"To fix it: try again in {words}, as the Hub says" in shown


def test_a_wait_that_is_longer_than_the_retries_is_an_error_at_once(
    answering: Callable[..., HubClient], asked: list[Any]
) -> None:
    answer = httpx.Response(429, headers={"Retry-After": "2580"})
    client = answering({"hub.example": answer}, retry_timeout="300")

    with pytest.raises(HfHubHTTPError):
        hub_calls.repeat(client, client.head, "Cannot look")

    assert len(asked) == 1


def test_an_error_message_holds_no_token_and_no_signature(
    answering: Callable[..., HubClient],
) -> None:
    client = answering(
        {
            "hub.example": httpx.Response(302, headers={"Location": _LINK}),
            "cdn.example": httpx.Response(403, content=b""),
        }
    )

    with pytest.raises(HfHubHTTPError) as caught:
        client.fetch("a", io.BytesIO(), [])
    message = hub_errors.translate(caught.value, "Cannot download 'a'", client).message

    assert "cdn.example" in message
    assert "forged" not in message
    assert _TOKEN not in message
