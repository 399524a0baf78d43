"""A client of any cluster that a kubeconfig leads to, by the one program that understands all of them."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from mlflow_plugin_servers.errors import ServerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Kubectl"]

_WITHIN = 60.0


class Kubectl:
    """Speaks to the API server, one process to a request."""

    def __init__(self, program: str, kubeconfig: Path) -> None:
        """Remember whom to ask.

        Args:
            program: The kubectl.
            kubeconfig: The file that it takes address and user from.
        """
        self._program = program
        self._kubeconfig = kubeconfig

    def address(self) -> str:
        """Read the address of the API server from the kubeconfig.

        Returns:
            Such as `https://127.0.0.1:6443`.

        Raises:
            ServerUnavailableError: The file cannot be read or has no current context.
        """
        shown = self._run(["config", "view", "--minify", "--output=json"])
        clusters = json.loads(shown).get("clusters") or [{}]
        return str(clusters[0].get("cluster", {}).get("server", ""))

    def get(self, path: str) -> dict[str, Any] | None:
        """Read an object or a list.

        Args:
            path: Such as `/api/v1/namespaces/default`.

        Returns:
            It; None when there is none.

        Raises:
            ServerUnavailableError: The server does not answer, or refuses this user.
        """
        try:
            found: dict[str, Any] = json.loads(self._run(["get", f"--raw={path}"]))
        except ServerUnavailableError as error:
            if "(NotFound)" in str(error):
                return None
            raise
        return found

    def create(self, path: str, thing: dict[str, Any]) -> dict[str, Any]:
        """Make an object.

        Args:
            path: Of the list that it joins.
            thing: The object.

        Returns:
            The object as it is now.

        Raises:
            ServerUnavailableError: The server does not answer, or refuses it.
        """
        written = self._run(["create", f"--raw={path}", "--filename=-"], json.dumps(thing))
        made: dict[str, Any] = json.loads(written)
        return made

    def delete(self, path: str) -> None:
        """Ask for an object to be removed; it may take a while to go.

        Args:
            path: Of the object; nothing happens when there is none.

        Raises:
            ServerUnavailableError: The server does not answer, or refuses.
        """
        try:
            self._run(["delete", f"--raw={path}"])
        except ServerUnavailableError as error:
            if "(NotFound)" not in str(error):
                raise

    def _run(self, arguments: Sequence[str], given: str = "") -> str:
        command = [self._program, f"--kubeconfig={self._kubeconfig}", *arguments]
        try:
            done = subprocess.run(
                command, input=given, capture_output=True, text=True, timeout=_WITHIN, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            message = f"kubectl cannot ask the cluster of {self._kubeconfig}: {error}"
            raise ServerUnavailableError(message) from error
        if done.returncode != 0:
            message = f"the cluster of {self._kubeconfig} refuses or does not answer: {done.stderr.strip()}"
            raise ServerUnavailableError(message)
        return done.stdout
