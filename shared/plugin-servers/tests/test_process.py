"""Processes under a watchman, tried by killing real ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from waiting import alive, eventually

from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.process import Process
from mlflow_plugin_servers.users import make_folder, unprivileged

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")

# A server that has started another process, writes both numbers down and stays.
_SERVER = ["/bin/sh", "-c", "sleep 600 & echo child $!; echo ready; wait"]
_STUBBORN = ["/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 600; done"]


@pytest.fixture
def process() -> Iterator[Process]:
    account = unprivileged("nobody")
    made = Process(make_folder("servers-test-", account), account)
    yield made
    made.close()


def _child(log: Path) -> int:
    assert eventually(lambda: log.exists() and "ready" in log.read_text())
    return int(log.read_text().split()[1])


def _pid(process: Process) -> int:
    assert process.pid is not None
    return process.pid


def test_a_stopped_process_is_gone_with_the_processes_it_left_behind(process: Process) -> None:
    process.start(_SERVER)
    server, child = _pid(process), _child(process.log_path)

    process.stop()

    assert process.pid is None
    assert not alive(server)
    assert not alive(child)


def test_a_process_that_ignores_the_signal_is_killed_after_the_grace_time(process: Process) -> None:
    process.start(_STUBBORN)
    server = _pid(process)
    assert eventually(lambda: "ready" in process.log)

    process.stop(grace=0.1)

    assert not alive(server)


def test_a_process_that_somebody_else_kills_is_seen_to_be_gone_and_can_be_started_again(
    process: Process,
) -> None:
    process.start(_SERVER)
    first, child = _pid(process), _child(process.log_path)

    os.kill(first, signal.SIGKILL)

    assert eventually(lambda: process.pid is None)
    assert not alive(child)
    process.start(_SERVER)
    assert _pid(process) != first


def test_starting_what_runs_already_is_an_error(process: Process) -> None:
    process.start(_SERVER)

    with pytest.raises(RuntimeError, match="already running"):
        process.start(_SERVER)


def test_a_command_that_fails_shows_what_it_wrote(process: Process) -> None:
    with pytest.raises(ServerUnavailableError, match="(?s)exit code 3.*disk is on fire"):
        process.run(["/bin/sh", "-c", "echo the disk is on fire; exit 3"])


def test_a_command_that_takes_too_long_is_ended(process: Process) -> None:
    with pytest.raises(ServerUnavailableError, match="more than 0 s"):
        process.run(["/bin/sleep", "600"], timeout=0.1)

    assert process.pid is None


def test_a_command_that_is_not_there_is_named(process: Process) -> None:
    with pytest.raises(ServerUnavailableError, match=r"cannot run /nowhere/postgres.*No such file"):
        process.start(["/nowhere/postgres"])


def test_closing_ends_the_process_and_removes_its_folder(process: Process) -> None:
    process.start(_STUBBORN)
    server = _pid(process)

    process.close()

    assert not alive(server)
    assert not process.folder.exists()
    with pytest.raises(RuntimeError, match="closed for good"):
        process.start(_SERVER)


def test_a_forked_copy_neither_ends_the_process_nor_starts_another(process: Process) -> None:
    process.start(_SERVER)
    server = _pid(process)

    if (child := os.fork()) == 0:
        process.close()
        try:
            process.stop()
        except RuntimeError:
            os._exit(0)
        os._exit(0 if process.pid == server else 1)
    os.waitpid(child, 0)

    assert alive(server)
    assert process.pid == server


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
def test_the_process_of_root_runs_as_the_other_user_without_any_group_of_root(
    process: Process,
) -> None:
    process.run(["/usr/bin/id"])

    assert "nobody" in process.log
    assert "root" not in process.log


def test_the_environment_of_the_tests_does_not_reach_the_server(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "--from-the-tests")

    process.run(["/usr/bin/env"])

    assert "PGOPTIONS" not in process.log
    assert f"HOME={process.folder}" in process.log


_OWNER = """
import os, sys, time
from mlflow_plugin_servers.process import Process
from mlflow_plugin_servers.users import make_folder, unprivileged
account = unprivileged("nobody")
process = Process(make_folder("servers-test-", account), account)
process.start({server!r})
{more}
print(process.pid, process._watchman.pid, process.folder, flush=True)
time.sleep(600)
"""
_FORK = "os.fork() or (time.sleep(25), os._exit(0))"


def _owner(more: str = "") -> tuple[subprocess.Popen[str], int, int, Path]:
    code = _OWNER.format(server=_SERVER, more=more)
    # Into a file: a forked child of the owner would keep a pipe open.
    with tempfile.TemporaryFile("w+") as output:
        owner = subprocess.Popen([sys.executable, "-c", code], stdout=output, text=True)

        def said() -> list[str]:
            output.seek(0)
            return output.read().splitlines()

        assert eventually(lambda: bool(said()))
        server, watchman, folder = said()[0].split()
    return owner, int(server), int(watchman), Path(folder)


@pytest.mark.parametrize(
    "more", ["", _FORK], ids=["alone", "with a forked child that holds the pipe"]
)
def test_when_its_owner_is_killed_the_server_goes_and_so_does_its_folder(more: str) -> None:
    owner, server, watchman, folder = _owner(more)
    child = _child(folder / "server.log")

    owner.kill()
    owner.wait()

    assert eventually(
        lambda: not alive(server) and not alive(child) and not alive(watchman), within=10
    )
    assert not folder.exists()


def test_when_the_watchman_is_killed_the_server_goes_with_it(process: Process) -> None:
    process.start(_SERVER)
    server = _pid(process)

    os.kill(process._watchman.pid, signal.SIGKILL)

    assert eventually(lambda: not alive(server), within=5)
    assert process.pid is None


def test_a_watchman_that_is_asked_to_end_ends_the_server_first() -> None:
    owner, server, watchman, folder = _owner()

    os.kill(watchman, signal.SIGTERM)

    assert eventually(lambda: not alive(server) and not alive(watchman), within=10)
    assert not folder.exists()
    owner.kill()
    owner.wait()


def test_files_that_the_server_leaves_outside_of_its_folder_go_with_it(
    process: Process, tmp_path: Path
) -> None:
    left, kept = tmp_path / "left.sock", tmp_path / "kept"
    left.touch()
    kept.touch()
    process.start(_SERVER, litter=[left, tmp_path / "never made"])
    process.kill()
    assert left.exists()

    process.close()

    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
