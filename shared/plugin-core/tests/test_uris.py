"""Locations are taken apart, and never printed with their secrets."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException

from mlflow_plugin_core import errors, uris

passwords = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=4).map(
    lambda text: f"geheim{text}geheim"
)
spaced_passwords = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=4).map(
    lambda text: f"geheim{text}geheim"
)


@given(password=spaced_passwords)
def test_of_a_whole_location_no_character_of_a_password_is_printed(password: str) -> None:
    text = f"postgresql://user:{password}@host/db/1"

    assert uris.redact_location(text) == "postgresql://user:***@host/db/1"
    assert "geheim" not in errors.explain("Cannot open", location=text)
    try:
        shown = str(uris.parse(text)) + repr(uris.parse(text))
    except MlflowException as error:
        shown = error.message
    assert "geheim" not in shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x://h/p?token=ab'cd geheim&a=1", "x://h/p?token=***&a=1"),
        ('x://h/p?secret=a;geheim"<#f', "x://h/p?secret=***#f"),
        (
            "x:///?o=UID%3Du%3BPWD%3D%7Bpa%7D%7Dgeheim%7D%3BE%3Dy",
            "x:///?o=UID%3Du%3BPWD%3D***%3BE%3Dy",
        ),
        ("x:///?odbc_connect=UID=u;PWD={pa}}'geheim};E=y", "x:///?odbc_connect=UID=u;PWD=***"),
        ("sqlite:////srv/a b's.db/1", "sqlite:////srv/a b's.db/1"),
        ("no location", "no location"),
    ],
)
def test_of_a_whole_location_secrets_are_hidden_to_their_end(text: str, expected: str) -> None:
    assert uris.redact_location(text) == expected
    assert uris.redact_location(expected) == expected


@given(password=passwords)
def test_a_raw_password_is_never_printed(password: str) -> None:
    text = f"cannot open mssql+pyodbc://user:{password}@host:1433/db now"

    assert password not in uris.redact(text)
    assert "geheim" not in uris.redact(text)
    assert "user:***@host" in uris.redact(text)


@given(password=passwords)
def test_an_encoded_password_is_read_and_never_printed(password: str) -> None:
    found = uris.parse(f"x://user:{quote(password, safe='')}@host/db")

    assert found.password == password
    assert quote(password, safe="") not in str(found) + repr(found)
    assert "geheim" not in str(found) + repr(found)


@given(st.text())
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    assert uris.redact(uris.redact(text)) == uris.redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "s3://bucket/x?secret_access_key=geheim&region=eu",
        "x://h/?password=geheim",
        "x://h/?a=1&X-Amz-Signature=geheim",
        "x://h/?sig=geheim&sv=1",
        "mssql:///?odbc_connect=DRIVER%3D%7Bx%7D%3BUID%3Du%3BPWD%3Dgeheim%3BEncrypt%3Dyes",
        "Driver={x};UID=u;PWD={geheim;x};Encrypt=yes",
        "DefaultEndpointsProtocol=https;AccountKey=geheim==",
        "first a://u:geheim@h and then b://v:geheim@i",
    ],
)
def test_secrets_in_queries_and_connection_strings_are_hidden(text: str) -> None:
    assert "geheim" not in uris.redact(text)


@pytest.mark.parametrize("text", ["sqlite:////srv/a.db/1", "http://host:80/x?a=1", "a: b@c", ""])
def test_a_text_without_secrets_stays_as_it_is(text: str) -> None:
    assert uris.redact(text) == text


def test_a_location_is_taken_apart() -> None:
    found = uris.parse("MSSQL+pyodbc://us%40er:p%2Fw@[::1]:1433/db/x%20y?b=2&a=%26")

    assert (found.scheme, found.username, found.password) == ("mssql+pyodbc", "us@er", "p/w")
    assert (found.host, found.port, found.path) == ("::1", 1433, "/db/x%20y")
    assert found.query == (("b", "2"), ("a", "&"))
    assert found.parameter("a") == "&"
    assert found.parameter("c") is None


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("x://u:geheim@h:port/", "port"),
        ("x://u:geheim@h:70000/", "port"),
        ("no-scheme/x", "scheme"),
        ("x://u:geheim@h/a\0b", "control"),
        ("x://u:geheim@h/a\nb", "control"),
        ("x://u:geheim%zz@h/", "hexadecimal"),
        ("x://h/?a=1&a=2", "twice"),
        ("x://[::1/", "IPv6"),
    ],
)
def test_a_location_that_cannot_be_is_refused_without_its_password(uri: str, why: str) -> None:
    with pytest.raises(MlflowException, match=why) as error:
        uris.parse(uri)

    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    assert "geheim" not in str(error.value)
