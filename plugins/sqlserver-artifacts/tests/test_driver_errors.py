"""Drivers that are not there, do not load, or do not reach their server.

Neither Microsoft's drivers nor Azure are on the machines that run these tests: modules of the same
name take their places and note what they are called with.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException

from mlflow_sqlserver_artifacts.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


PAGE = "mssql+pyodbc://user:pass@host:1433/db?driver=ODBC+Driver+17+for+SQL+Server"


def refused(uri: str) -> MlflowException:
    """Connect, and return why that was not possible."""
    with pytest.raises(MlflowException) as error:
        open_store(uri).list_folder("")
    return error.value


@pytest.mark.parametrize(
    ("failure", "code", "words"),
    [
        (
            (
                "08001",
                (
                    "[08001] [Microsoft][ODBC Driver 18 for SQL Server]SSL Provider: "
                    "[error:0A000086:SSL routines::certificate verify failed:self-signed certificate] "
                    "(-1) (SQLDriverConnect)"
                ),
            ),
            "INVALID_PARAMETER_VALUE",
            "TrustServerCertificate=yes",
        ),
        (
            (
                "HYT00",
                (
                    "[HYT00] [Microsoft][ODBC Driver 18 for SQL Server]Login timeout expired (0) "
                    "(SQLDriverConnect)"
                ),
            ),
            "TEMPORARILY_UNAVAILABLE",
            "within 10 s (connect_timeout",
        ),
        (
            (
                "01000",
                (
                    "[01000] [unixODBC][Driver Manager]Can't open lib 'ODBC Driver 18 for SQL "
                    "Server' : file not found (0) (SQLDriverConnect)"
                ),
            ),
            "INVALID_PARAMETER_VALUE",
            "odbcinst -q -d",
        ),
        (
            (
                "IM002",
                (
                    "[IM002] [unixODBC][Driver Manager]Data source name not found and no default "
                    "driver specified (0) (SQLDriverConnect)"
                ),
            ),
            "INVALID_PARAMETER_VALUE",
            "mssql+mssqlpython",
        ),
        (
            (
                "28000",
                (
                    "[28000] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]Cannot open "
                    'database "db" requested by the login. The login failed. (4060) (SQLDriverConnect); '
                    "[28000] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]Login failed for user "
                    "'user'. (18456)"
                ),
            ),
            "RESOURCE_DOES_NOT_EXIST",
            "create the database first",
        ),
        (
            (
                "28000",
                (
                    "[28000] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]Login failed "
                    "for user 'user'. (18456) (SQLDriverConnect)"
                ),
            ),
            "UNAUTHENTICATED",
            "check user and password",
        ),
    ],
    ids=["certificate", "silent", "no driver", "no source", "no database", "wrong password"],
)
def test_what_odbc_says_at_first_contact_comes_out_at_once_with_its_remedy(
    pyodbc: ModuleType, failure: tuple[str, str], code: str, words: str
) -> None:
    pyodbc.failure = pyodbc.OperationalError(*failure)  # type: ignore[attr-defined]

    error = refused(PAGE)

    assert len(pyodbc.calls) == 1
    assert error.error_code == code
    assert words in error.message


def test_a_server_that_says_later_is_asked_again(pyodbc: ModuleType) -> None:
    pyodbc.failure = pyodbc.OperationalError(  # type: ignore[attr-defined]
        "HY000", "[HY000] Database 'db' on server 'host' is not currently available. (40613)"
    )

    error = refused(f"{PAGE}&retry_timeout=1")

    assert len(pyodbc.calls) > 1
    assert error.error_code == "TEMPORARILY_UNAVAILABLE"


def test_pymssqls_bytes_are_printed_as_text(install: Callable[..., ModuleType]) -> None:
    driver = install("pymssql")
    driver.failure = driver.OperationalError((18456, b"Login failed for user 'm\xc3\xbcller'.\n"))  # type: ignore[attr-defined]

    error = refused("mssql+pymssql://u:p@host/db")

    assert error.error_code == "UNAUTHENTICATED"
    assert "Login failed for user 'müller'." in error.message
    assert "b'" not in error.message


@pytest.mark.parametrize(
    ("uri", "module", "command"),
    [
        ("mssql://h/db", "pyodbc", "'mlflow-sqlserver-artifacts[pyodbc]'"),
        ("mssql+pymssql://h/db", "pymssql", "'mlflow-sqlserver-artifacts[pymssql]'"),
        ("mssql+mssqlpython://h/db", "mssql_python", "'mlflow-sqlserver-artifacts[mssql-python]'"),
        ("postgresql+psycopg2://h/db", "psycopg2", "psycopg2-binary"),
    ],
)
def test_a_missing_driver_is_one_sentence_with_the_command(
    uri: str, module: str, command: str
) -> None:
    if importlib.util.find_spec(module):
        pytest.skip(f"{module} is installed here")
    with pytest.raises(MlflowException) as error:
        open_store(uri)

    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    assert f"pip install {command}" in error.value.message


@pytest.mark.parametrize(
    ("uri", "module", "reason", "remedy"),
    [
        ("mssql://h/db", "pyodbc", "libodbc.so.2: cannot open shared object file", "unixodbc"),
        ("mssql+mssqlpython://h/db", "mssql_python", "libltdl.so.7: no such file", "libltdl7"),
        ("postgresql://h/db", "psycopg", "no pq wrapper available", "pip install"),
    ],
)
def test_a_driver_that_is_there_and_does_not_load_says_why(
    install: Callable[..., ModuleType], uri: str, module: str, reason: str, remedy: str
) -> None:
    with pytest.raises(ImportError):
        install(module, f"raise ImportError({reason!r})")

    with pytest.raises(MlflowException) as error:
        open_store(uri)

    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    assert "installed and cannot be loaded" in error.value.message
    assert reason in error.value.message
    assert remedy in error.value.message


def test_mssql_python_asks_for_the_sqlalchemy_that_knows_it(
    install: Callable[..., ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    install("mssql_python")
    # What SQLAlchemy 2.0 has at this place: nothing.
    monkeypatch.setitem(sys.modules, "sqlalchemy.dialects.mssql.mssqlpython", None)

    with pytest.raises(MlflowException, match="needs SQLAlchemy 2.1"):
        open_store("mssql+mssqlpython://h/db")
