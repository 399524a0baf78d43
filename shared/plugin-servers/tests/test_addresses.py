"""URLs of databases."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_plugin_servers.addresses import Address

_NAMES = st.text(min_size=1, max_size=20).filter(lambda name: name.isprintable())


@given(
    user=_NAMES,
    password=st.text(max_size=20),
    database=_NAMES.filter(lambda name: not name.startswith("/")),
)
def test_any_name_and_password_survive_being_written_and_read(
    user: str, password: str, database: str
) -> None:
    password = password.encode("utf-8", "ignore").decode()
    address = Address("127.0.0.1", 5432, user, password, database, "sslmode=disable")

    assert Address.parse(address.url("postgresql+psycopg"), 1) == address


def test_an_ipv6_address_is_written_in_brackets() -> None:
    url = Address("::1", 5432, "u", "p", "d").url("postgresql")

    assert urlsplit(url).hostname == "::1"
    assert Address.parse(url, 1).host == "::1"


def test_a_uri_without_a_port_gets_the_usual_one() -> None:
    assert Address.parse("mysql://u:p@db.example/x", 3306).port == 3306


@pytest.mark.parametrize("uri", ["", "nonsense", "postgresql:///db", "postgresql://host/db"])
def test_a_uri_without_host_or_user_is_refused_without_being_repeated(uri: str) -> None:
    with pytest.raises(ValueError, match="user:password@host") as caught:
        Address.parse(uri, 1)

    assert not uri or uri not in str(caught.value)


def test_changing_a_user_keeps_everything_else() -> None:
    address = Address("h", 1, "u", "p", "d", "q=1")

    assert address.to(user="v", password="w", port=None) == Address("h", 1, "v", "w", "d", "q=1")
    assert unquote(urlsplit(address.url("x")).path) == "/d"
