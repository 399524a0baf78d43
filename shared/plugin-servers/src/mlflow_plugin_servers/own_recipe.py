"""How the servers that are this package's own are started: Python programs of this folder."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, ClassVar

from mlflow_plugin_servers.__about__ import __version__
from mlflow_plugin_servers.binaries import Binaries
from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.local import Recipe
from mlflow_plugin_servers.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlflow_plugin_servers.process import Process

__all__ = ["OwnRecipe", "found", "refuse_options"]

_SETTINGS = "settings.json"


class OwnRecipe(Recipe):
    """A program that reads its settings from a file, and refuses nobody.

    Attributes:
        program: The file that is run.
    """

    program: ClassVar[Path]
    # Another user could not read the Python that runs this.
    accounts = ()
    ready_within = 20.0

    def __init__(self, settings: dict[str, str]) -> None:
        """Describe a server.

        Args:
            settings: What the program is told, secrets among it: in a file, for every user can list commands.
        """
        self.settings = settings

    def initialise(self, process: Process) -> None:
        """Write the settings."""
        process.add_file(_SETTINGS, json.dumps(self.settings))

    def command(self, folder: Path, port: int) -> list[str]:
        """Build the command."""
        # -I and -S: nothing of the environment or the installed packages reaches it.
        return [sys.executable, "-I", "-S", str(self.program), str(folder), LOOPBACK, str(port)]


def found(program: Path) -> Binaries:
    """Return a server that is part of this package."""
    return Binaries({program.name: program}, __version__, "this package")


def refuse_options(name: str, options: Mapping[str, str] | None) -> None:
    """Refuse settings for a server that has none.

    Raises:
        ServerUnavailableError: Some are given.
    """
    if options:
        message = f"failed to start: the {name} server has no option {', '.join(options)}"
        raise ServerUnavailableError(message)
