"""Node.js as it is found, and the list of packages as it is shipped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlflow_plugin_servers import npm, oidc
from mlflow_plugin_servers.users import Account


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH and a cache with nothing in them."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("MLFLOW_PLUGIN_SERVERS_CACHE", str(tmp_path / "cache"))
    return folder


def put(folder: Path, name: str, version: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\necho v{version}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(("version", "does"), [("20.20.2", False), ("22.11.0", True)])
def test_a_node_that_is_too_old_is_not_taken(version: str, does: bool, programs: Path) -> None:
    put(programs, "node", version)
    put(programs, "npm", "10.9.0")
    found = npm.find_node()
    assert (found is not None) is does
    assert found is None or (found.node, found.npm) == (
        programs / "node",
        (str(programs / "npm"),),
    )


def test_a_node_without_npm_is_not_taken(programs: Path) -> None:
    put(programs, "node", "22.11.0")
    assert npm.find_node() is None


def test_a_node_that_the_servers_user_cannot_reach_is_not_taken(programs: Path) -> None:
    put(programs, "node", "22.11.0")
    put(programs, "npm", "10.9.0")
    programs.chmod(0o700)
    assert npm.find_node(Account("somebody", 54321, 54321)) is None


def test_each_package_has_a_checksum_and_none_an_address() -> None:
    lock = Path(oidc.__file__).with_name("oidc_provider") / "package-lock.json"
    packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    del packages[""]
    assert len(packages) > 10
    assert all(facts["integrity"].startswith("sha512-") for facts in packages.values())
    assert not any("resolved" in facts for facts in packages.values())
