"""What is written for Slurm's daemons."""

from __future__ import annotations

import dataclasses
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mlflow_plugin_servers.addresses import Address
from mlflow_plugin_servers.binaries import Binaries
from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.slurm import SlurmServer
from mlflow_plugin_servers.slurm_cluster import SlurmCommandError, ask
from mlflow_plugin_servers.slurm_config import Shape, accounting_text, cluster_text, own_address
from mlflow_plugin_servers.slurm_programs import library_path, wrapper

# The host's own name is looked up, on this machine.
pytestmark = pytest.mark.enable_socket
SHAPE = Shape(
    folder=Path("/f"),
    address="127.0.0.1",
    user="me",
    nodes={"node1": 1001, "node2": 1002},
    port=1000,
    accounting_port=1003,
    cpus=4,
    memory=99,
    plugins=Path("/plugins"),
    options={"KillWait": "9", "MinJobAge": "2"},
)


def settings(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if not re.match("Node|Part", line))


def test_options_replace_and_join_what_is_written() -> None:
    written = settings(cluster_text(SHAPE))

    assert (written["KillWait"], written["MinJobAge"]) == ("9", "2")
    assert written["SlurmUser"] == written["SlurmdUser"] == "me"
    assert written["PluginDir"] == "/plugins"
    assert written["AccountingStoragePort"] == "1003"


def test_each_node_has_its_port() -> None:
    nodes = [line for line in cluster_text(SHAPE).splitlines() if line.startswith("NodeName")]

    assert [
        re.findall(r"NodeName=(\w+).*Port=(\d+) CPUs=4 RealMemory=99", each) for each in nodes
    ] == [
        [("node1", "1001")],
        [("node2", "1002")],
    ]


def test_without_accounting_nothing_is_said_of_it() -> None:
    plain = dataclasses.replace(SHAPE, accounting_port=None, plugins=None)
    written = settings(cluster_text(plain))

    assert not [name for name in written if name.startswith("AccountingStorage")]
    assert "PluginDir" not in written


def test_the_password_of_the_database_is_in_the_file_of_slurmdbd_alone() -> None:
    database = Address("127.0.0.1", 1, "app", "hunter2", "app")

    assert settings(accounting_text(SHAPE, database))["StoragePass"] == "hunter2"
    assert "hunter2" not in cluster_text(SHAPE)


def test_the_daemons_keep_to_loopback_where_the_name_of_the_machine_stands_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def named(address: str) -> None:
        monkeypatch.setattr(socket, "gethostbyname", lambda _: address)

    named("127.0.1.1")
    kept = dataclasses.replace(SHAPE, address=own_address())
    assert settings(cluster_text(kept))["CommunicationParameters"].endswith("NoInAddrAny")
    named("192.0.2.1")
    assert own_address() == ""
    assert "CommunicationParameters" not in settings(cluster_text(SHAPE))


def test_a_wrapper_runs_a_program_with_its_arguments_and_hands_no_libraries_on(
    tmp_path: Path,
) -> None:
    program = Path("/usr/bin/env")
    if sys.platform != "linux" or not program.is_file():
        pytest.skip("needs a program of Linux")
    script = tmp_path / "env"
    script.write_text(wrapper(program, "/some where"), encoding="utf-8")
    script.chmod(0o755)

    done = subprocess.run(
        [script, "A=b c"], capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"}
    )

    assert "A=b c\n" in done.stdout
    assert "LD_LIBRARY_PATH" not in done.stdout


def test_the_programs_of_the_system_need_no_libraries_of_their_own() -> None:
    assert library_path(Binaries({}, "1", "system")) == ""


def test_a_command_that_fails_says_what_it_complained_about(tmp_path: Path) -> None:
    command = tmp_path / "sbatch"
    command.write_text("#!/bin/sh\necho no such partition >&2; exit 1\n", encoding="utf-8")
    command.chmod(0o755)

    with pytest.raises(SlurmCommandError, match="sbatch failed: no such partition"):
        ask(f"{tmp_path}:/bin", tmp_path / "slurm.conf", "sbatch")
    with pytest.raises(SlurmCommandError, match="squeue-of-nobody is not on the PATH"):
        ask(str(tmp_path), tmp_path / "slurm.conf", "squeue-of-nobody")


def test_a_uri_that_names_no_file_is_a_reason(tmp_path: Path) -> None:
    with pytest.raises(ServerUnavailableError, match="is not the slurm.conf of a cluster"):
        SlurmServer.at(f"file://{tmp_path}/slurm.conf")
