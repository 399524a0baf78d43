"""The first process of a group: it starts the others, in order, and ends them in reverse.

It runs as a script, by its path, with the standard library alone, under the watchman (`supervisor.py`). Commands come
through a socket in the group's folder, one JSON line to a connection, and each is answered by one.

Isolated, which only root on Linux can, the group has processes, mounts and a network of its own. Then the kernel itself
ends every process of it, takes its mounts down and removes its links as soon as this one is gone, however it went.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG = 1
CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x20000000, 0x40000000
MS_BIND, MS_REC, MS_SLAVE = 4096, 16384, 1 << 19
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
LIBC = ctypes.CDLL(None, use_errno=True) if LINUX else None


def call(name: str, *arguments: object) -> None:
    """Call the C library, and raise what it complains about."""
    if getattr(LIBC, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def die_with_parent(parent: int) -> None:
    """Have Linux kill this process when its parent is gone."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # In a process namespace of its own the parent, which is outside, has the number 0.
    if os.getppid() not in {parent, 0}:
        os._exit(1)


def isolate(hidden: dict[str, str], emptied: list[str], folder: str) -> None:
    """Go on as the first process of new namespaces; the old one waits outside for its end.

    Args:
        hidden: Files that are replaced by ones with these words.
        emptied: Folders that are replaced by empty ones.
        folder: Where the replacements of files are kept.
    """
    made = [path for path in emptied if not Path(path).exists()]
    for path in made:
        Path(path).mkdir(parents=True)
    mounts = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    call("unshare", CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET)
    # What is mounted outside still appears inside, and nothing that is mounted inside appears outside.
    call("mount", b"none", b"/", None, MS_REC | MS_SLAVE, None)
    outside = os.getpid()
    first = os.fork()
    if first:
        signal.signal(signal.SIGTERM, lambda *_: os.kill(first, signal.SIGTERM))
        _, status = os.waitpid(first, 0)
        call("setns", mounts, CLONE_NEWNS)
        for path in made:
            with contextlib.suppress(OSError):
                Path(path).rmdir()
        os._exit(0 if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0 else 1)
    os.close(mounts)
    die_with_parent(outside)
    call("mount", b"proc", b"/proc", b"proc", 0, None)
    for path in emptied:
        call("mount", b"none", os.fsencode(path), b"tmpfs", 0, None)
    for number, (path, text) in enumerate(hidden.items()):
        if Path(path).exists():
            substitute = Path(folder, f"hidden-{number}")
            substitute.write_text(text, encoding="ascii")
            call("mount", bytes(substitute), os.fsencode(path), None, MS_BIND, None)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


class Runner:
    """Runs the members of a group."""

    def __init__(self, folder: str, outside: int, leftovers: list[str]) -> None:
        """Listen for commands.

        Args:
            folder: Folder of the group.
            outside: Descriptor of the network that tests run in.
            leftovers: Trees of empty folders that are removed when all members are gone.
        """
        self._folder = folder
        self._outside = outside
        self._leftovers = leftovers
        self._members: dict[str, subprocess.Popen[bytes]] = {}
        self._kill_at: dict[str, float] = {}
        self._waiting: list[tuple[str, socket.socket]] = []
        self._leaving = False
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # A relative path, because such addresses are short; renamed once it answers.
        os.chdir(folder)
        self._listener.bind("control.new")
        self._listener.listen(16)
        Path("control.new").rename("control")

    def run(self) -> None:
        """Work until asked to leave."""
        wake, wake_write = os.pipe()
        for end in (wake, wake_write):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._leave)
        for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(ignored, signal.SIG_IGN)
        while not self._leaving:
            self._reap()
            inputs: list[Any] = [self._listener, wake]
            heard, _, _ = select.select(inputs, [], [], self._patience())
            if wake in heard:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake, 4096)
            if self._listener in heard:
                self._serve(self._listener.accept()[0])
        self._end()

    def _leave(self, *_: object) -> None:
        self._leaving = True

    def _patience(self) -> float | None:
        if not self._kill_at:
            return None
        return max(0.0, min(self._kill_at.values()) - time.monotonic())

    def _serve(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            line = stream.readline()
        command: dict[str, Any] = json.loads(line) if line else {"do": "nothing"}
        if command["do"] == "stop" and command["name"] in self._members:
            self._kill_at[command["name"]] = time.monotonic() + command["grace"]
            # Popen's own way would count the process out, unseen by `_reap`.
            os.kill(self._members[command["name"]].pid, command["signal"])
            self._waiting.append((command["name"], connection))
            return
        if command["do"] == "start":
            self._answer(connection, self._start(command))
        else:
            pids = {name: member.pid for name, member in self._members.items()}
            self._answer(connection, {"pids": pids})

    def _start(self, command: dict[str, Any]) -> dict[str, Any]:
        mine = os.getpid()
        descriptors = [self._outside] if command["outside"] else []
        argv = [str(self._outside) if word == "@outside@" else word for word in command["argv"]]
        try:
            with open(command["log"], "ab") as log:
                member = subprocess.Popen(
                    argv,
                    cwd=self._folder,
                    env={**os.environ, **command["environment"]},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    pass_fds=descriptors,
                    preexec_fn=lambda: die_with_parent(mine),  # noqa: PLW1509  (one thread)
                )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            return {"failed": str(error)}
        self._members[command["name"]] = member
        return {"pid": member.pid}

    def _reap(self) -> None:
        for name, due in list(self._kill_at.items()):
            if time.monotonic() >= due:
                os.kill(self._members[name].pid, signal.SIGKILL)
                self._kill_at[name] = time.monotonic() + 0.5
        gone = {}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            gone[pid] = os.waitstatus_to_exitcode(status)
        for name, member in list(self._members.items()):
            if member.pid in gone:
                member.returncode = gone[member.pid]
                del self._members[name]
                self._kill_at.pop(name, None)
        for entry in list(self._waiting):
            if entry[0] not in self._members:
                self._waiting.remove(entry)
                self._answer(entry[1], {"stopped": entry[0]})

    def _end(self) -> None:
        for member in reversed(list(self._members.values())):
            member.kill()
            member.wait()
        if os.getpid() == 1:
            # Whatever they started: no other process has so small a world.
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                while True:
                    os.wait()
        for tree in self._leftovers:
            for path, _, _ in os.walk(tree, topdown=False):
                with contextlib.suppress(OSError):
                    Path(path).rmdir()

    @staticmethod
    def _answer(connection: socket.socket, answer: dict[str, Any]) -> None:
        with connection, contextlib.suppress(OSError):
            connection.sendall(json.dumps(answer).encode() + b"\n")


def main() -> None:
    """Read what is asked for and do it."""
    with open(sys.argv[1], encoding="utf-8") as stream:
        plan = json.load(stream)
    die_with_parent(os.getppid())
    outside = -1
    try:
        if plan["isolated"]:
            outside = os.open("/proc/self/ns/net", os.O_RDONLY)
            isolate(plan["hidden"], plan["emptied"], plan["folder"])
        for tree in plan["leftovers"]:
            Path(tree).mkdir(parents=True, exist_ok=True)
        for command in plan["first"]:
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as error:
        # Containers and sandboxes often have a root without the rights that namespaces take.
        sys.exit(f"what the group needs for itself cannot be had here: {error}")
    Runner(plan["folder"], outside, plan["leftovers"]).run()


if __name__ == "__main__":
    main()
