"""Which repositories a tracking server opens."""

from __future__ import annotations

import pytest
from mlflow.exceptions import MlflowException

from mlflow_xet_artifacts.hub_opening import open_store

_OWN = "xet://acme/runs/main"


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_DESTINATION", _OWN)
    monkeypatch.setenv("HF_TOKEN", "hf_operator")


@pytest.mark.parametrize("uri", [f"{_OWN}/1/run/artifacts", "xet://acme/runs/other/1"])
def test_a_server_opens_its_own_repository(uri: str) -> None:
    open_store(uri)


@pytest.mark.parametrize(
    "uri", ["xet://acme/secret/main", "xet://acme/runs/main?repo_type=dataset"]
)
def test_a_server_opens_no_other_repository_and_says_what_to_set(uri: str) -> None:
    with pytest.raises(MlflowException, match="MLFLOW_XET_ALLOWED_REPOS") as caught:
        open_store(uri)

    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize("allowed", ["acme/secret", "other/*, acme/*"])
def test_its_operator_may_allow_further_repositories(
    allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_XET_ALLOWED_REPOS", allowed)

    open_store("xet://acme/secret/main")


def test_its_operator_may_allow_the_whole_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES", "xet")

    open_store("xet://acme/secret/main")


def test_an_own_location_that_cannot_be_read_allows_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_DESTINATION", "xet://acme")

    with pytest.raises(MlflowException, match="does not open"):
        open_store("xet://acme/runs/main")


def test_a_client_opens_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("_MLFLOW_SERVER_ARTIFACT_DESTINATION")

    open_store("xet://acme/secret/main")


@pytest.mark.parametrize("option", ["endpoint", "token", "create_repo", "allowed_repos"])
def test_no_location_names_another_hub_or_token(option: str) -> None:
    with pytest.raises(MlflowException, match=f"Unknown parameter '{option}'"):
        open_store(f"{_OWN}?{option}=x")


def test_a_malformed_setting_is_named_with_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "huggingface.co")

    with pytest.raises(MlflowException, match=r"HF_ENDPOINT \(environment\) cannot be used"):
        open_store(_OWN)
