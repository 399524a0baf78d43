"""Options of a location: the plugin's, the driver's, and none else."""

from __future__ import annotations

import pytest
from mlflow.exceptions import MlflowException

from mlflow_sqlserver_artifacts.location import parse
from mlflow_sqlserver_artifacts.options import driver_of, split_options

OWN = ("chunk_size", "workers", "connect_timeout")


def test_options_are_parted_into_the_plugins_and_the_drivers() -> None:
    place = parse("mssql+pyodbc://h/db?driver=ODBC+Driver+18+for+SQL+Server&encrypt=yes&workers=2")

    own, passed = split_options(place, OWN, in_server=True)

    assert own == {"workers": "2"}
    # The driver's own spelling, however the location writes it.
    assert passed == {"driver": "ODBC Driver 18 for SQL Server", "Encrypt": "yes"}


@pytest.mark.parametrize(
    ("query", "nearest"),
    [("worker=2", "'workers'"), ("drivr=x", "'driver'"), ("Encrypted=yes", "'Encrypt'")],
)
def test_an_unknown_option_is_refused_with_the_nearest_name(query: str, nearest: str) -> None:
    with pytest.raises(MlflowException, match=f"did you mean {nearest}"):
        split_options(parse(f"mssql+pyodbc://h/db?{query}"), OWN, in_server=False)


@pytest.mark.parametrize("value", ["x;PWD=y", "{x}", "a\0b", "a\nb"])
def test_a_value_cannot_smuggle_another_option_in(value: str) -> None:
    from urllib.parse import quote

    place = parse(f"mssql+pyodbc://h/db?Encrypt={quote(value)}")

    with pytest.raises(MlflowException, match="Refused the value of option 'Encrypt'|control"):
        split_options(place, OWN, in_server=False)


@pytest.mark.parametrize(
    "uri",
    [
        "mssql+pyodbc://h/db?driver=/tmp/evil.so",
        "postgresql://h/db?sslcert=/etc/passwd",
        "mysql://h/db?ssl_ca=/etc/passwd",
    ],
)
def test_a_server_opens_no_file_that_a_location_names(uri: str) -> None:
    with pytest.raises(MlflowException, match="server"):
        split_options(parse(uri), OWN, in_server=True)

    assert split_options(parse(uri), OWN, in_server=False)


def test_the_default_driver_is_the_documented_one() -> None:
    assert driver_of(parse("mssql://h/db")).name == "pyodbc"
    assert driver_of(parse("postgresql://h/db")).name == "psycopg"
    assert driver_of(parse("mysql://h/db")).name == "pymysql"


def test_an_unknown_driver_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(MlflowException, match="did you mean 'pyodbc'"):
        driver_of(parse("mssql+pyodb://h/db"))
