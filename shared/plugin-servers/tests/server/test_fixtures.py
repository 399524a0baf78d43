"""The fixtures in pytest runs of their own."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import alive, eventually

from mlflow_plugin_servers.ports import LOOPBACK, free_port

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

_OPTIONS = ("-p", "no:cacheprovider", "-p", "no:randomly", "-rs")
_USE = "def test_it(mariadb_uri):\n    pass\n"


@pytest.fixture
def dead_uri(monkeypatch: pytest.MonkeyPatch) -> str:
    uri = f"mysql://user:hunter2@{LOOPBACK}:{free_port()}/db"
    monkeypatch.setenv("MLFLOW_PLUGIN_SERVERS_MARIADB_URI", uri)
    return uri


@pytest.mark.usefixtures("dead_uri")
def test_a_server_that_cannot_be_had_is_a_skip_with_the_reason(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_PLUGIN_SERVERS_REQUIRE", "postgresql")
    pytester.makepyfile(_USE)

    result = pytester.runpytest_subprocess(*_OPTIONS)

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines("*no mariadb: *does not answer*Connection refused*")
    assert "hunter2" not in result.stdout.str()


@pytest.mark.usefixtures("dead_uri")
@pytest.mark.parametrize("wanted", ["all", "mariadb", "postgresql, mariadb"])
def test_a_required_server_that_cannot_be_had_is_a_failure(
    wanted: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_PLUGIN_SERVERS_REQUIRE", wanted)
    pytester.makepyfile(_USE)

    result = pytester.runpytest_subprocess(*_OPTIONS)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        "*mariadb is required (MLFLOW_PLUGIN_SERVERS_REQUIRE)*does not answer*"
    )
    assert "hunter2" not in result.stdout.str()


def test_all_tests_of_a_session_share_one_server_and_none_shares_a_database(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        seen = []

        def test_one(postgresql_server, postgresql_uri):
            seen.append((postgresql_server.pid, postgresql_uri))

        def test_two(postgresql_server, postgresql_uri):
            assert seen[0][0] == postgresql_server.pid
            assert seen[0][1] != postgresql_uri
        """
    )

    pytester.runpytest_subprocess(*_OPTIONS).assert_outcomes(passed=2)


def test_a_proxy_stands_before_a_server_for_one_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import psycopg, pytest

        def test_it(postgresql_server, tcp_proxy):
            proxy = tcp_proxy(postgresql_server.port)
            uri = postgresql_server.url(port=proxy.port).replace("+psycopg", "")
            with psycopg.connect(uri) as connection:
                proxy.cut()
                with pytest.raises(psycopg.OperationalError):
                    connection.execute("SELECT 1")
        """
    )

    pytester.runpytest_subprocess(*_OPTIONS).assert_outcomes(passed=1)


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_killed_pytest_leaves_neither_server_nor_data(
    kind: str, pytester: pytest.Pytester
) -> None:
    notes = pytester.path / "notes"
    pytester.makepyfile(
        f"""
        import time
        from pathlib import Path

        def test_it({kind}_server):
            text = f"{{{kind}_server.pid}} {{{kind}_server.log_path.parent}}\\n"
            Path({str(notes)!r}).write_text(text)
            time.sleep(600)
        """
    )
    run = subprocess.Popen([sys.executable, "-m", "pytest", *_OPTIONS], stdout=subprocess.DEVNULL)
    assert eventually(lambda: notes.exists() and notes.read_text().endswith("\n"), within=60)
    pid, folder = notes.read_text().split()
    assert alive(int(pid))

    run.kill()
    run.wait()

    assert eventually(lambda: not alive(int(pid)) and not Path(folder).exists(), within=10)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_person_gets_a_running_server_that_ends_on_request(number: signal.Signals) -> None:
    # A shell that runs these tests in the background has them, and what they start, ignore Ctrl-C.
    heeding = "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    program = f"{heeding}runpy.run_module('mlflow_plugin_servers', run_name='__main__')"
    command = [sys.executable, "-c", program, "postgresql", "--option", "work_mem=7MB"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout is not None
        first = run.stdout.readline()
        pid = int(first.split("process ")[1].split()[0])
        uri = run.stdout.readline().split()[1]
        assert uri.startswith("postgresql+psycopg://app:")
        while "Ctrl-C" not in run.stdout.readline():
            pass

        run.send_signal(number)
        rest = run.stdout.read()

    assert run.returncode == 0
    assert "its data is removed" in rest
    assert not alive(pid)


def test_prepare_tries_each_server_and_prints_what_it_found() -> None:
    command = [sys.executable, "-m", "mlflow_plugin_servers", "prepare", "postgresql"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)

    header, row = done.stdout.splitlines()
    assert header.split() == ["server", "version", "origin", "MB", "start", "where"]
    assert row.split()[0] == "postgresql"


def test_prepare_fails_when_a_server_cannot_be_had_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_PLUGIN_SERVERS_MARIADB_BIN", "/nowhere")
    command = [sys.executable, "-m", "mlflow_plugin_servers", "prepare", "mariadb"]

    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)

    assert done.returncode == 1
    assert "no working mariadbd" in done.stdout
