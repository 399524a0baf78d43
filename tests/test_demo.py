"""The demo takes in every plugin's step, and leaves nothing running."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

import demo
import demo_server
import discover

if TYPE_CHECKING:
    from collections.abc import Callable

_STEP = """
import os

def environment(demo):
    return {"BLUE": f"{demo.folder}/blue"}

def run(demo):
    demo.look.append(os.environ["BLUE"])
"""
_STEP_WITH_SERVER = """
from demo import Row as demo_row

SERVERS = ("s3",)

def run(demo):
    demo.look.append("/gone/with/the/server")
    demo.record(demo_row("logged", demo.server("s3")))
"""

# Answers like a server, writes its number down, and does not end by itself.
_SERVER = """
import http.server, sys
class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Healthy).serve_forever()
"""
_DEMO = """
import pathlib, signal, sys
sys.path.insert(0, sys.argv[1])
import demo_server
demo_server.heed_signals()
port = demo_server.free_port()
command = [sys.executable, "-c", sys.argv[2], str(port)]
log = pathlib.Path(sys.argv[3])
with demo_server.running(command, f"http://127.0.0.1:{port}", log, {}) as pid:
    print(pid, flush=True)
    signal.pause()
"""


def test_a_file_in_a_plugins_folder_is_all_it_takes_to_take_part(
    repository: Callable[..., Path], tmp_path: Path
) -> None:
    root = repository(blue=[], green=[])
    (root / "plugins/blue/examples").mkdir()
    (root / "plugins/blue/examples/demo_step.py").write_text(_STEP)

    (step,) = demo.steps(root)
    made = demo.Demo("http://127.0.0.1:1", tmp_path, Console(), {})
    step.run(made)

    assert step.plugin.name == "mlflow-blue"
    assert step.servers == ()
    assert made.look == [f"{tmp_path}/blue"]
    assert "BLUE" not in os.environ
    assert demo.steps(root, ["green"]) == []


@pytest.mark.parametrize("found", ["the server itself", None])
def test_a_step_gets_the_server_that_it_asks_for_and_is_left_out_by_name_without_it(
    found: str | None, repository: Callable[..., Path], tmp_path: Path
) -> None:
    root = repository(blue=[])
    (root / "plugins/blue/examples").mkdir()
    (root / "plugins/blue/examples/demo_step.py").write_text(_STEP_WITH_SERVER)
    (step,) = demo.steps(root)
    server = [found] if found else "no s3: weed is not there"
    made = demo.Demo("http://127.0.0.1:1", tmp_path, Console(), {}, {"s3": server})
    made.look.append("/of/another/step")

    step.run(made)

    assert step.servers == ("s3",)
    (row,) = made.rows
    assert row.plugin == "mlflow-blue"
    assert (row.what, row.where) == (("logged", server) if found else ("left out", server))
    assert made.look == ["/of/another/step"]


def test_a_server_that_cannot_be_had_is_a_reason_and_an_error_where_it_is_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mlflow_plugin_servers.errors import ServerUnavailableError

    # Nobody listens on port 1.
    monkeypatch.setenv("MLFLOW_PLUGIN_SERVERS_S3_URI", "http://key:secret@127.0.0.1:1?region=x")
    monkeypatch.delenv("MLFLOW_PLUGIN_SERVERS_REQUIRE", raising=False)
    with ExitStack() as stack:
        reason = demo_server.other("s3", stack)
        assert reason.startswith("no s3: ")
        assert "secret" not in reason

        monkeypatch.setenv("MLFLOW_PLUGIN_SERVERS_REQUIRE", "s3")
        with pytest.raises(ServerUnavailableError):
            demo_server.other("s3", stack)


def test_the_printed_command_survives_a_shell_whatever_the_folder_is_called() -> None:
    folder = Path("/tmp/it's a folder; rm -rf")
    made = demo.Demo("http://127.0.0.1:1", folder, Console(), {"BLUE": str(folder)})

    words = shlex.split(demo.look_again(made, 5000))

    assert words[0] == f"BLUE={folder}"
    assert words[-1] == f"sqlite:///{folder}/tracking.db"
    assert words[2:5] == ["server", "--port", "5000"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_demo_that_is_told_to_end_takes_its_server_along(
    number: signal.Signals, tmp_path: Path
) -> None:
    arguments = [str(discover.ROOT / "tools"), _SERVER, str(tmp_path / "log")]
    running = subprocess.Popen(
        [sys.executable, "-c", _DEMO, *arguments], stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    with running.stdout:
        server = int(running.stdout.readline())
        os.kill(server, 0)  # raises where it does not run

        running.send_signal(number)
        code = running.wait(30)

    assert code == 128 + number
    # The demo has waited for its server, so nothing is left that a signal could be sent to.
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)


def test_a_server_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such store')"]

    with pytest.raises(RuntimeError, match="no such store"):
        with demo_server.running(command, "http://127.0.0.1:1", tmp_path / "log", {}):
            pass
