"""The life of a server on this machine, whatever kind it is."""

from __future__ import annotations

import os
import signal
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.ports import LOOPBACK, free_port, listened_on
from mlflow_plugin_servers.process import Process
from mlflow_plugin_servers.users import make_folder, unprivileged

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["LocalServer", "Recipe"]

_LOOK_EVERY = 0.02
_PORTS_TRIED = 3


class Recipe(ABC):
    """What a kind of server has to say for itself.

    Attributes:
        name: Name of the kind.
        accounts: Users to run as when this process is root, in order of preference; empty for root itself.
        stop_signal: What ends it in order.
        leave_signal: What ends it fast when its data is wanted no more.
        stop_within: Seconds that this may take before it is killed.
        ready_within: Seconds that a start may take.
    """

    name: str
    accounts: tuple[str, ...] = ("nobody",)
    stop_signal: int = signal.SIGTERM
    leave_signal: int = signal.SIGKILL
    stop_within: float = 20.0
    ready_within: float = 60.0

    def initialise(self, process: Process) -> None:  # noqa: B027  (most need more than this, some do not)
        """Make the data and the configuration, inside the process's folder."""

    @abstractmethod
    def command(self, folder: Path, port: int) -> list[str]:
        """Build the command that serves on a port of loopback, from data below a folder.

        Asked for each start. It stays in the foreground, and holds no secrets: every user of the machine can list it.
        """

    def environment(self, folder: Path) -> Mapping[str, str]:
        """Return the variables that it needs besides PATH, LC_ALL, HOME and TMPDIR, such as JAVA_HOME."""
        del folder
        return {}

    def litter(self) -> list[Path]:
        """Name the files outside of the folder that it leaves, such as sockets in /tmp; asked after `command`."""
        return []

    @abstractmethod
    def ready(self, port: int) -> bool:
        """Tell whether it answers its administrator; once it did not, this is asked again.

        It is asked many times in a second, so it gives up fast and leaves nothing behind.
        """


class LocalServer:
    """A server process with its data, on one port for its whole life."""

    def __init__(self, recipe: Recipe, port: int | None = None) -> None:
        """Make the data and start the server.

        Args:
            recipe: How this is done.
            port: Port to serve on; a free one by default.

        Raises:
            ServerUnavailableError: It does not start; the end of its log is in the message.
        """
        if os.name != "posix":
            message = (
                f"{recipe.name} is started here on Linux and macOS only; elsewhere give its URI"
            )
            raise ServerUnavailableError(message)
        account = unprivileged(*recipe.accounts) if recipe.accounts else None
        self._recipe = recipe
        self._process = Process(make_folder(f"mlflow-{recipe.name}-", account), account)
        self.port = port or free_port()
        try:
            recipe.initialise(self._process)
            self._start_on_some_port(1 if port else _PORTS_TRIED)
        except BaseException:
            self._process.close()
            raise

    @property
    def pid(self) -> int | None:
        """Number of its process; None while it does not run."""
        return self._process.pid

    @property
    def log(self) -> str:
        """The end of its log."""
        return self._process.log

    @property
    def log_path(self) -> Path:
        """The file that its log goes to."""
        return self._process.log_path

    @property
    def folder(self) -> Path:
        """Where everything of it is."""
        return self._process.folder

    def start(self) -> None:
        """Start it on the data it had and wait until it answers; does nothing while it runs.

        Raises:
            ServerUnavailableError: It ends, or does not answer in time.
        """
        if self._process.pid is not None:
            return
        if listened_on(self.port):
            # Else a stranger would be asked whether it is ready.
            message = f"{LOOPBACK}:{self.port} is already in use"
            raise ServerUnavailableError(message)
        command = self._recipe.command(self._process.folder, self.port)
        self._process.start(
            command,
            leave_signal=self._recipe.leave_signal,
            environment=self._recipe.environment(self._process.folder),
            litter=self._recipe.litter(),
        )
        deadline = time.monotonic() + self._recipe.ready_within
        while not self._recipe.ready(self.port):
            if self._process.pid is None:
                message = f"{self._recipe.name} ended while it started:\n{self.log}"
                raise ServerUnavailableError(message)
            if time.monotonic() > deadline:
                self._process.kill()
                message = (
                    f"{self._recipe.name} did not answer within {self._recipe.ready_within:.0f} s:"
                    f"\n{self.log}"
                )
                raise ServerUnavailableError(message)
            time.sleep(_LOOK_EVERY)

    def stop(self) -> None:
        """End it in order; its data stays for the next start."""
        self._process.stop(self._recipe.stop_signal, self._recipe.stop_within)

    def kill(self) -> None:
        """End it as a crash would, with SIGKILL; its data stays as it is."""
        self._process.kill()

    def restart(self) -> None:
        """End it in order, if it runs, and start it on the same port and data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End it and remove its data."""
        self._process.close()

    def _start_on_some_port(self, tries: int) -> None:
        for left in range(tries - 1, -1, -1):
            try:
                self.start()
            except ServerUnavailableError as error:
                # Somebody took the port after it was chosen; each server says so in the words of the C library.
                if left == 0 or "already in use" not in str(error):
                    raise
                self.port = free_port()
            else:
                return
