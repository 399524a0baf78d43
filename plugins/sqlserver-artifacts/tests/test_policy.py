"""What a tracking server opens for a location that some user stored."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException
from mlflow.utils.uri import append_to_uri_path

from mlflow_sqlserver_artifacts.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

ROOT, DESTINATION = "_MLFLOW_SERVER_ARTIFACT_ROOT", "_MLFLOW_SERVER_ARTIFACT_DESTINATION"
ALLOWED = "MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES"
RUN = "1/0123456789abcdef/artifacts"
OWN = "mssql+pyodbc://u:p@db.example/a?Encrypt=strict&workers=2"


@pytest.fixture(autouse=True)
def _drivers(install: Callable[..., ModuleType]) -> None:
    for name in ("pyodbc", "pymssql"):
        install(name)


@pytest.mark.parametrize("variable", [ROOT, DESTINATION])
@pytest.mark.parametrize(
    "own",
    [
        OWN,
        "mssql://db.example:1433/a/some/folder?Encrypt=strict",
        "mysql://u:p@db.example/a?ssl_verify_cert=true",
        "sqlite:////srv/own/artifacts.db",
    ],
)
def test_a_server_opens_whatever_mlflow_appends_to_its_own_location(
    monkeypatch: pytest.MonkeyPatch, variable: str, own: str
) -> None:
    monkeypatch.setenv(ROOT, "mlflow-artifacts:/")
    monkeypatch.setenv(variable, own)

    for uri in (own, append_to_uri_path(own, RUN), append_to_uri_path(own, "1", "models/m-1")):
        open_store(uri)


def test_a_server_opens_the_files_that_its_operator_named_and_no_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import certifi

    own = f"mysql://u:p@db.example/a?ssl_ca={certifi.where()}"
    monkeypatch.setenv(DESTINATION, own)
    other = tmp_path / "other.pem"
    other.write_bytes(b"")

    open_store(append_to_uri_path(own, RUN))
    with pytest.raises(MlflowException, match="a server opens no file that a location names"):
        open_store(f"mysql://u:p@db.example/a/{RUN}?ssl_ca={other}")


@pytest.mark.parametrize(
    "uri",
    [
        "mssql://db.example/a?encrypt=strict",  # without a password, in other words, another folder
        "mssql+pyodbc://DB.example:1433/a/x/y?Encrypt=strict&connect_timeout=3",
        "mssql://v:w@db.example/a?Encrypt=strict",
    ],
)
def test_other_words_for_the_servers_own_location_are_open(
    monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.setenv(DESTINATION, OWN)

    open_store(uri)


@pytest.mark.parametrize(
    ("uri", "difference"),
    [
        ("mssql://db.example/other?Encrypt=strict", "database"),
        ("mssql://db.example/A?Encrypt=strict", "database"),
        ("mssql://db.example/a", "encrypt"),
        ("mssql://db.example/a?Encrypt=no", "encrypt"),
        (
            "mssql://db.example/a?Encrypt=strict&TrustServerCertificate=yes",
            "trustservercertificate",
        ),
        ("mssql://db.example/a?Encrypt=strict&Trusted_Connection=yes", "trusted_connection"),
        ("mssql://db.example/a?Encrypt=strict&driver=FreeTDS", "driver"),
        ("mssql://db.example/a?Encrypt=strict&entra=true", "entra"),
        ("mssql://db.example/a?Encrypt=strict&table_schema=secret", "table_schema"),
        ("mssql://db.example/a?Encrypt=strict&Authentication=ActiveDirectoryMsi", "authentication"),
        ("mssql+pymssql://db.example/a?tds_version=7.4", "driver"),
    ],
)
def test_a_server_keeps_the_database_and_the_protection_that_its_operator_chose(
    monkeypatch: pytest.MonkeyPatch, uri: str, difference: str
) -> None:
    monkeypatch.setenv(DESTINATION, OWN)

    with pytest.raises(MlflowException, match=f"differs from that in.*{difference}") as error:
        open_store(uri)
    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    assert ALLOWED in error.value.message

    monkeypatch.setenv(ALLOWED, "mssql")
    if difference not in {"entra", "authentication"}:  # a token stays with the servers it is for
        open_store(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "mssql://other/a?Encrypt=strict",
        "mssql://db.example:1434/a?Encrypt=strict",
        "mysql://db.example/a",
    ],
)
def test_a_server_connects_to_no_other_host(monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.setenv(DESTINATION, OWN)

    with pytest.raises(MlflowException, match="its host is not that of the server's own"):
        open_store(uri)


@pytest.mark.parametrize("own", ["sqlite:///relative.db", "mssql://db.example", "./mlruns", "C:/x"])
def test_a_location_of_the_server_that_cannot_be_read_allows_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own: str
) -> None:
    monkeypatch.setenv(DESTINATION, own)

    with pytest.raises(MlflowException, match="MLFLOW_SQLSERVER_SQLITE_FOLDERS"):
        open_store(f"sqlite:///{tmp_path}/a.db/{RUN}")


def test_a_client_opens_what_it_likes() -> None:
    open_store("mssql://other/a?Encrypt=no")


def test_a_server_opens_sqlite_files_in_the_folders_that_were_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(DESTINATION, OWN)
    location = f"sqlite:///{tmp_path}/a.db/{RUN}"
    with pytest.raises(MlflowException, match="MLFLOW_SQLSERVER_SQLITE_FOLDERS"):
        open_store(location)

    monkeypatch.setenv("MLFLOW_SQLSERVER_SQLITE_FOLDERS", f"/srv{os.pathsep}{tmp_path}")
    open_store(location)
