"""The daemons of a Slurm cluster, as one thing that starts and ends."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING

from mlflow_plugin_servers import slurm_programs
from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.group import Group
from mlflow_plugin_servers.ports import LOOPBACK, free_port
from mlflow_plugin_servers.slurm_config import (
    CLUSTER,
    Shape,
    accounting_text,
    cluster_text,
    own_address,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlflow_plugin_servers.addresses import Address
    from mlflow_plugin_servers.binaries import Binaries

__all__ = ["Cluster", "SlurmCommandError", "ask"]

_LONGEST_SOCKET = 107
_PORTS_TRIED = 3
_ANSWER_WITHIN = 30.0


class SlurmCommandError(ServerUnavailableError):
    """One of Slurm's commands failed."""


class Cluster:
    """munged, slurmdbd, slurmctld and one slurmd for each node; a `Life`."""

    def __init__(
        self,
        programs: Binaries,
        database: Address | None,
        *,
        nodes: int,
        cpus: int,
        memory: int,
        port: int | None,
        options: Mapping[str, str],
    ) -> None:
        """Make the files and start the daemons.

        Args:
            programs: Slurm's programs.
            database: Where accounting is kept; None for a cluster without it.
            nodes: How many nodes.
            cpus: Processors that each is said to have.
            memory: Mebibytes that each is said to have.
            port: Port of slurmctld; a free one by default.
            options: Further settings of slurm.conf.

        Raises:
            ServerUnavailableError: It does not start.
        """
        self._programs = programs
        self._libraries = slurm_programs.library_path(programs)
        self._group = Group("slurm")
        self.folder = self._group.folder
        # munged wants its socket to be within everybody's reach, and so are jobs of root that run as somebody else.
        # Nobody can list the folder, and the files with secrets are readable by this user alone.
        self.folder.chmod(0o711)
        try:
            self.bin = self._command_folder()
            self._write_key()
            for left in range(_PORTS_TRIED - 1, -1, -1):
                self.shape = Shape(
                    folder=self.folder,
                    address=own_address() or LOOPBACK,
                    user=_user(),
                    nodes={f"node{number}": free_port() for number in range(1, nodes + 1)},
                    port=port or free_port(),
                    accounting_port=free_port() if database else None,
                    cpus=cpus,
                    memory=memory,
                    plugins=slurm_programs.plugin_folder(programs),
                    options=options,
                )
                self._write_configuration(database)
                try:
                    self.start()
                except ServerUnavailableError as error:
                    if port or left == 0 or "already in use" not in str(error):
                        raise
                    self._group.kill()
                else:
                    break
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int | None:
        """Number of slurmctld's process; None while it does not run."""
        return self._group.pids().get("slurmctld")

    @property
    def log(self) -> str:
        """The end of slurmctld's log."""
        return self._group.log("slurmctld")

    @property
    def log_path(self) -> Path:
        """The file that slurmctld's log goes to; those of the others are beside it."""
        return self._group.log_path("slurmctld")

    @property
    def path(self) -> str:
        """A PATH on which Slurm's commands are found, and all that is on this process's own."""
        own, folder = os.environ.get("PATH", os.defpath), str(self.bin)
        # The folder of the system's commands comes last, for it holds much else, such as another Python.
        return os.pathsep.join([folder, own] if self._libraries else [own, folder])

    @property
    def configuration(self) -> Path:
        """The file slurm.conf."""
        return self.folder / "slurm.conf"

    @property
    def daemons(self) -> dict[str, int]:
        """The processes that run, by name: munged, slurmdbd, slurmctld, and the nodes."""
        return self._group.pids()

    def start(self) -> None:
        """Start what does not run, and wait until all nodes are there.

        Raises:
            ServerUnavailableError: Something ends, or is not ready in time.
        """
        self._group.open()
        running = self.daemons
        if "munged" not in running:
            self._start_munge()
        if self.shape.accounting_port and "slurmdbd" not in running:
            self._start_daemon("slurmdbd", "slurmdbd", ["-D"], self.shape.accounting_port)
            # Without it slurmctld does not start.
            if CLUSTER not in self._ask("sacctmgr", "-n", "list", "cluster", "format=cluster"):
                self._ask("sacctmgr", "-i", "add", "cluster", CLUSTER)
        arguments = ["-D", "-f", str(self.configuration)]
        self._start_daemon("slurmctld", "slurmctld", arguments, self.shape.port)
        stepd = self._programs["slurmstepd"]
        for node, port in self.shape.nodes.items():
            self._start_daemon(node, "slurmd", [*arguments, "-N", node, "-d", stepd], port)
        self._group.wait("slurmctld", self._all_nodes_there)

    def stop(self, name: str | None = None) -> None:
        """End a daemon in order, or all of them, the jobs with them.

        Args:
            name: One of `daemons`; all by default.
        """
        if name is None:
            self._group.shut()
        else:
            self._group.stop(name)

    def kill(self, name: str | None = None) -> None:
        """Kill a daemon as a crash would, or all of them, the jobs with them.

        Args:
            name: One of `daemons`; all by default.
        """
        self._group.kill(name)

    def restart(self) -> None:
        """End all in order, and start them on the same ports and data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End all, and remove the folder."""
        self._group.close()

    def _start_munge(self) -> None:
        address = self.folder / "munge.socket"
        if len(str(address)) > _LONGEST_SOCKET:
            message = (
                f"{address} is too long for a socket; set TMPDIR to a folder with a shorter name"
            )
            raise ServerUnavailableError(message)
        address.unlink(missing_ok=True)
        options = [f"--socket={address}", f"--key-file={self.folder / 'munge.key'}"]
        # As many as slurmctld asks for.
        options += ["--num-threads=10", f"--pid-file={self.folder / 'munged.pid'}"]
        options += [f"--seed-file={self.folder / 'munged.seed'}"]
        self._group.start(
            "munged",
            [self._programs["munged"], "--foreground", *options],
            ready=lambda: _answers(str(address)),
            environment=self._environment(),
        )

    def _start_daemon(self, name: str, program: str, arguments: list[str], port: int) -> None:
        self._group.start(
            name,
            [self._programs[program], *arguments],
            ready=lambda: _listened_on(self.shape.address, port),
            environment=self._environment(),
        )

    def _all_nodes_there(self) -> bool:
        try:
            states = self._ask("sinfo", "-h", "-N", "-o", "%T").split()
        except ServerUnavailableError:
            return False
        return len(states) == len(self.shape.nodes) and not any(
            state.startswith(("unk", "down")) or state.endswith("*") for state in states
        )

    def _environment(self) -> dict[str, str]:
        own = {"SLURM_CONF": str(self.configuration)}
        return {**own, "LD_LIBRARY_PATH": self._libraries} if self._libraries else own

    def _ask(self, *command: str) -> str:
        return ask(self.path, self.configuration, *command)

    def _command_folder(self) -> Path:
        """Name the folder with Slurm's commands; make it of scripts where they do not find their libraries."""
        if not self._libraries:
            return self._programs.programs["sbatch"].parent
        folder = self.folder / "bin"
        folder.mkdir()
        for name, path in self._programs.programs.items():
            if name not in slurm_programs.DAEMONS:
                script = folder / name
                script.write_text(slurm_programs.wrapper(path, self._libraries), encoding="utf-8")
                script.chmod(0o755)
        return folder

    def _write_key(self) -> None:
        _write_private(self.folder / "munge.key", secrets.token_bytes(128))
        (self.folder / "state").mkdir()

    def _write_configuration(self, database: Address | None) -> None:
        self.configuration.write_text(cluster_text(self.shape), encoding="utf-8")
        if database:
            text = accounting_text(self.shape, database).encode()
            # slurmdbd looks for it beside slurm.conf.
            _write_private(self.folder / "slurmdbd.conf", text)


def ask(path: str, configuration: Path, *command: str) -> str:
    """Run one of Slurm's commands.

    Args:
        path: A PATH that they are on.
        configuration: The cluster's slurm.conf.
        command: Command and arguments.

    Returns:
        What it wrote.

    Raises:
        SlurmCommandError: It is not there, fails or takes too long; what it complained about is in the message.
    """
    program = shutil.which(command[0], path=path)
    if program is None:
        message = f"{command[0]} is not on the PATH"
        raise SlurmCommandError(message)
    try:
        done = subprocess.run(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ANSWER_WITHIN,
            check=True,
            env={**os.environ, "PATH": path, "SLURM_CONF": str(configuration)},
        )
    except subprocess.CalledProcessError as error:
        message = f"{command[0]} failed: {error.stderr or error.stdout}"
        raise SlurmCommandError(message) from error
    except subprocess.TimeoutExpired as error:
        raise SlurmCommandError(str(error)) from error
    return done.stdout


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        message = f"Slurm needs a name for its user, and the user {os.geteuid()} has none"
        raise ServerUnavailableError(message) from None


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def _listened_on(address: str, port: int) -> bool:
    """Tell without a connection, about which the daemons would complain in their logs."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return True
    return False


def _write_private(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
