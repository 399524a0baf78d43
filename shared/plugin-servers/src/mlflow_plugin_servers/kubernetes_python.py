"""An image with this very Python and packages from the index: no engine, no other distribution, no other version."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_plugin_servers import install
from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.kubernetes_images import write_archive

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PYTHON", "python_archive"]

PYTHON = "localhost/python:1"
_PACKAGES = "/opt/packages"
_LEFT_OUT = shutil.ignore_patterns(
    "site-packages", "dist-packages", "test", "tests", "idlelib", "ensurepip", "__pycache__", "*.a"
)


def python_archive(requirements: Sequence[str], name: str) -> Path:
    """Make an image, once for each user and list of packages.

    Args:
        requirements: What to install, as pip reads it.
        name: Name with a tag.

    Returns:
        The archive to load.

    Raises:
        ServerUnavailableError: The packages cannot be fetched.
    """
    wanted = repr((sorted(requirements), name, sys.version, _interpreter()))
    digest = hashlib.sha256(wanted.encode()).hexdigest()[:12]

    def fill(folder: Path) -> None:
        root = folder / "root"
        packages = root / _PACKAGES[1:]
        packages.mkdir(parents=True)
        (root / "tmp").mkdir()
        (root / "tmp").chmod(0o1777)
        _copy_python(root)
        if requirements:
            install.python_packages(packages, *requirements)
        libraries = _copy_libraries(root)
        _compile(root)
        environment = {
            "PYTHONPATH": _PACKAGES,
            "LD_LIBRARY_PATH": ":".join(sorted({str(path.parent) for path in libraries})),
            "HOME": "/root",
        }
        write_archive(root, name, folder / "image.tar", environment=environment)
        shutil.rmtree(root)

    return install.once(f"python-image-{digest}", fill) / "image.tar"


def _interpreter() -> str:
    """Find the program behind any virtual environment."""
    found = getattr(sys, "_base_executable", sys.executable)
    return os.path.realpath(found)


def _copy_python(root: Path) -> None:
    """Copy the interpreter and its library to where they are, since it finds the one by the place of the other."""
    program, library = Path(_interpreter()), Path(sysconfig.get_path("stdlib"))
    _copy(root, program)
    shutil.copytree(library, root / library.relative_to("/"), ignore=_LEFT_OUT, symlinks=True)
    local = root / "usr/local/bin"
    local.mkdir(parents=True, exist_ok=True)
    for name in ("python", "python3"):
        if not (local / name).exists():
            (local / name).symlink_to(program)


def _copy_libraries(root: Path) -> set[Path]:
    """Copy the libraries of the system that programs and modules in a file system ask for."""
    asking = [str(path) for path in root.rglob("*.so*") if path.is_file()]
    program = shutil.which("ldd")
    if program is None:
        message = "an image with Python needs ldd, which tells what libraries to put into it"
        raise ServerUnavailableError(message)
    done = subprocess.run(
        [program, _interpreter(), *asking], capture_output=True, text=True, check=False
    )
    found = re.findall(r"(?:=> |^\s+)(/\S+) \(0x", done.stdout, re.MULTILINE)
    libraries = {Path(path) for path in found if not Path(path).is_relative_to(root)}
    for path in libraries:
        _copy(root, path)
    return libraries


def _compile(root: Path) -> None:
    """Compile all modules, which each pod would do anew."""
    command = [sys.executable, "-m", "compileall", "-q", "-s", str(root), "-p", "/", str(root)]
    # Packages hold files that are not for this version of Python, and are never imported.
    subprocess.run(command, capture_output=True, check=False)


def _copy(root: Path, path: Path) -> None:
    target = root / path.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target)
