"""Credentials go to the server they were configured for, and to no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mlflow_sqlserver_artifacts.credentials import Credentials, find
from mlflow_sqlserver_artifacts.location import parse
from mlflow_sqlserver_artifacts.settings import SqlSettings

if TYPE_CHECKING:
    from pathlib import Path

OWN = Credentials("mlflow", "geheim")


@pytest.fixture
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_SQLSERVER_HOST", "db.example:1433")
    monkeypatch.setenv("MLFLOW_SQLSERVER_USERNAME", OWN.username or "")
    monkeypatch.setenv("MLFLOW_SQLSERVER_PASSWORD", OWN.password or "")


@pytest.mark.usefixtures("_environment")
@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("mssql://db.example/d", OWN),
        ("mssql://DB.example:1433/d", OWN),
        ("mssql://mlflow@db.example/d", OWN),
        ("mssql://other@db.example/d", Credentials("other")),
        ("mssql://db.example:1434/d", Credentials()),
        ("mssql://evil.example/d", Credentials()),
        ("mssql://db.example.evil/d", Credentials()),
        ("mssql://me:mine@evil.example/d", Credentials("me", "mine")),
        ("mssql://db.example/d?Trusted_Connection=yes", Credentials()),
        ("mssql://db.example/d?Trusted_Connection=no", OWN),
        ("mssql://db.example/d?Authentication=ActiveDirectoryMsi", Credentials()),
        ("mssql://db.example/d?authentication=ActiveDirectoryServicePrincipal", OWN),
        ("sqlite:////srv/a.db", Credentials()),
    ],
)
def test_the_environments_password_is_for_one_server(uri: str, expected: Credentials) -> None:
    assert find(parse(uri), SqlSettings.load()) == expected


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("mysql://anybody@db.example/d", Credentials("anybody", "geheim")),
        ("mysql://db.example/d", Credentials(None, "geheim")),
        ("mysql://anybody@evil.example/d", Credentials("anybody")),
    ],
)
def test_a_password_without_a_user_name_is_for_any_user_of_its_server(
    monkeypatch: pytest.MonkeyPatch, uri: str, expected: Credentials
) -> None:
    monkeypatch.setenv("MLFLOW_SQLSERVER_HOST", "DB.example")
    monkeypatch.setenv("MLFLOW_SQLSERVER_PASSWORD", "geheim")

    assert find(parse(uri), SqlSettings.load()) == expected


def test_an_entra_token_goes_without_the_environments_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_SQLSERVER_HOST", "db.example")
    monkeypatch.setenv("MLFLOW_SQLSERVER_USERNAME", "mlflow")
    monkeypatch.setenv("MLFLOW_SQLSERVER_PASSWORD", "geheim")
    monkeypatch.setenv("MLFLOW_SQLSERVER_ENTRA", "true")

    assert find(parse("mssql://db.example/d"), SqlSettings.load()) == Credentials()
    assert find(parse("mssql+pymssql://db.example/d"), SqlSettings.load()) == OWN


@pytest.mark.usefixtures("_environment")
def test_the_file_is_asked_where_the_environment_knows_another_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps({"db.example": {"username": "other", "password": "3"}}))
    path.chmod(0o600)
    monkeypatch.setenv("MLFLOW_SQLSERVER_CREDENTIALS_FILE", str(path))

    assert find(parse("mssql://other@db.example/d"), SqlSettings.load()).password == "3"
    assert find(parse("mssql://third@db.example/d"), SqlSettings.load()).password is None


def test_a_credentials_file_is_keyed_by_host(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "credentials.json"
    path.write_text(
        json.dumps(
            {
                "a.example": {"username": "a", "password": "1"},
                "B.Example:3307": {"username": "b", "password": "2"},
            }
        )
    )
    path.chmod(0o600)
    monkeypatch.setenv("MLFLOW_SQLSERVER_CREDENTIALS_FILE", str(path))
    settings = SqlSettings.load()

    assert find(parse("mysql://a.example/d"), settings) == Credentials("a", "1")
    assert find(parse("mysql://b.example:3307/d"), settings) == Credentials("b", "2")
    assert find(parse("mysql://b.example/d"), settings) == Credentials()


def test_a_password_in_the_location_is_warned_about_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for _ in range(3):
        find(parse("mysql://me:geheim@once.example/d"), SqlSettings.load())

    (record,) = caplog.records
    assert "stored in the tracking database" in record.getMessage()
    assert "geheim" not in record.getMessage()


def test_credentials_do_not_print_their_password() -> None:
    assert "geheim" not in repr(OWN) + str(OWN)
