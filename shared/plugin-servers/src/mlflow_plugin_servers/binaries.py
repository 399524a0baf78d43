"""Where a server's programs are on this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from mlflow_plugin_servers.errors import ServerUnavailableError

__all__ = ["Binaries", "chosen", "in_folder", "newest", "on_path", "version_of"]

_SYSTEM_FOLDERS = (
    "/usr/sbin",
    "/usr/local/sbin",
    "/usr/bin",
    "/usr/local/bin",
    "/opt/homebrew/bin",
)


@dataclass(frozen=True)
class Binaries:
    """The programs of one server.

    Attributes:
        programs: Path by name.
        version: What the server says its version is.
        origin: How it was had, for people to read.
        folder: The folder that holds all of it, where it has one to itself.
    """

    programs: dict[str, Path]
    version: str
    origin: str
    folder: Path | None = None

    def __getitem__(self, program: str) -> str:
        """Return the path of a program."""
        return str(self.programs[program])

    @property
    def size(self) -> int:
        """Bytes that it takes on the disk."""
        files = self.folder.rglob("*") if self.folder else self.programs.values()
        return sum(path.stat().st_size for path in files if path.is_file())

    @property
    def where(self) -> Path:
        """Where it is, for people to read."""
        return self.folder or next(iter(self.programs.values()))


def chosen(name: str, server: str, *others: str, ask: str = "--version") -> Binaries | None:
    """Look where the environment says, such as MLFLOW_PLUGIN_SERVERS_POSTGRESQL_BIN for `postgresql`.

    Args:
        name: Kind of server.
        server: The program that tells the version.
        others: Programs needed besides.
        ask: What the server is asked for its version with.

    Returns:
        The programs; None when the environment says nothing.

    Raises:
        ServerUnavailableError: They are not where it says, or do not run.
    """
    variable = f"MLFLOW_PLUGIN_SERVERS_{name.upper()}_BIN"
    folder = os.environ.get(variable)
    if not folder:
        return None
    found = in_folder(Path(folder), server, *others, origin="chosen", ask=ask)
    if found is None:
        message = f"{variable}: no working {' and '.join((server, *others))} in {folder}"
        raise ServerUnavailableError(message)
    return found


def in_folder(
    folder: Path, server: str, *others: str, origin: str, ask: str = "--version"
) -> Binaries | None:
    """Look for programs in one folder.

    Args:
        folder: Where to look.
        server: The program that tells the version.
        others: Programs needed besides.
        origin: How the folder was had.
        ask: What the server is asked for its version with.

    Returns:
        The programs, or None when one of them is missing or the server does not run.
    """
    programs = {name: folder / name for name in (server, *others)}
    if not all(path.is_file() for path in programs.values()):
        return None
    version = version_of(programs[server], ask)
    return Binaries(programs, version, origin) if version else None


def on_path(server: str, *others: str, ask: str = "--version") -> Binaries | None:
    """Look for programs on the PATH and where distributions put servers.

    Args:
        server: The program that tells the version.
        others: Programs needed besides.
        ask: What the server is asked for its version with.

    Returns:
        The programs, or None when one of them is missing or the server does not run.
    """
    programs: dict[str, Path] = {}
    for name in (server, *others):
        found = shutil.which(name) or shutil.which(name, path=":".join(_SYSTEM_FOLDERS))
        if found is None:
            return None
        programs[name] = Path(found)
    version = version_of(programs[server], ask)
    return Binaries(programs, version, "system") if version else None


def newest(found: list[Binaries]) -> Binaries | None:
    """Choose the newest version.

    Args:
        found: What was found.

    Returns:
        One of them, None when there are none.
    """
    return max(
        found,
        key=lambda each: [int(number) for number in re.findall(r"\d+", each.version)],
        default=None,
    )


def version_of(program: Path, ask: str = "--version") -> str:
    """Ask a server for its version.

    Args:
        program: Its path.
        ask: The argument that makes it tell.

    Returns:
        Such as `15.8`; empty when it does not run here.
    """
    try:
        done = subprocess.run(
            [str(program), ask], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    found = re.search(r"\d+(\.\d+)+", done.stdout)
    return found.group() if found else ""
