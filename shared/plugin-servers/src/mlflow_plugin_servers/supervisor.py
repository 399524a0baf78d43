"""The watchman: a small process that starts one server, and ends it when the process that asked for it is gone.

It runs as a script, by its path, with the standard library alone, so that it is up in a few milliseconds. Commands
come as JSON lines on standard input, events leave as JSON lines on standard output. Each way of dying is covered:

- The owner ends, however it ends: standard input reaches its end, or (when a forked child of the owner still holds
  the pipe) the parent is suddenly another process. The server is ended and its folder removed.
- The watchman is killed: Linux kills the server at once (PR_SET_PDEATHSIG).
- The server is killed and leaves processes behind: they fall to the watchman (PR_SET_CHILD_SUBREAPER), which ends
  them before it reports the exit, so that a restart finds the data folder unused.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from typing import Any

LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
# How often the parent is looked at; everything else wakes the loop by itself.
LOOK = 1.0
LIBC = ctypes.CDLL(None, use_errno=True) if LINUX else None


def prctl(option: int, value: int) -> None:
    """Set a property of this process, where the system has it."""
    if LIBC is not None:
        LIBC.prctl(option, value, 0, 0, 0)


def children() -> list[int]:
    """List the processes whose parent is this one."""
    mine = []
    for name in os.listdir("/proc") if LINUX else []:
        if name.isdigit():
            with (
                contextlib.suppress(OSError),
                open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as facts,
            ):
                # The command's name is in brackets and may hold anything; the parent is the second field after it.
                if int(facts.read().rpartition(")")[2].split()[1]) == os.getpid():
                    mine.append(int(name))
    return mine


class Watchman:
    """Runs one process at a time."""

    def __init__(self, owner: int, folder: str) -> None:
        """Watch over a folder.

        Args:
            owner: Process that everything ends with; it must be the parent.
            folder: Removed at the end.
        """
        self._owner = owner
        self._folder = folder
        self._server: subprocess.Popen[bytes] | None = None
        self._code: int | None = None
        self._leave_signal: int = signal.SIGKILL
        self._litter: list[str] = []
        self._kill_at = 0.0
        self._leaving = False
        self._input = b""

    def leave(self, *_: object) -> None:
        """End the server, and then this process."""
        self._leaving = True

    def run(self) -> None:
        """Work until there is nothing left to watch."""
        wake, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self.leave)
        for ignored in (signal.SIGINT, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        asked = False
        while True:
            self._reap()
            if os.getppid() != self._owner:
                self._leaving = True
            if self._leaving and self._server is None and self._code is None:
                break
            if self._leaving and not asked:
                asked = True
                self._stop(self._leave_signal, 3.0)
            if self._kill_at and time.monotonic() >= self._kill_at:
                self._signal(signal.SIGKILL)
            heard, _, _ = select.select(
                [wake] if self._leaving else [0, wake], [], [], self._patience()
            )
            if wake in heard:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake, 4096)
            if 0 in heard:
                self._listen()
        shutil.rmtree(self._folder, ignore_errors=True)
        for path in self._litter:
            with contextlib.suppress(OSError):
                os.unlink(path)  # noqa: PTH108  (pathlib takes longer to import than all of this)

    def _patience(self) -> float:
        if not self._kill_at:
            return LOOK
        return min(LOOK, max(0.0, self._kill_at - time.monotonic()) or 0.05)

    def _listen(self) -> None:
        data = os.read(0, 65536)
        if not data:
            self._leaving = True
            return
        *lines, self._input = (self._input + data).split(b"\n")
        for line in lines:
            command = json.loads(line)
            if command["do"] == "start":
                self._start(command)
            else:
                self._stop(command["signal"], command["grace"])

    def _start(self, command: dict[str, Any]) -> None:
        self._leave_signal = command["leave_signal"]
        self._litter = command["litter"]
        mine = os.getpid()

        def prepare() -> None:
            # After the change of user, which would clear the wish again; and the watchman may be gone by now.
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != mine:
                os._exit(1)

        try:
            with open(command["log"], "ab") as log:
                self._server = subprocess.Popen(
                    command["argv"],
                    cwd=self._folder,
                    env=command["env"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=prepare,  # noqa: PLW1509  (this process has one thread)
                    user=command["uid"],
                    group=command["gid"],
                    extra_groups=None if command["uid"] is None else [],
                )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self._say({"failed": str(error)})
        else:
            self._say({"pid": self._server.pid})

    def _stop(self, number: int, grace: float) -> None:
        self._kill_at = time.monotonic() + grace
        self._signal(number)

    def _signal(self, number: int) -> None:
        # Only a process that was not waited for yet: its number cannot belong to another one.
        if self._server is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._server.pid, number)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                if self._code is not None:
                    for orphan in children():
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(orphan, signal.SIGKILL)
                return
            if self._server is not None and pid == self._server.pid:
                self._code = self._server.returncode = os.waitstatus_to_exitcode(status)
                self._server = None
                self._kill_at = 0.0
        if self._code is not None:
            self._say({"exit": self._code})
            self._code = None

    def _say(self, event: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            os.write(1, json.dumps(event).encode() + b"\n")


if __name__ == "__main__":
    Watchman(int(sys.argv[1]), sys.argv[2]).run()
