"""Slurm: a whole cluster on one machine, as root or as any user."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from mlflow_plugin_servers import mariadb, slurm_programs
from mlflow_plugin_servers.catalog import Entry
from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.server import Server
from mlflow_plugin_servers.slurm_cluster import Cluster, ask

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from mlflow_plugin_servers.binaries import Binaries

__all__ = ["ENTRY", "SlurmServer", "find", "prepare", "slurm"]

NODES, CPUS, MEMORY = 2, 4, 4096


class SlurmServer(Server):
    """A cluster: its slurm.conf, and the commands that work with it."""

    name = "slurm"

    def __init__(self, configuration: Path, cluster: Cluster | None = None) -> None:
        """Describe a cluster.

        Args:
            configuration: Its slurm.conf.
            cluster: Its daemons, when they were started here.
        """
        super().__init__(cluster)
        self.configuration = configuration
        self._cluster = cluster

    @classmethod
    def at(cls, uri: str) -> SlurmServer:
        """Take a cluster that is there already; Slurm's commands must be on the PATH.

        Args:
            uri: Its slurm.conf, such as `file:///etc/slurm/slurm.conf`.

        Returns:
            The cluster.

        Raises:
            ServerUnavailableError: There is no such file, or the cluster does not answer.
        """
        path = Path(unquote(urlsplit(uri).path))
        if not path.is_file():
            message = f"{path} is not the slurm.conf of a cluster; the form is file:///etc/slurm/slurm.conf"
            raise ServerUnavailableError(message)
        try:
            ask(os.environ.get("PATH", os.defpath), path, "scontrol", "show", "config")
        except ServerUnavailableError as error:
            message = f"the slurm cluster of {path} does not answer: {error}"
            raise ServerUnavailableError(message) from error
        return cls(path)

    @property
    def uri(self) -> str:
        """The cluster's slurm.conf."""
        return self.configuration.as_uri()

    @property
    def environment(self) -> dict[str, str]:
        """SLURM_CONF, and a PATH on which Slurm's commands are found."""
        path = self._cluster.path if self._cluster else os.environ.get("PATH", os.defpath)
        return {"SLURM_CONF": str(self.configuration), "PATH": path}

    @property
    def daemons(self) -> dict[str, int]:
        """The processes that run, by name: munged, slurmdbd, slurmctld, node1, node2 and so on."""
        self._ours("list the processes of")
        return self._cluster.daemons if self._cluster else {}

    def facts(self) -> dict[str, str]:
        """Tell what there is to know; see the base class."""
        commands = str(self._cluster.bin) if self._cluster else "on the PATH"
        return {"configuration": str(self.configuration), "commands": commands}

    def command(self, *words: str) -> str:
        """Run one of Slurm's commands, such as `command("squeue", "--json")`.

        Args:
            words: Command and arguments.

        Returns:
            What it wrote.

        Raises:
            SlurmCommandError: It fails; what it complained about is in the message.
        """
        return ask(self.environment["PATH"], self.configuration, *words)

    def stop(self, daemon: str | None = None) -> None:
        """End a daemon in order, or all of them, and then the jobs too; `start` starts what is missing.

        Args:
            daemon: One of `daemons`; all by default.
        """
        self._ours("stop")
        if self._cluster:
            self._cluster.stop(daemon)

    def kill(self, daemon: str | None = None) -> None:
        """Kill a daemon as a crash would, or all of them, and then the jobs too.

        Args:
            daemon: One of `daemons`; all by default.
        """
        self._ours("kill")
        if self._cluster:
            self._cluster.kill(daemon)


def find() -> Binaries | None:
    """Look for Slurm on this machine; see `slurm_programs.find`."""
    return slurm_programs.find()


def prepare(*, required: bool = True) -> Binaries:
    """Make sure that Slurm is there, and MariaDB, which accounting needs.

    Args:
        required: Whether MariaDB may be installed. Slurm itself is fetched in any case, for that touches only the
            user's cache.

    Returns:
        Slurm's programs.

    Raises:
        ServerUnavailableError: They cannot be had; the message says what to install.
    """
    mariadb.prepare(required=required)
    return _programs()


@contextlib.contextmanager
def slurm(
    *,
    options: Mapping[str, str] | None = None,
    port: int | None = None,
    nodes: int = NODES,
    cpus: int = CPUS,
    memory: int = MEMORY,
    accounting: bool = True,
    required: bool = False,
) -> Iterator[SlurmServer]:
    """Run a Slurm cluster of one's own. All of it, jobs included, runs as the user of this process.

    Args:
        options: Settings of slurm.conf.
        port: Port of slurmctld on loopback; a free one by default.
        nodes: How many nodes, all of them on this machine: node1, node2 and so on.
        cpus: Processors that each node is said to have; the machine may have fewer.
        memory: Mebibytes that each node is said to have.
        accounting: Whether it keeps records, without which `sacct` and `sacctmgr` do not work. They are kept by
            slurmdbd in a MariaDB of the cluster's own.
        required: Whether everything is done to have it.

    Yields:
        The running cluster, all nodes idle.

    Raises:
        ServerUnavailableError: It cannot be had or does not start.
    """
    programs = _programs()
    with contextlib.ExitStack() as stack:
        database = None
        if accounting:
            database = stack.enter_context(mariadb.mariadb(required=required)).address
        cluster = Cluster(
            programs,
            database,
            nodes=nodes,
            cpus=cpus,
            memory=memory,
            port=port,
            options=options or {},
        )
        stack.callback(cluster.close)
        yield SlurmServer(cluster.configuration, cluster)


def _programs() -> Binaries:
    if sys.platform != "linux":
        message = "Slurm runs on Linux only; elsewhere give the URI of a cluster's slurm.conf"
        raise ServerUnavailableError(message)
    return slurm_programs.find() or slurm_programs.fetch()


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nodes", type=int, default=NODES, help="how many nodes")
    parser.add_argument("--cpus", type=int, default=CPUS, help="processors of each node")
    parser.add_argument("--memory", type=int, default=MEMORY, help="mebibytes of each node")
    parser.add_argument(
        "--no-accounting",
        dest="accounting",
        action="store_false",
        help="do without sacct, and without MariaDB",
    )


ENTRY = Entry(slurm, SlurmServer.at, prepare, find, _arguments)
