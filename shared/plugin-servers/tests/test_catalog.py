"""Kinds of servers by name, without starting one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mlflow_plugin_servers import catalog
from mlflow_plugin_servers.catalog import SERVERS, Entry


@pytest.mark.parametrize("name", list(SERVERS))
def test_each_kind_has_an_entry_that_can_be_looked_up(name: str) -> None:
    assert isinstance(SERVERS[name], Entry)


def test_a_kind_that_nobody_knows_is_not_there() -> None:
    assert "oracle" not in SERVERS
    with pytest.raises(KeyError, match="oracle"):
        _ = SERVERS["oracle"]


def test_pytest_starts_without_the_modules_of_any_kind_or_anything_they_need(
    tmp_path: Path,
) -> None:
    program = (
        "import sys, pytest\n"
        "class Look:\n"
        "    def pytest_configure(self, config):\n"
        "        assert config.pluginmanager.hasplugin('mlflow_plugin_servers')\n"
        "        print('loaded:', *sorted(sys.modules))\n"
        "pytest.main(['--fixtures', '-q', '-p', 'no:cacheprovider', '--rootdir=.'], [Look()])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True, cwd=tmp_path
    )

    (loaded,) = [line for line in done.stdout.splitlines() if line.startswith("loaded:")]
    costly = {"psycopg", "pymysql", "trustme", "cryptography", "boto3", "kubernetes"}
    assert "private_postgresql_server" in done.stdout
    assert costly.isdisjoint(loaded.split())
    assert {f"mlflow_plugin_servers.{name}" for name in SERVERS}.isdisjoint(loaded.split())


def test_what_is_required_is_named_or_all(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, wanted in (
        ("", set()),
        ("mariadb", {"mariadb"}),
        ("mariadb, postgresql", {"mariadb", "postgresql"}),
        ("all", set(SERVERS)),
    ):
        monkeypatch.setenv(catalog.REQUIRE_VARIABLE, value)
        assert {name for name in SERVERS if catalog.required(name)} == wanted
