"""Finds the Pythons of this machine, without downloading any."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from discover import PYTHONS


def extend_path() -> None:
    """Put on the PATH what pyenv and uv installed without saying so there."""
    folders = [Path(sys.base_prefix, "bin")]
    # pyenv's shims answer "command not found" for versions that are there and not active.
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    folders += [path for minor in PYTHONS for path in sorted(pyenv.glob(f"{minor}*/bin"))]
    os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], *map(str, folders)])


def available() -> list[str]:
    """Return the supported interpreters of this machine, the oldest first."""
    this = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = [item for item in PYTHONS if item == this or _runs(f"python{item}")]
    return found or [this]


def _runs(command: str) -> bool:
    for folder in os.environ["PATH"].split(os.pathsep):
        path = shutil.which(command, path=folder)
        if path:
            done = subprocess.run([path, "-c", ""], capture_output=True, check=False)
            if done.returncode == 0:
                return True
    return False
