"""What of the Hub's half needs no Hub: messages, limits, and the meaning of errors."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from huggingface_hub import hf_raise_for_status
from huggingface_hub.errors import HfHubHTTPError

from mlflow_xet_artifacts import hub_errors, hub_location, hub_memory
from mlflow_xet_artifacts.client_hub import HubClient
from mlflow_xet_artifacts.hub_messages import Note, message_of
from mlflow_xet_artifacts.settings import XetHubSettings

# The HTTP library of the installed huggingface_hub: httpx, and httpx2 from its version 2 on.
httpx: Any = import_module(HfHubHTTPError.__mro__[1].__module__.partition(".")[0])
_MIB = 1 << 20


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> HubClient:
    monkeypatch.setenv("HF_TOKEN", "hf_word")
    place = hub_location.parse("xet://acme/runs/main/1/4f0c/artifacts")
    return HubClient(place, XetHubSettings.load())


def _refusal(status: int, code: str = "", said: str = "", **headers: str) -> Exception:
    url = "https://huggingface.co/api/models/acme/runs/tree/main"
    found = {name.replace("_", "-"): value for name, value in headers.items()}
    if code:
        found["X-Error-Code"] = code
    if said:
        found["X-Error-Message"] = said
    answer = httpx.Response(status, headers=found, request=httpx.Request("GET", url))
    try:
        hf_raise_for_status(answer)
    except HfHubHTTPError as error:
        return error
    raise AssertionError(status)


@pytest.mark.parametrize(
    ("root", "title"),
    [
        ("1/4f0c/artifacts", "Log 1 artifact of run 4f0c of experiment 1"),
        ("base/1/4f0c/artifacts", "Log 1 artifact of run 4f0c of experiment 1"),
        ("1/models/m-9/artifacts", "Log 1 artifact of model m-9 of experiment 1"),
        ("4f0c/artifacts", "Log 1 artifact of run 4f0c"),
        ("models", "Log 1 artifact of models"),
        ("", "Log 1 artifact of the root of the repository"),
    ],
)
def test_a_commit_message_names_run_and_experiment(root: str, title: str) -> None:
    assert message_of(Note("Log", (root,), ("a.bin",)))[0] == title


def test_a_commit_for_several_runs_lists_them() -> None:
    notes = [
        Note("Log", ("1/a/artifacts",), tuple(f"1/a/artifacts/{number}" for number in range(30))),
        Note("Delete", ("1/b/artifacts",), ("1/b/artifacts/x",)),
    ]

    title, description = message_of(Note.together(notes))

    assert title == "Log and delete 31 artifacts of 2 runs"
    assert "- run a of experiment 1\n- run b of experiment 1\n" in description
    assert description.endswith("and 11 more")


def test_memory_bounds_what_is_sent_and_fetched_at_once() -> None:
    names = ["client.ac_max_upload_concurrency", "reconstruction.download_buffer_size"]

    small = hub_memory.bounds(128 * _MIB, known=names, environ={})
    large = hub_memory.bounds(1024 * _MIB, known=names, environ={})

    assert small == {names[0]: 1, names[1]: 8 * _MIB}
    assert large == {names[0]: 7, names[1]: 64 * _MIB}


def test_what_the_user_set_for_hf_xet_stays() -> None:
    names = ["client.ac_max_upload_concurrency", "reconstruction.download_buffer_size"]
    environ = {"HF_XET_CLIENT_AC_MAX_UPLOAD_CONCURRENCY": "9"}

    assert names[0] not in hub_memory.bounds(256 * _MIB, known=names, environ=environ)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (
            _refusal(401, said="Invalid credentials in Authorization header"),
            "UNAUTHENTICATED",
            "HF_TOKEN",
        ),
        (_refusal(403, said="no write"), "PERMISSION_DENIED", "write access"),
        (_refusal(404, "RepoNotFound"), "RESOURCE_DOES_NOT_EXIST", "MLFLOW_XET_CREATE_REPO"),
        (_refusal(403, "GatedRepo"), "PERMISSION_DENIED", "ask for access"),
        (_refusal(404, "RevisionNotFound"), "RESOURCE_DOES_NOT_EXIST", "branch or revision"),
        (_refusal(404, "EntryNotFound"), "RESOURCE_DOES_NOT_EXIST", "owner, name, branch"),
        (_refusal(400), "BAD_REQUEST", "Bad request"),
        (_refusal(409), "TEMPORARILY_UNAVAILABLE", "other writers"),
        (_refusal(412), "TEMPORARILY_UNAVAILABLE", "other writers"),
        (_refusal(413), "BAD_REQUEST", "MLFLOW_XET_COMMIT_FILES"),
        (_refusal(429), "TEMPORARILY_UNAVAILABLE", "MLFLOW_XET_COMMIT_WINDOW"),
        (_refusal(503), "TEMPORARILY_UNAVAILABLE", "try again later"),
        (httpx.ConnectError("refused"), "TEMPORARILY_UNAVAILABLE", "HF_ENDPOINT"),
        (httpx.ReadTimeout("slow"), "TEMPORARILY_UNAVAILABLE", "HF_ENDPOINT"),
        (ValueError("odd"), "INTERNAL_ERROR", "odd"),
    ],
)
def test_an_error_of_the_hub_has_a_code_and_a_remedy(
    error: Exception, code: str, said: str, client: HubClient
) -> None:
    found = hub_errors.translate(error, "Cannot do it", client)

    assert found.error_code == code
    assert found.message.startswith("Cannot do it (at xet://acme/runs/main/1/4f0c/artifacts): ")
    assert said in found.message
    assert "hf_word" not in found.message
    assert found.__cause__ is error


def test_without_a_token_a_missing_repository_may_be_a_private_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", f"{tmp_path}/none")
    client = HubClient(hub_location.parse("xet://acme/runs/main"), XetHubSettings.load())

    found = hub_errors.translate(_refusal(401, "RepoNotFound"), "Cannot do it", client)

    assert found.error_code == "UNAUTHENTICATED"
    assert "private" in found.message


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (_refusal(429, Retry_After="7"), 7.0),
        (_refusal(429, RateLimit='"api";r=0;t=55'), 56.0),
        (_refusal(429), True),
        (_refusal(409), True),
        (_refusal(412), True),
        (_refusal(503), True),
        (_refusal(403), False),
        (_refusal(404, "EntryNotFound"), False),
        (httpx.ConnectError("refused"), True),
        (ValueError("odd"), False),
    ],
)
def test_only_what_may_pass_is_tried_again(error: Exception, answer: bool | float) -> None:
    assert hub_errors.retryable(error) is answer or hub_errors.retryable(error) == answer
