"""Signing in to SQL Server with a token: which one, how, and to which servers.

Neither Microsoft's drivers nor Azure are on the machines that run these tests: modules of the same
name take their places and note what they are called with.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from mlflow.exceptions import MlflowException

from mlflow_sqlserver_artifacts.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


AZURE = "mssql+pyodbc://srv.database.windows.net/db"
DRIVER_18 = "DRIVER={ODBC Driver 18 for SQL Server}"


def refused(uri: str) -> MlflowException:
    """Connect, and return why that was not possible."""
    with pytest.raises(MlflowException) as error:
        open_store(uri).list_folder("")
    return error.value


def called(driver: ModuleType, uri: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Connect, and return what the driver was called with, once."""
    refused(uri)
    (call,) = driver.calls
    return call  # type: ignore[no-any-return]


def test_pyodbc_gets_an_entra_token_and_no_other_way_to_sign_in(
    pyodbc: ModuleType, identity: ModuleType
) -> None:
    (text,), keywords = called(pyodbc, f"{AZURE}?entra=true&connect_timeout=7")

    assert text == (f"{DRIVER_18};Server=srv.database.windows.net;Database=db;LongAsMax=Yes")
    token = "token-1".encode("utf-16-le")
    assert keywords == {
        "timeout": 7,
        "attrs_before": {1256: len(token).to_bytes(4, "little") + token},
    }
    assert identity.scopes == ["https://database.windows.net/.default"]


def test_mssql_python_gets_its_connection_string_and_the_token_beside_the_time_out(
    install: Callable[..., ModuleType], identity: ModuleType
) -> None:
    pytest.importorskip("sqlalchemy.dialects.mssql.mssqlpython")
    driver = install("mssql_python")

    (text,), keywords = called(
        driver, "mssql+mssqlpython://srv.database.windows.net:1433/db?entra=true&Encrypt=yes"
    )

    assert text == "Server=srv.database.windows.net,1433;Database=db;Encrypt=yes"
    assert keywords["attrs_before"][103] == 10
    assert keywords["attrs_before"][1256].endswith("token-1".encode("utf-16-le"))
    assert keywords.keys() == {"attrs_before"}
    assert len(identity.scopes) == 1


@pytest.mark.parametrize(
    ("host", "scope"),
    [
        ("a.database.windows.net", "https://database.windows.net/.default"),
        ("A.Database.Windows.Net", "https://database.windows.net/.default"),
        ("a.database.fabric.microsoft.com", "https://database.windows.net/.default"),
        ("a.database.chinacloudapi.cn", "https://database.chinacloudapi.cn/.default"),
        ("a.database.usgovcloudapi.net", "https://database.usgovcloudapi.net/.default"),
        ("a.database.cloudapi.de", "https://database.cloudapi.de/.default"),
        ("own.example", "https://database.windows.net/.default"),
    ],
)
def test_each_cloud_gets_a_token_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
    pyodbc: ModuleType,
    identity: ModuleType,
    host: str,
    scope: str,
) -> None:
    monkeypatch.setenv("MLFLOW_SQLSERVER_HOST", "own.example")

    called(pyodbc, f"mssql://{host}/db?entra=true")

    assert identity.scopes == [scope]


@pytest.mark.parametrize(
    "host",
    ["evil.example", "database.windows.net.evil.example", "evildatabase.windows.net", "[::1]"],
)
@pytest.mark.parametrize("query", ["entra=true", "authentication=ActiveDirectoryMsi"])
@pytest.mark.usefixtures("pyodbc")
def test_no_token_is_sent_to_a_strange_server(identity: ModuleType, host: str, query: str) -> None:
    with pytest.raises(MlflowException, match="MLFLOW_SQLSERVER_HOST=") as error:
        open_store(f"mssql://{host}/db?{query}")

    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    assert identity.scopes == []


def test_each_new_connection_gets_a_new_token(pyodbc: ModuleType, identity: ModuleType) -> None:
    for _ in range(2):
        refused(f"{AZURE}?entra=true")

    sent = [keywords["attrs_before"][1256][4:].decode("utf-16-le") for _, keywords in pyodbc.calls]
    assert sent == ["token-1", "token-2"]
    assert len(identity.scopes) == 2


@pytest.mark.usefixtures("pyodbc")
def test_a_token_that_cannot_be_had_says_why(identity: ModuleType) -> None:
    identity.failing.append(True)

    error = refused(f"{AZURE}?entra=true")

    assert error.error_code == "UNAUTHENTICATED"
    assert "no identity on this machine" in error.message


@pytest.mark.usefixtures("pyodbc")
def test_entra_without_its_package_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)

    with pytest.raises(MlflowException, match=r"pip install 'mlflow-sqlserver-artifacts\[entra\]'"):
        open_store(f"{AZURE}?entra=true")


@pytest.mark.usefixtures("pyodbc", "identity")
@pytest.mark.parametrize(
    ("uri", "ways"),
    [
        ("mssql://me@a.database.windows.net/d?entra=true", "entra and a user name"),
        ("mssql://me:pw@a.database.windows.net/d?entra=true", "entra and a user name"),
        (f"{AZURE}?entra=true&Authentication=ActiveDirectoryMsi", "entra and Authentication"),
        (f"{AZURE}?entra=true&Trusted_Connection=yes", "entra and Trusted_Connection"),
    ],
)
def test_two_ways_to_sign_in_exclude_each_other(uri: str, ways: str) -> None:
    with pytest.raises(MlflowException, match=f"{ways} exclude each other") as error:
        open_store(uri)

    assert error.value.error_code == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize(
    "uri", ["sqlite:////srv/a.db", "mysql://u:p@h/d", "mssql+pymssql://u:p@h/d"]
)
def test_entra_in_the_environment_is_for_the_drivers_that_take_a_token(
    monkeypatch: pytest.MonkeyPatch, install: Callable[..., ModuleType], uri: str
) -> None:
    install("pymssql")
    monkeypatch.setenv("MLFLOW_SQLSERVER_ENTRA", "true")

    assert not open_store(uri).database.target.entra


@pytest.mark.parametrize("uri", ["mysql://h/d?entra=true", "mssql+pymssql://h/d?entra=true"])
def test_entra_in_the_location_of_another_driver_is_refused(uri: str) -> None:
    with pytest.raises(MlflowException, match="takes no Microsoft Entra token"):
        open_store(uri)
