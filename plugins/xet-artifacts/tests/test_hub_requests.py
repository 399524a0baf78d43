"""Whom the token goes to, by huggingface_hub's HTTP library without a network."""

from __future__ import annotations

import io
from importlib import import_module
from typing import TYPE_CHECKING, Any

import huggingface_hub
import pytest
from huggingface_hub.errors import HfHubHTTPError

from mlflow_xet_artifacts import hub_errors, hub_location
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
def answering(asked: list[Any]) -> Iterator[Callable[[dict[str, Any]], HubClient]]:
    """A client whose requests are answered by what stands for a part of the address."""

    def start(answers: dict[str, Any]) -> HubClient:
        def answer(request: Any) -> Any:
            asked.append(request)
            found = next(value for part, value in answers.items() if part in str(request.url))
            found.request = request
            return found

        transport = httpx.MockTransport(answer)
        huggingface_hub.set_client_factory(
            lambda: httpx.Client(transport=transport, follow_redirects=True)
        )
        options = {"HF_TOKEN": _TOKEN, "HF_ENDPOINT": "https://hub.example"}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in options.items():
                patch.setenv(name, value)
            settings = XetHubSettings.load({"retry_timeout": "0"})
        return HubClient(hub_location.parse("xet://acme/runs/main/1"), settings)

    yield start
    from huggingface_hub.utils._http import default_client_factory

    huggingface_hub.set_client_factory(default_client_factory)


def test_the_token_does_not_go_along_to_another_host(
    answering: Callable[[dict[str, Any]], HubClient], asked: list[Any]
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
    answering: Callable[[dict[str, Any]], HubClient], asked: list[Any]
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


def test_an_error_message_holds_no_token_and_no_signature(
    answering: Callable[[dict[str, Any]], HubClient],
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
