"""Fetching from Maven repositories, tried with a Maven that only makes files."""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from mlflow_plugin_servers import install, maven
from mlflow_plugin_servers.errors import ServerUnavailableError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(install.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def distribution(tmp_path: Path) -> Path:
    """A zip file with one folder in it, as servers come."""
    path = tmp_path / "distribution.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, mode in (("server-1.0/bin/server", 0o755), ("server-1.0/lib/server.jar", 0o644)):
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            archive.writestr(member, "content")
    return path


@pytest.fixture
def wanted(distribution: Path) -> maven.Artifact:
    sha512 = hashlib.sha512(distribution.read_bytes()).hexdigest()
    return maven.Artifact("org.example", "server", "1.0", sha512)


def _mvn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """Put an `mvn` on the PATH that takes notes and finds the folder of the repository it is given as $repository."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "mvn"
    program.write_text(
        f"""#!/bin/sh
echo "$*" >> {folder}/calls
for word; do case "$word" in -Dmaven.repo.local=*) repository="${{word#*=}}";; esac; done
mkdir -p "$repository/org/example/server/1.0"
{script}
""",
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return folder / "calls"


def _serves(distribution: Path) -> str:
    return f'cp {distribution} "$repository/org/example/server/1.0/server-1.0.zip"'


def test_an_artifact_is_fetched_once_and_unpacked_without_a_copy_of_the_file(
    tmp_path: Path,
    distribution: Path,
    wanted: maven.Artifact,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = _mvn(tmp_path, monkeypatch, _serves(distribution))
    assert maven.unpacked(wanted) is None

    first, second = maven.artifact(wanted), maven.artifact(wanted)

    assert first == second == maven.unpacked(wanted)
    assert first.name == "server-1.0"
    assert "-Dartifact=org.example:server:1.0:zip" in calls.read_text(encoding="utf-8")
    assert len(calls.read_text(encoding="utf-8").splitlines()) == 1
    assert list((tmp_path / "cache").rglob("*.zip")) == []
    assert not home.exists()


def test_programs_may_be_executed_and_nothing_may_be_written_to(
    tmp_path: Path, distribution: Path, wanted: maven.Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    _mvn(tmp_path, monkeypatch, _serves(distribution))

    folder = maven.artifact(wanted)

    assert (folder / "bin" / "server").stat().st_mode & 0o777 == 0o555
    assert (folder / "lib" / "server.jar").stat().st_mode & 0o777 == 0o444


def test_a_file_with_another_checksum_is_refused_and_leaves_nothing(
    tmp_path: Path, wanted: maven.Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("server-1.0/bin/server", "changed")
    _mvn(tmp_path, monkeypatch, _serves(other))

    with pytest.raises(ServerUnavailableError, match="org.example:server:1.0:zip has the checksum"):
        maven.artifact(wanted)

    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".lock"]


def test_a_fetch_that_fails_says_why(
    tmp_path: Path, wanted: maven.Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    _mvn(tmp_path, monkeypatch, "echo no route to the repository; exit 1")

    with pytest.raises(ServerUnavailableError, match="no route to the repository"):
        maven.artifact(wanted)


def test_a_file_in_the_repository_of_the_user_is_used_without_maven(
    distribution: Path,
    wanted: maven.Artifact,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    own = home / ".m2" / "repository" / wanted.path
    own.parent.mkdir(parents=True)
    own.write_bytes(distribution.read_bytes())
    monkeypatch.setenv("PATH", str(tmp_path))

    assert (maven.artifact(wanted) / "bin" / "server").read_text(encoding="utf-8") == "content"
    assert own.exists()


def test_without_maven_the_package_to_install_is_named(
    wanted: maven.Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    for required in (False, True):
        with pytest.raises(ServerUnavailableError, match=r"(?s)Maven.*install .*maven"):
            maven.artifact(wanted, required=required)
