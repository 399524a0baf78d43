"""Several processes that make up one server: started in order, ended in reverse, gone when the test run is."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.process import Process
from mlflow_plugin_servers.users import make_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["OUTSIDE", "Group", "Isolation"]

# In a command: the number of an open file, the network that the tests run in.
OUTSIDE = "@outside@"

_SCRIPT = Path(__file__).with_name("group_runner.py")
_ANSWER_WITHIN = 60.0
_LOOK_EVERY = 0.02
_LOG_TAIL = 4_000
# The path of a socket has 104 bytes on some systems, and members have sockets in the folder too.
_LONGEST = 80


@dataclass(frozen=True)
class Isolation:
    """Namespaces for a group: processes, mounts and a network of its own. Needs root on Linux.

    Attributes:
        hidden: Files that the group sees replaced by these words, and may write to: a setting of the kernel that a
            program insists on changing then stays as it is.
        emptied: Folders that the group sees empty, and may write to.
        leftovers: Folders made for the group, outside of its own, that are removed with all empty ones below them.
        first: Commands that run before any member, each to its end, such as those that make links.
    """

    hidden: Mapping[str, str] = field(default_factory=dict)
    emptied: Sequence[str] = ()
    leftovers: Sequence[str] = ()
    first: Sequence[Sequence[str]] = ()


class Group:
    """A folder and the processes that work in it."""

    def __init__(self, name: str, isolation: Isolation | None = None) -> None:
        """Make the folder and start the first process, which starts the others.

        Args:
            name: Beginning of the folder's name.
            isolation: What the group has to itself; by default nothing.

        Raises:
            ServerUnavailableError: It does not start; for an isolated one root's rights may be missing.
        """
        self._name = name
        self._isolation = isolation
        self._process = Process(make_folder(f"mlflow-{name}-", None), None)
        self.folder = self._process.folder
        if len(str(self.folder)) > _LONGEST:
            self.close()
            message = f"{self.folder} is too long a path for sockets; set TMPDIR to a shorter one"
            raise ServerUnavailableError(message)
        try:
            self.logs = self.folder / "logs"
            self.logs.mkdir()
            self.open()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int | None:
        """Number of the first process; None when the group does not run."""
        return self._process.pid

    def open(self) -> None:
        """Start the first process, unless it runs."""
        if self.pid is not None:
            return
        control = self.folder / "control"
        control.unlink(missing_ok=True)
        chosen = self._isolation or Isolation()
        plan = {
            "folder": str(self.folder),
            "isolated": self._isolation is not None,
            "hidden": dict(chosen.hidden),
            "emptied": list(chosen.emptied),
            "leftovers": list(chosen.leftovers),
            "first": [list(each) for each in chosen.first],
        }
        path = self.folder / "plan.json"
        path.write_text(json.dumps(plan), encoding="utf-8")
        self._process.start(
            [sys.executable, "-I", "-S", str(_SCRIPT), str(path)], leave_signal=signal.SIGTERM
        )
        deadline = time.monotonic() + _ANSWER_WITHIN
        while not control.exists():
            if self._process.pid is None or time.monotonic() > deadline:
                message = f"the processes of {self._name} cannot be started:\n{self._process.log}"
                raise ServerUnavailableError(message)
            time.sleep(_LOOK_EVERY)

    def start(
        self,
        name: str,
        argv: Sequence[str],
        *,
        ready: Callable[[], bool] = lambda: True,
        within: float = 60.0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start a member and wait until it is ready; does nothing while it runs.

        Args:
            name: Its name; its log has the same.
            argv: Command with its arguments; no secrets, for every user of the machine can list them.
            ready: Tells whether it is.
            within: Seconds that this may take.
            environment: Added to the few variables that it gets.

        Raises:
            ServerUnavailableError: It cannot be run, ends, or is not ready in time; the end of its log is in it.
        """
        if name in self.pids():
            return
        answer = self._ask(
            do="start",
            name=name,
            argv=list(argv),
            environment=dict(environment or {}),
            log=str(self.log_path(name)),
            outside=OUTSIDE in argv,
        )
        if "failed" in answer:
            message = f"cannot run {argv[0]}: {answer['failed']}"
            raise ServerUnavailableError(message)
        self.wait(name, ready, within)

    def wait(self, name: str, ready: Callable[[], bool], within: float = 60.0) -> None:
        """Wait for something that a member brings about.

        Args:
            name: The member.
            ready: Tells whether it came about.
            within: Seconds that this may take.

        Raises:
            ServerUnavailableError: The member ended, or the time is over; the end of its log is in the message.
        """
        deadline = time.monotonic() + within
        while not ready():
            if name not in self.pids():
                message = f"{name} ended while {self._name} started:\n{self.log(name)}"
                raise ServerUnavailableError(message)
            if time.monotonic() > deadline:
                message = f"{name} was not ready within {within:.0f} s:\n{self.log(name)}"
                raise ServerUnavailableError(message)
            time.sleep(_LOOK_EVERY)

    def pids(self) -> dict[str, int]:
        """List the members that run.

        Returns:
            The number of each process, as the group sees it, in the order in which they were started.
        """
        if self._process.pid is None:
            return {}
        pids: dict[str, int] = self._ask(do="list").get("pids", {})
        return pids

    def stop(self, name: str, number: int = signal.SIGTERM, grace: float = 10.0) -> None:
        """End a member; return when it is gone.

        Args:
            name: Its name; nothing happens when it does not run.
            number: The signal that asks it to end.
            grace: Seconds until it is killed.
        """
        if self._process.pid is not None:
            self._ask(do="stop", name=name, signal=int(number), grace=grace)

    def kill(self, name: str | None = None) -> None:
        """Kill a member as a crash would, or the whole group; return when all of it is gone.

        Args:
            name: The member; all by default.
        """
        if name is None:
            self._process.kill()
        else:
            self.stop(name, signal.SIGKILL)

    def log_path(self, name: str) -> Path:
        """Name the file that a member's log goes to.

        Args:
            name: The member.

        Returns:
            The file.
        """
        return self.logs / f"{name}.log"

    def log(self, name: str) -> str:
        """Read the end of a member's log.

        Args:
            name: The member.

        Returns:
            The text; empty when there is none.
        """
        try:
            with self.log_path(name).open("rb") as stream:
                stream.seek(max(0, os.fstat(stream.fileno()).st_size - _LOG_TAIL))
                return stream.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def shut(self) -> None:
        """End all members, the last one first, and the first process; the folder stays."""
        for name in reversed(self.pids()):
            self.stop(name)
        self._process.stop()

    def close(self) -> None:
        """End all of it, and remove the folder."""
        self._process.close()
        for tree in self._isolation.leftovers if self._isolation else ():
            # Done already, unless the group was killed.
            for path, _, _ in os.walk(tree, topdown=False):
                with contextlib.suppress(OSError):
                    Path(path).rmdir()

    def _ask(self, **command: Any) -> dict[str, Any]:
        """Send a command to the first process and wait for its answer; none when it is gone."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_ANSWER_WITHIN)
            try:
                connection.connect(str(self.folder / "control"))
                connection.sendall(json.dumps(command).encode() + b"\n")
                with connection.makefile("rb") as stream:
                    line = stream.readline()
            except OSError as error:
                if self._process.pid is not None:
                    message = f"the processes of {self._name} are out of control: {error}"
                    raise ServerUnavailableError(message) from error
                line = b""
        answer: dict[str, Any] = json.loads(line) if line else {"failed": "its group was killed"}
        return answer
