"""Starts processes that use a repository, and asks them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

__all__ = ["Process", "Processes", "name_of"]


def name_of(opener: Callable[[str], Any]) -> str:
    """Return the name by which another process imports what opens a repository.

    Args:
        opener: A function or class on the top of a module.

    Raises:
        TypeError: It has no such name.
    """
    module, name = getattr(opener, "__module__", ""), getattr(opener, "__qualname__", "<")
    if not module or "<" in name:
        message = f"{opener!r} opens repositories, and no other process can import it: define it on the top of a module"
        raise TypeError(message)
    return f"{module}:{name}"


class Process:
    """One process; it starts when it is first asked. Use it as a context manager."""

    def __init__(self, opener: Callable[[str], Any]) -> None:
        """Take note of what opens repositories.

        Args:
            opener: A function or class on the top of a module that takes a URI.
        """
        self._opener = opener
        self._running: subprocess.Popen[str] | None = None
        self._log: Any = None

    def __enter__(self) -> Self:
        """Start nothing yet."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """End it."""
        if self._running is not None:
            self._running.communicate()
            self._log.close()
            self._running = None

    def ask(self, task: str, uri: str, **given: Any) -> Any:
        """Have something done.

        Args:
            task: What; see `worker.py`.
            uri: The location.
            given: What else the task takes.

        Returns:
            The answer.

        Raises:
            AssertionError: The task ended in an error, or the process did.
        """
        running = self._running or self._start()
        request = {"opener": name_of(self._opener), "task": task, "uri": uri, "given": given}
        try:
            print(json.dumps(request), file=running.stdin, flush=True)
        except BrokenPipeError:
            line = ""
        else:
            line = running.stdout.readline() if running.stdout else ""
        if not line:
            self._log.seek(0)
            message = f"a process that used the repository ended: {self._log.read()[-4000:]}"
            raise AssertionError(message)
        answer = json.loads(line)
        if "error" in answer:
            message = f"in a process of its own: {answer['error']}"
            raise AssertionError(message)
        return answer["value"]

    def _start(self) -> subprocess.Popen[str]:
        # Modules of tests are found by the paths of this process, and not by those of a new one.
        path = os.pathsep.join(filter(None, sys.path))
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115  (as long as it runs)
        self._running = subprocess.Popen(
            [sys.executable, "-m", "mlflow_plugin_testing.artifacts.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "PYTHONPATH": path},
            text=True,
            encoding="utf-8",
        )
        return self._running


class Processes:
    """One process for each way of opening, for as long as a test class runs. Use it as a context manager."""

    def __init__(self) -> None:
        """Begin without one."""
        self._all: dict[Any, Process] = {}

    def __enter__(self) -> Self:
        """Start nothing yet."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """End them."""
        for process in self._all.values():
            process.__exit__(*exc_info)

    def of(self, opener: Callable[[str], Any]) -> Process:
        """Return the process that opens repositories in one way.

        Args:
            opener: A function or class on the top of a module.
        """
        return self._all.setdefault(opener, Process(opener))
