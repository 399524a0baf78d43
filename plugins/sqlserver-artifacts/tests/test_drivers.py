"""What reaches each driver, to the letter: connection strings, keywords, certificates.

Neither Microsoft's drivers nor Azure are on the machines that run these tests: modules of the same
name take their places and note what they are called with.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mlflow.exceptions import MlflowException
from sqlalchemy import event

from mlflow_sqlserver_artifacts.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


PAGE = "mssql+pyodbc://user:pass@host:1433/db?driver=ODBC+Driver+17+for+SQL+Server"
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


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (
            PAGE,
            (
                "DRIVER={ODBC Driver 17 for SQL Server};Server=host,1433;Database=db;UID=user;PWD=pass;"
                "LongAsMax=Yes"
            ),
        ),
        (
            "mssql://user:p%3Bw%7D@host/db",
            f"{DRIVER_18};Server=host;Database=db;UID=user;PWD={{p;w}}}}}};LongAsMax=Yes",
        ),
        (
            "mssql://host/db",
            f"{DRIVER_18};Server=host;Database=db;Trusted_Connection=Yes;LongAsMax=Yes",
        ),
        (
            "mssql://host/db?encrypt=strict&trustservercertificate=no",
            (
                f"{DRIVER_18};Server=host;Database=db;Trusted_Connection=Yes;Encrypt=strict;"
                "TrustServerCertificate=no;LongAsMax=Yes"
            ),
        ),
        (
            f"{AZURE}?Authentication=ActiveDirectoryMsi",
            (
                f"{DRIVER_18};Server=srv.database.windows.net;Database=db;"
                "Authentication=ActiveDirectoryMsi;LongAsMax=Yes"
            ),
        ),
        (
            (
                "mssql://app:key@srv.database.windows.net/db"
                "?authentication=ActiveDirectoryServicePrincipal"
            ),
            (
                f"{DRIVER_18};Server=srv.database.windows.net;Database=db;UID=app;PWD=key;"
                "LongAsMax=Yes;authentication=ActiveDirectoryServicePrincipal"
            ),
        ),
    ],
)
def test_pyodbc_gets_this_connection_string_and_the_log_in_time_out(
    pyodbc: ModuleType, uri: str, expected: str
) -> None:
    (text,), keywords = called(pyodbc, uri)

    assert sorted(text.split(";")) == sorted(expected.split(";"))
    assert keywords == {"timeout": 10}


def test_pymssql_gets_one_protocol_version_so_that_its_time_out_counts_once(
    install: Callable[..., ModuleType],
) -> None:
    driver = install("pymssql")

    arguments, keywords = called(driver, "mssql+pymssql://user:pass@host:1433/db?connect_timeout=3")

    assert arguments == ()
    assert keywords == {
        "host": "host:1433",
        "database": "db",
        "user": "user",
        "password": "pass",
        "login_timeout": 3,
        "timeout": 300,
        "tds_version": "7.4",
    }


def keywords_of(uri: str) -> dict[str, Any]:
    """Return the keywords that SQLAlchemy hands to a driver that is installed."""
    store = open_store(uri)
    found: dict[str, Any] = {}

    def note(_dialect: object, _record: object, _positional: object, named: Any) -> None:
        found.update(named)
        raise OSError

    event.listen(store.database.engine, "do_connect", note)
    with pytest.raises(MlflowException):
        store.list_folder("")
    return found


def test_psycopg_gets_its_time_outs_and_no_prepared_statements_through_pgbouncer() -> None:
    pytest.importorskip("psycopg")
    given = keywords_of("postgresql://u:p@h:5433/db?sslmode=verify-full&statement_timeout=5")

    assert given["sslmode"] == "verify-full"
    assert (given["host"], given["port"], given["dbname"]) == ("h", 5433, "db")
    assert given["connect_timeout"] == 10
    assert (given["keepalives_idle"], given["tcp_user_timeout"]) == (30, 60_000)
    assert given["options"] == "-c statement_timeout=5000"
    assert "prepare_threshold" not in given

    bouncing = keywords_of("postgresql://u:p@h:5433/db?statement_timeout=0")
    assert bouncing["prepare_threshold"] is None
    assert "options" not in bouncing


def test_pymysql_gets_its_time_outs() -> None:
    given = keywords_of("mysql://u:p@h:3307/db?connect_timeout=4&charset=utf8mb4")

    assert (given["connect_timeout"], given["read_timeout"], given["write_timeout"]) == (4, 4, 4)
    assert (given["host"], given["port"], given["charset"]) == ("h", 3307, "utf8mb4")
    assert "ssl" not in given


@pytest.mark.parametrize(
    ("query", "mode", "checks_name"),
    [
        ("ssl_ca={ca}", ssl.CERT_REQUIRED, True),
        ("ssl_ca={ca}&ssl_verify_cert=true", ssl.CERT_REQUIRED, True),
        ("ssl_ca={ca}&ssl_verify_identity=false", ssl.CERT_REQUIRED, False),
        ("ssl_ca={ca}&ssl_verify_cert=false", ssl.CERT_NONE, False),
        ("ssl_verify_cert=true", ssl.CERT_REQUIRED, True),
        ("ssl_verify_identity=true", ssl.CERT_REQUIRED, True),
        ("ssl_verify_cert=no", ssl.CERT_NONE, False),
    ],
)
def test_pymysqls_tls_options_hold_together(
    tmp_path: Path, query: str, mode: ssl.VerifyMode, checks_name: bool
) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_bytes(_any_certificate())

    context = keywords_of(f"mysql://u:p@h/db?{query.format(ca=authority)}")["ssl"]

    assert (context.verify_mode, context.check_hostname) == (mode, checks_name)
    if "ssl_ca" in query:
        assert context.get_ca_certs()


def _any_certificate() -> bytes:
    import certifi

    text = Path(certifi.where()).read_bytes()
    end = b"-----END CERTIFICATE-----\n"
    return text.partition(end)[0].partition(b"-----BEGIN")[2].join([b"-----BEGIN", end])


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("ssl_ca=/nowhere/ca.pem", "Cannot use the TLS files.*No such file.*ssl_ca"),
        ("ssl_verify_cert=perhaps", "'ssl_verify_cert'.*true or false"),
    ],
)
def test_tls_options_that_cannot_be_used_name_themselves(query: str, words: str) -> None:
    with pytest.raises(MlflowException, match=words) as error:
        open_store(f"mysql://h/db?{query}")

    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
