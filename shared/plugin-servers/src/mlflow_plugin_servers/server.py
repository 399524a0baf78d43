"""What every server offers to a test, whether it was started here or given by its URI."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Protocol

from mlflow_plugin_servers.errors import NotOurServerError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Life", "Server"]


class Life(Protocol):
    """The process of a server, or several that live and die together; `LocalServer` is one."""

    @property
    def pid(self) -> int | None:
        """Number of its (first) process; None while it does not run."""

    @property
    def log(self) -> str:
        """The end of its log."""

    @property
    def log_path(self) -> Path:
        """The file that its log goes to."""

    def start(self) -> None:
        """Start it on the data it had and wait until it answers; does nothing while it runs."""

    def stop(self) -> None:
        """End it in order; its data stays for the next start."""

    def kill(self) -> None:
        """End it with SIGKILL; its data stays as it is."""

    def restart(self) -> None:
        """End it in order, if it runs, and start it on the same ports and data."""


class Server(ABC):
    """A running server."""

    name: ClassVar[str]

    def __init__(self, local: Life | None = None) -> None:
        """Describe a server.

        Args:
            local: Its process, when it was started here.
        """
        self._local = local

    @property
    @abstractmethod
    def uri(self) -> str:
        """Where clients connect."""

    @abstractmethod
    def facts(self) -> dict[str, str]:
        """Tell a person who runs it what there is to know: addresses, users, passwords, files.

        Returns:
            Each by its name, in the order to show them in.
        """

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that its clients look at, such as AWS_ENDPOINT_URL; none unless a kind has some."""
        return {}

    @property
    def managed(self) -> bool:
        """Whether it was started here and may be stopped and killed."""
        return self._local is not None

    @property
    def pid(self) -> int | None:
        """Number of its process; None while it does not run, and for a server not started here."""
        return self._local.pid if self._local else None

    @property
    def log(self) -> str:
        """The end of its log; empty for a server not started here."""
        return self._local.log if self._local else ""

    @property
    def log_path(self) -> Path:
        """The file that its log goes to."""
        return self._ours("read the log of").log_path

    def start(self) -> None:
        """Start it on the data it had, and wait until it answers; does nothing while it runs."""
        self._ours("start").start()

    def stop(self) -> None:
        """End it in order; its data stays for the next start."""
        self._ours("stop").stop()

    def kill(self) -> None:
        """End it as a crash would, with SIGKILL."""
        self._ours("kill").kill()

    def restart(self) -> None:
        """End it in order, if it runs, and start it on the same port and data."""
        self._ours("restart").restart()

    def _ours(self, verb: str) -> Life:
        if self._local is None:
            raise NotOurServerError(self.name, verb)
        return self._local
