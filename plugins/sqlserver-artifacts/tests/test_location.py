"""Locations: every form MLflow makes of one, and every form that is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.utils.uri import append_to_uri_path, get_uri_scheme

from mlflow_sqlserver_artifacts.location import DIALECTS, parse

ROOT = "1/0123456789abcdef/artifacts"
PAGE = "mssql+pyodbc://user:pass@host:1433/db?driver=ODBC+Driver+17+for+SQL+Server"

segment = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="/?#%\\;.:"),
    min_size=1,
    max_size=12,
)


def test_the_documented_example_is_taken_apart_after_mlflow_appended_to_it() -> None:
    found = parse(append_to_uri_path(PAGE, ROOT))

    assert (found.dialect, found.driver, found.host, found.port) == (
        "mssql",
        "pyodbc",
        "host",
        1433,
    )
    assert (found.database, found.root) == ("db", ROOT)
    assert (found.username, found.password) == ("user", "pass")
    assert found.query == {"driver": "ODBC Driver 17 for SQL Server"}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_mlflow_gives_every_dialect_to_this_plugin(dialect: str) -> None:
    assert get_uri_scheme(f"{dialect}+driver://host/db") == dialect


@pytest.mark.parametrize(
    "uri",
    [
        f"sqlite:////srv/m l/a.db/{ROOT}",
        f"sqlite://srv/m l/a.db/{ROOT}",  # what Python 3.10 to 3.12 make of four slashes
        f"sqlite://///srv/m l/a.db/{ROOT}/",
        append_to_uri_path("sqlite:////srv/m l/a.db", ROOT),
        append_to_uri_path(append_to_uri_path("sqlite:////srv/m l/a.db", "1"), ROOT[2:]),
    ],
)
def test_every_form_of_a_sqlite_location_is_one_path(uri: str) -> None:
    found = parse(uri)

    assert (found.database, found.root) == ("/srv/m l/a.db", ROOT)


@given(folders=st.lists(segment, min_size=1, max_size=4), root=st.lists(segment, max_size=4))
def test_any_sqlite_path_survives_mlflows_appending(folders: list[str], root: list[str]) -> None:
    database = "/" + "/".join([*folders, "a.db"])
    uri = f"sqlite:///{database}"
    appended = append_to_uri_path(uri, "/".join(root)) if root else uri

    found = parse(appended)

    assert (found.database, found.root) == (database, "/".join(root))


@given(
    database=st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1),
    password=st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1),
)
def test_any_percent_encoded_password_is_read_and_never_printed(
    database: str, password: str
) -> None:
    from urllib.parse import quote

    secret = f"s3cret{password}"
    found = parse(append_to_uri_path(f"mysql://user:{quote(secret, safe='')}@h/{database}", ROOT))

    assert found.password == secret
    assert found.database == database
    assert "s3cret" not in repr(found) + str(found)


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("sqlite:///relative.db", "relative"),
        ("sqlite:/relative.db/1", "relative"),
        ("sqlite:relative.db", "relative"),
        ("sqlite://", "relative|no part of its path"),
        ("sqlite:////srv/artifacts", "no part of its path ends in .db"),
        ("sqlite:////srv/../etc/a.db", "'..'"),
        ("sqlite:////srv/a.db/../../x", "'..'"),
        ("sqlite:////srv/a.db#x", "fragment"),
        ("mssql+pyodbc:///?odbc_connect=DRIVER%3D%7Bx%7D%3BPWD%3Dhunter22", "odbc_connect"),
        ("mssql+pyodbc://host", "no database"),
        ("mssql+pyodbc://host/", "no database"),
        ("mssql+pyodbc:///db", "no host"),
        ("mssql+pyodbc://user:hunter22@host:port/db", "port"),
        ("mssql+pyodbc://user:hunter22@host:99999/db", "port"),
        ("oracle://host/db", "not one of"),
        ("postgresql://host/db/%2e%2e/x", "artifact path"),
    ],
)
def test_a_location_that_cannot_work_is_refused_with_its_reason(uri: str, reason: str) -> None:
    with pytest.raises(MlflowException, match=reason) as error:
        parse(uri)

    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    assert "hunter22" not in str(error.value)
