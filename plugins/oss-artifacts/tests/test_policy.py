"""What a tracking server opens for a location that a user stored."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from mlflow_oss_artifacts import opening


@pytest.fixture(autouse=True)
def _server(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is a tracking server whose storage is a bucket."""
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_DESTINATION", "oss://own/root")
    monkeypatch.setenv("MLFLOW_OSS_ENDPOINT_URL", "oss-cn-hangzhou.aliyuncs.com")
    monkeypatch.setenv("MLFLOW_OSS_KEY_ID", "id")
    monkeypatch.setenv("MLFLOW_OSS_KEY_SECRET", "secret")
    home = Path(os.environ["HOME"], ".alibabacloud")
    home.mkdir(parents=True)
    file = home / "credentials.ini"
    file.write_text("[team]\naccess_key_id = i\naccess_key_secret = s\n")
    file.chmod(0o600)


@pytest.mark.parametrize(
    "location", ["oss://own/root/1/run/artifacts", "oss://own/elsewhere", "oss://own/a?workers=2"]
)
def test_the_servers_own_bucket_is_open(location: str) -> None:
    assert opening.prepare(location).place.bucket == "own"


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("oss://other/a", "MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES=oss"),
        ("oss://own/a?endpoint=oss-cn-beijing.aliyuncs.com", "MLFLOW_OSS_SERVER_ENDPOINTS="),
        ("oss://own/a?endpoint=evil.example.com", "MLFLOW_OSS_SERVER_ENDPOINTS="),
        ("oss://own/a?profile=team", "MLFLOW_OSS_SERVER_PROFILES=team"),
        ("oss://own/a?region=cn-beijing", "differs .* in: region"),
        ("oss://id:secret@own/a", "differs .* in: access key"),
    ],
)
def test_everything_else_is_refused_with_what_the_operator_can_set(
    location: str, words: str
) -> None:
    with pytest.raises(MlflowException, match=words) as caught:
        opening.prepare(location)

    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


def test_a_profile_that_the_operator_listed_opens_any_bucket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_OSS_SERVER_PROFILES", "other, team")

    found = opening.prepare("oss://theirs/a?profile=team")

    assert found.target.provider.get().key_id == "i"
    # A key in the location would win over the profile.
    with pytest.raises(MlflowException, match="is not that of the server's own"):
        opening.prepare("oss://id:secret@theirs/a?profile=team")


def test_an_endpoint_that_the_operator_listed_is_for_the_servers_own_bucket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_OSS_SERVER_ENDPOINTS", "oss-cn-beijing.aliyuncs.com")

    assert opening.prepare("oss://own/a?endpoint=oss-cn-beijing.aliyuncs.com")
    with pytest.raises(MlflowException, match="is not that of the server's own"):
        opening.prepare("oss://other/a?endpoint=oss-cn-beijing.aliyuncs.com")


def test_the_cores_word_opens_every_bucket_at_the_operators_endpoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES", "oss")

    assert opening.prepare("oss://other/a")
    with pytest.raises(MlflowException, match="MLFLOW_OSS_SERVER_ENDPOINTS"):
        opening.prepare("oss://other/a?endpoint=evil.example.com")


def test_the_options_of_the_servers_own_location_are_the_operators_choice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = "oss://own/root?endpoint=oss-cn-beijing.aliyuncs.com&profile=team"
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_DESTINATION", own)

    assert opening.prepare(own.replace("root", "root/1/run/artifacts"))
    with pytest.raises(MlflowException, match="MLFLOW_OSS_SERVER_ENDPOINTS"):
        opening.prepare("oss://own/root?endpoint=oss-cn-shenzhen.aliyuncs.com&profile=team")


def test_a_client_is_not_restricted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("_MLFLOW_SERVER_ARTIFACT_DESTINATION")

    assert opening.prepare("oss://other/a?profile=team")
