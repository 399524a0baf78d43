"""One server process, run under a watchman (`supervisor.py`) that ends it when this process is gone."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow_plugin_servers.errors import ServerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlflow_plugin_servers.users import Account

__all__ = ["Process"]

_SCRIPT = Path(__file__).with_name("supervisor.py")
_ANSWER_WITHIN = 30.0
_LOG_TAIL = 6_000


class Process:
    """Runs a server, at most once at a time, in a temporary folder that goes away with it."""

    def __init__(self, folder: Path, account: Account | None) -> None:
        """Start the watchman.

        Args:
            folder: Working folder and home of the server; removed at the end, whoever ends first.
            account: The user that the server runs as; None for this process's own.
        """
        self.folder = folder
        self.log_path = folder / "server.log"
        self._account = account
        self._owner = os.getpid()
        self._pid: int | None = None
        self._events = b""
        self._lock = threading.RLock()
        # -I and -S: nothing of the environment, the folder or the installed packages reaches the watchman.
        self._watchman = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_SCRIPT), str(self._owner), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            start_new_session=True,
        )

    @property
    def pid(self) -> int | None:
        """Number of the running server process; None when it does not run."""
        with self._lock:
            self._hear(0.0)
            return self._pid

    @property
    def log(self) -> str:
        """The end of what the server wrote."""
        try:
            with self.log_path.open("rb") as stream:
                stream.seek(max(0, self.log_path.stat().st_size - _LOG_TAIL))
                return stream.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def add_file(self, name: str, text: str) -> Path:
        """Write a file that the server can read, and nobody else.

        Args:
            name: Name in the folder.
            text: What it holds.

        Returns:
            Its path.
        """
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        if self._account:
            os.chown(path, self._account.uid, self._account.gid)
        return path

    def start(
        self,
        argv: Sequence[str],
        *,
        leave_signal: int = signal.SIGKILL,
        environment: Mapping[str, str] | None = None,
        litter: Sequence[Path] = (),
    ) -> None:
        """Start the server; it may not be ready when this returns.

        Args:
            argv: Command with its arguments; no secrets, for every user of the machine can list them.
            leave_signal: What ends the server when its data is wanted no more.
            environment: Added to the few variables that the server gets.
            litter: Files outside of the folder that it makes and leaves behind; removed at the end with the folder.

        Raises:
            ServerUnavailableError: The command cannot be run.
            RuntimeError: It runs already.
        """
        with self._lock:
            if self.pid is not None:
                message = f"already running as process {self._pid}"
                raise RuntimeError(message)
            home = str(self.folder)
            basics = {
                "PATH": os.defpath + ":/usr/sbin:/sbin",
                "LC_ALL": "C",
                "HOME": home,
                "TMPDIR": home,
            }
            self._tell(
                {
                    "do": "start",
                    "argv": list(argv),
                    "env": {**basics, **(environment or {})},
                    "log": str(self.log_path),
                    "uid": self._account.uid if self._account else None,
                    "gid": self._account.gid if self._account else None,
                    "leave_signal": int(leave_signal),
                    "litter": list(map(str, litter)),
                }
            )
            event = self._hear(_ANSWER_WITHIN, "pid", "failed")
            if event is None or "failed" in event:
                reason = event["failed"] if event else "the watchman does not answer"
                who = self._account.name if self._account else "this user"
                message = f"cannot run {argv[0]} as {who}: {reason}"
                raise ServerUnavailableError(message)

    def run(self, argv: Sequence[str], timeout: float = 120.0) -> None:
        """Run a command to its end, under the same care.

        Args:
            argv: Command with its arguments.
            timeout: Seconds it may take.

        Raises:
            ServerUnavailableError: It cannot be run, fails, or takes too long; what it wrote is in the message.
        """
        with self._lock:
            self.start(argv)
            event = self._hear(timeout, "exit")
            if event is None:
                self.kill()
            if event is None or event["exit"] != 0:
                how = (
                    f"failed with exit code {event['exit']}"
                    if event
                    else f"took more than {timeout:.0f} s"
                )
                message = f"{Path(argv[0]).name} {how}:\n{self.log}"
                raise ServerUnavailableError(message)

    def stop(self, number: int = signal.SIGTERM, grace: float = 20.0) -> None:
        """End the server with a signal, and with SIGKILL when that does not help; return when it is gone.

        Args:
            number: The signal.
            grace: Seconds between the two.

        Raises:
            TimeoutError: It is still there, SIGKILL or not.
        """
        with self._lock:
            if self.pid is None:
                return
            self._tell({"do": "stop", "signal": int(number), "grace": grace})
            if self._hear(grace + _ANSWER_WITHIN, "exit") is None:
                message = f"process {self._pid} does not end"
                raise TimeoutError(message)

    def kill(self) -> None:
        """Kill the server and whatever it started, as a crash would; return when all of it is gone."""
        self.stop(signal.SIGKILL, 0.0)

    def close(self) -> None:
        """End the server and the watchman, and remove the folder; a forked copy of this object does nothing."""
        if os.getpid() != self._owner:
            return
        with self._lock:
            with contextlib.suppress(OSError):
                if self._watchman.stdin:
                    self._watchman.stdin.close()
            try:
                self._watchman.wait(_ANSWER_WITHIN)
            except subprocess.TimeoutExpired:
                self._watchman.kill()
                self._watchman.wait()
            if self._watchman.stdout:
                self._watchman.stdout.close()
            self._pid = None
            # The watchman did this already, unless somebody killed it.
            shutil.rmtree(self.folder, ignore_errors=True)

    def _tell(self, command: dict[str, Any]) -> None:
        if os.getpid() != self._owner:
            message = (
                f"the server belongs to process {self._owner}, which alone can start and stop it"
            )
            raise RuntimeError(message)
        if self._watchman.stdin is None or self._watchman.stdin.closed:
            message = "the server was closed for good"
            raise RuntimeError(message)
        # A dead watchman is told by the missing answer.
        with contextlib.suppress(BrokenPipeError):
            self._watchman.stdin.write(json.dumps(command).encode() + b"\n")
            self._watchman.stdin.flush()

    def _hear(self, timeout: float, *wanted: str) -> dict[str, Any] | None:
        """Take in events until one of the wanted came, or no more come within the time."""
        deadline = time.monotonic() + timeout
        stream = self._watchman.stdout
        if os.getpid() != self._owner or stream is None or stream.closed:
            return None
        while True:
            while b"\n" in self._events:
                line, _, self._events = self._events.partition(b"\n")
                event: dict[str, Any] = json.loads(line)
                if "pid" in event:
                    self._pid = event["pid"]
                elif "exit" in event:
                    self._pid = None
                if any(name in event for name in wanted):
                    return event
            # poll and not select, which fails in a process with more than 1,024 open files.
            poll = select.poll()
            poll.register(stream, select.POLLIN)
            ready = poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
            data = os.read(stream.fileno(), 65536) if ready else b""
            if not data:
                if ready:  # The end of the stream: a killed watchman, and its server went with it.
                    self._pid = None
                return None
            self._events += data
