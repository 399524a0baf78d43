"""Settings know where they came from, and say it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException
from pydantic_settings import SettingsConfigDict

from mlflow_plugin_core.settings import PluginSettings, SecretStr, option

if TYPE_CHECKING:
    from pathlib import Path


class Example(PluginSettings):
    model_config = SettingsConfigDict(env_prefix="MLFLOW_EXAMPLE_")

    endpoint: str | None = option(None, help="URL of the service.", parameter="endpoint")
    workers: int = option(4, help="Threads at once, 1 to 64.", parameter="workers", ge=1, le=64)
    token: SecretStr | None = option(None, help="Access token.")
    legacy: str = option("", help="Named by the service.", environment="SERVICE_LEGACY")


@pytest.fixture
def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "settings.json"
    monkeypatch.setenv("MLFLOW_EXAMPLE_SETTINGS_FILE", str(path))
    return path


def test_the_uri_wins_over_the_environment_and_that_over_the_file(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_file.write_text(json.dumps({"endpoint": "file", "workers": 1, "legacy": "file"}))
    monkeypatch.setenv("MLFLOW_EXAMPLE_ENDPOINT", "environment")
    monkeypatch.setenv("MLFLOW_EXAMPLE_WORKERS", "2")
    monkeypatch.setenv("SERVICE_LEGACY", "")  # empty is not set

    found = Example.load({"endpoint": "uri"})

    assert (found.endpoint, found.workers, found.legacy) == ("uri", 2, "file")
    sources = [found.source_of(name) for name in ("endpoint", "workers", "legacy", "token")]
    assert sources == ["URI parameter", "environment", "settings file", "default"]


@pytest.mark.parametrize(
    ("parameters", "environment", "words"),
    [
        ({"workers": "many"}, {}, ["workers (URI parameter)", "'many'", "Threads at once"]),
        ({}, {"MLFLOW_EXAMPLE_WORKERS": "0"}, ["MLFLOW_EXAMPLE_WORKERS (environment)", "'0'"]),
        ({"wrokers": "1"}, {}, ["Unknown parameter 'wrokers'", "did you mean 'workers'"]),
        ({"zzz": "1"}, {}, ["known are: endpoint, workers"]),
        ({"token": "geheim"}, {}, ["set MLFLOW_EXAMPLE_TOKEN in the environment"]),
    ],
)
def test_a_bad_value_names_the_setting_its_source_and_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
    parameters: dict[str, str],
    environment: dict[str, str],
    words: list[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(MlflowException) as error:
        Example.load(parameters, location="x://user:geheim@host")

    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    for word in words:
        assert word in error.value.message
    assert "geheim" not in error.value.message


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "not a JSON object"), ("[1]", "not a JSON object"), ('{"tokn": "geheim"}', "tokn")],
)
def test_a_bad_file_is_named_and_not_quoted(settings_file: Path, content: str, words: str) -> None:
    settings_file.write_text(content)

    with pytest.raises(MlflowException, match=words) as error:
        Example.load()
    assert "MLFLOW_EXAMPLE_SETTINGS_FILE" in error.value.message
    assert "geheim" not in error.value.message


def test_a_secret_is_in_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_EXAMPLE_TOKEN", "geheim")

    found = Example.load()

    assert found.token is not None
    assert found.token.get_secret_value() == "geheim"
    assert "geheim" not in repr(found) + str(found)


def test_the_table_of_settings_is_complete() -> None:
    rows = {info.name: info for info in Example.describe()}

    assert rows["workers"].environment == "MLFLOW_EXAMPLE_WORKERS"
    assert rows["workers"].uri_parameter == "workers"
    assert rows["workers"].default == "4"
    assert rows["token"].secret
    assert rows["token"].uri_parameter is None
    assert rows["legacy"].environment == "SERVICE_LEGACY"


class Kind(PluginSettings):
    model_config = SettingsConfigDict(env_prefix="MLFLOW_KINDS_")

    endpoint: str = option("", help="URL.")


class Near(Kind):
    near: int = option(1, help="For locations near by.")


class Far(Kind):
    far: str = option(help="For those far away.")
    token: SecretStr | None = option(None, help="Access token.")


def test_one_file_serves_all_kinds_of_settings_of_a_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "settings.json"
    monkeypatch.setenv("MLFLOW_KINDS_SETTINGS_FILE", str(path))
    path.write_text(json.dumps({"endpoint": "e", "near": 2, "far": "f"}))

    assert (Near.load().near, Far.load().far, Kind.load().endpoint) == (2, "f", "e")

    path.write_text(json.dumps({"nera": 2}))
    with pytest.raises(MlflowException, match="nera"):
        Near.load()


def test_a_setting_that_is_missing_is_named_without_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_KINDS_TOKEN", "geheim")
    monkeypatch.setenv("MLFLOW_KINDS_ENDPOINT", "https://u:geheim@h")

    with pytest.raises(MlflowException, match="MLFLOW_KINDS_FAR") as error:
        Far.load()

    assert "geheim" not in error.value.message
