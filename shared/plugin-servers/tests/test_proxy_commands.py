"""The proxy as a person runs it, in a process of its own."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from echoing import echo

from mlflow_plugin_servers.__main__ import main
from mlflow_plugin_servers.ports import LOOPBACK, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.enable_socket

# Who runs these tests in the background ignores Ctrl-C, and so would what they start.
_HEEDING = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('mlflow_plugin_servers', run_name='__main__')"
)


class _Run:
    """A proxy in a process, and a person in front of it."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port

    def type(self, line: str) -> str:
        """Type a line and return the status behind it, so that it was obeyed when this returns."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\nstatus\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def ask(self, client: socket.socket, text: bytes) -> bytes:
        client.sendall(text)
        return client.recv(100)


@contextlib.contextmanager
def _proxy(*options: str) -> Iterator[_Run]:
    with echo() as port:
        command = [sys.executable, "-c", _HEEDING, "proxy", "--to", str(port), *options]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stdout is not None
                place, _, target = process.stdout.readline().partition(" leads to ")
                assert target == f"{LOOPBACK}:{port}\n"
                assert "Type help" in process.stdout.readline()
                yield _Run(process, int(place.rpartition(":")[2]))
            finally:
                process.kill()


def _connect(run: _Run) -> socket.socket:
    return socket.create_connection((LOOPBACK, run.port), timeout=10)


def test_what_is_asked_for_at_the_start_holds_from_the_first_connection_on() -> None:
    port = free_port()
    options = ("--delay", "0.2", "--corrupt-after", "1", "--answers", "--port", str(port))
    with _proxy(*options) as run, _connect(run) as client:
        began = time.monotonic()

        assert run.port == port
        assert run.ask(client, b"abc") == b"a\x9dc"
        assert time.monotonic() - began >= 0.4


def test_faults_come_and_go_while_it_runs() -> None:
    with _proxy() as run:
        with _connect(run) as client:
            assert run.ask(client, b"abc") == b"abc"
            assert "1 connections, 1 round trips, 3 bytes sent, 3 received" in run.type("rate 7")
            assert "delay 0.5 s, rate 7" in run.type("delay 0.5")
            assert "1 cuts" in run.type("cut")
            with pytest.raises(ConnectionResetError):
                run.ask(client, b"abc")
        run.type("refuse")
        with pytest.raises(ConnectionResetError), _connect(run) as client:
            run.ask(client, b"abc")
        assert "delay 0 s, rate as it can" in run.type("heal")
        with _connect(run) as client:
            run.type("cut-after 2 answers")
            with pytest.raises(ConnectionResetError):
                while True:
                    run.ask(client, b"abc")
        # All of the second question passed, and so much of its answer.
        assert "6 bytes sent, 5 received, 3 cuts" in run.type("")


def test_words_that_it_does_not_know_are_answered_with_those_that_it_does() -> None:
    with _proxy() as run:
        for line in ("dely 1", "delay", "delay x", "cut now", "cut-after 3 questions", "'"):
            assert run.type(line) == f"not understood: {line}\n"
            assert run.process.stdout is not None
            while "0 connections" not in run.process.stdout.readline():
                pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_it_ends_on_request_and_says_what_passed(number: signal.Signals) -> None:
    with _proxy() as run:
        with _connect(run) as client:
            run.ask(client, b"abc")

        run.process.send_signal(number)
        rest, _ = run.process.communicate(timeout=20)

        assert run.process.returncode == 0
        assert "3 bytes sent, 3 received" in rest


def test_a_port_that_is_taken_is_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        port = other.getsockname()[1]

        assert main(["proxy", "--to", "1", "--port", str(port)]) == 1

    assert f"cannot listen on {LOOPBACK}:{port}" in capsys.readouterr().err
