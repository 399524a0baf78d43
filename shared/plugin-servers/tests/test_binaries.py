"""Looking for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlflow_plugin_servers import mariadb, postgresql
from mlflow_plugin_servers.binaries import Binaries, in_folder, newest, version_of
from mlflow_plugin_servers.errors import ServerUnavailableError

if TYPE_CHECKING:
    from pathlib import Path


def _program(folder: Path, name: str, says: str = "server (Kind) 15.8 for tests") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_a_server_tells_its_version(tmp_path: Path) -> None:
    assert version_of(_program(tmp_path, "postgres")) == "15.8"


def test_a_program_that_does_not_run_here_has_no_version(tmp_path: Path) -> None:
    broken = tmp_path / "postgres"
    broken.write_bytes(b"\x7fELF of another machine")
    broken.chmod(0o755)

    assert version_of(broken) == ""


def test_a_folder_counts_only_with_all_of_the_programs(tmp_path: Path) -> None:
    _program(tmp_path, "postgres")
    assert in_folder(tmp_path, "postgres", "initdb", origin="x") is None

    initdb = _program(tmp_path, "initdb")
    found = in_folder(tmp_path, "postgres", "initdb", origin="x")

    assert found is not None
    assert found["initdb"] == str(initdb)


def test_the_newest_version_is_chosen_by_number_and_not_by_letter() -> None:
    versions = [Binaries({}, version, "x") for version in ("9.6", "15.8", "15.10")]

    best = newest(versions)

    assert best is not None
    assert best.version == "15.10"
    assert newest([]) is None


@pytest.mark.parametrize(
    ("kind", "programs"),
    [(postgresql, ("postgres", "initdb")), (mariadb, ("mariadbd", "mariadb-install-db"))],
    ids=["postgresql", "mariadb"],
)
def test_the_environment_chooses_the_programs(
    kind: object, programs: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = postgresql if kind is postgresql else mariadb
    name = module.__name__.rpartition(".")[2]
    monkeypatch.setenv(f"MLFLOW_PLUGIN_SERVERS_{name.upper()}_BIN", str(tmp_path))
    with pytest.raises(
        ServerUnavailableError, match=f"_{name.upper()}_BIN: no working {programs[0]}"
    ):
        module.find()

    for program in programs:
        _program(tmp_path, program, "99.1")
    found = module.find()

    assert found is not None
    assert (found.version, found[programs[0]]) == ("99.1", str(tmp_path / programs[0]))
