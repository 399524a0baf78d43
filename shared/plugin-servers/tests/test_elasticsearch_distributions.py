"""Which distribution is chosen, without starting one."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlflow_plugin_servers import install
from mlflow_plugin_servers.elasticsearch_config import Cluster, Shape, jvm_options, settings
from mlflow_plugin_servers.elasticsearch_distributions import (
    ELASTICSEARCH,
    OPENSEARCH,
    Distribution,
    find,
)
from mlflow_plugin_servers.errors import ServerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _java(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # Not in tmp_path: the users that servers of root run as must reach it.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "bin").mkdir()
        (Path(folder) / "bin" / "java").touch(0o755)
        (Path(folder) / "release").write_text('JAVA_VERSION="25.0.1"\n', encoding="utf-8")
        monkeypatch.setenv("JAVA_HOME", folder)
        yield


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(install.CACHE_VARIABLE, str(tmp_path / "cache"))
    for kind in ("ELASTICSEARCH", "OPENSEARCH"):
        for what in ("VERSION", "BIN"):
            monkeypatch.delenv(f"MLFLOW_PLUGIN_SERVERS_{kind}_{what}", raising=False)
    return tmp_path / "cache"


def _fetched(cache: Path, distribution: Distribution) -> None:
    assert distribution.artifact is not None
    sha = distribution.artifact.sha512[:8]
    folder = cache / f"{distribution.kind}-{distribution.version}-{sha}"
    (folder / f"{distribution.kind}-{distribution.version}" / "bin").mkdir(parents=True)


def _own(home: Path, version: str) -> Path:
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "elasticsearch").touch(0o755)
    (home / "lib").mkdir()
    for jar in (f"elasticsearch-{version}.jar", f"elasticsearch-core-{version}.jar"):
        (home / "lib" / jar).touch()
    return home / "bin"


def test_every_version_has_a_whole_checksum() -> None:
    for distribution in (*ELASTICSEARCH, *OPENSEARCH):
        assert distribution.artifact is not None
        assert len(bytes.fromhex(distribution.artifact.sha512)) == 64


def test_the_newest_of_those_that_were_fetched_is_found(cache: Path) -> None:
    newest, older = ELASTICSEARCH
    assert find(ELASTICSEARCH) is None

    for distribution in (older, newest):
        _fetched(cache, distribution)
        found = find(ELASTICSEARCH)

        assert found is not None
        assert found.version == distribution.version
        assert found.origin == "maven, Java 25 (JAVA_HOME)"


def test_the_version_is_chosen_by_the_argument_and_else_by_the_environment(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for distribution in ELASTICSEARCH:
        _fetched(cache, distribution)
    monkeypatch.setenv("MLFLOW_PLUGIN_SERVERS_ELASTICSEARCH_VERSION", "8")

    found = [find(ELASTICSEARCH, version) for version in (None, "9.2", "8.19")]

    assert [each.version for each in found if each] == ["8.19.5", "9.2.4", "8.19.5"]
    with pytest.raises(ServerUnavailableError, match=r"no version 9\.20 here, but 9\.2\.4, 8\.19"):
        find(ELASTICSEARCH, "9.20")


def test_the_users_own_distribution_comes_first_unless_another_version_is_asked_for(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for distribution in ELASTICSEARCH:
        _fetched(cache, distribution)
    bin_folder = _own(tmp_path / "mine", "8.20.1")
    monkeypatch.setenv("MLFLOW_PLUGIN_SERVERS_ELASTICSEARCH_BIN", str(bin_folder))

    found, other = find(ELASTICSEARCH), find(ELASTICSEARCH, "9.2")

    assert found is not None
    assert (found.version, found.folder) == ("8.20.1", tmp_path / "mine")
    assert other is not None
    assert other.version == "9.2.4"


def test_a_folder_without_the_program_is_named_with_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_PLUGIN_SERVERS_ELASTICSEARCH_BIN", str(tmp_path / "bin"))

    with pytest.raises(ServerUnavailableError, match="ELASTICSEARCH_BIN: no working elasticsearch"):
        find(ELASTICSEARCH)


def test_a_whole_distribution_fetches_nothing_and_starts_no_other_programs() -> None:
    def text(*modules: str) -> str:
        cluster = Cluster("c", Shape(), ELASTICSEARCH[0], "", [1], {}, frozenset(modules))
        return settings(cluster, 0, Path("/x"))

    assert "ingest.geoip.downloader.enabled: false" in text("ingest-geoip")
    assert "xpack.ml.enabled: false" in text("x-pack-ml")
    # What the distribution for tests does not know would keep it from starting.
    assert "geoip" not in text()
    assert "ml" not in text()


def test_a_java_without_the_vector_module_is_not_asked_for_it() -> None:
    theirs = (
        "# comment\n20-:--add-modules=jdk.incubator.vector\n-XX:+UseG1GC\n-Dkept=1\n-Xlog:gc*\n"
    )

    without = jvm_options(theirs, 'MODULES="java.base"', "256m").splitlines()
    with_it = jvm_options(theirs, 'MODULES="java.base jdk.incubator.vector"', "256m").splitlines()

    assert without[0] == "-Dkept=1"
    assert set(with_it) - set(without) == {"20-:--add-modules=jdk.incubator.vector"}
    assert {"-Xms256m", "-Xmx256m"} <= set(without)
