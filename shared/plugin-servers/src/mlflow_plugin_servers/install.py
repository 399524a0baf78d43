"""Getting a server that the machine does not have: once for each user, under a lock."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_plugin_servers.errors import ServerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["cache_folder", "debian_packages", "locked", "wheel"]

CACHE_VARIABLE = "MLFLOW_PLUGIN_SERVERS_CACHE"
_TIMEOUT = 600


def cache_folder() -> Path:
    """Find the folder that fetched servers are kept in.

    Returns:
        A folder of the user's; for root one that the users which servers run as can read, which root's home is not.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen)
    if os.geteuid() == 0:
        return Path("/var/cache/mlflow-plugin-servers")
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "mlflow-plugin-servers"


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Keep other test runs of this user from installing the same thing at the same time.

    Args:
        name: What is installed.

    Yields:
        Nothing; the lock is held meanwhile, and let go even when this process is killed.
    """
    import fcntl

    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def wheel_folder(name: str) -> Path:
    """Name the folder that a wheel's files are in once it was fetched.

    Args:
        name: Name of a list of wheels that is part of this package: `requirements-<name>.txt`.

    Returns:
        The folder, which need not exist; another version of the list gets another folder.
    """
    requirement = _requirements(name).read_text(encoding="utf-8").splitlines()[1].split()[0]
    machine = f"{platform.system()}-{platform.machine()}".lower()
    return cache_folder() / f"{requirement.replace('==', '-')}-{machine}"


def wheel(name: str) -> Path:
    """Fetch the files of a wheel, unless they are there; only files with a known checksum are accepted.

    Args:
        name: Name of a list of wheels that is part of this package: `requirements-<name>.txt`.

    Returns:
        The folder with the files.

    Raises:
        ServerUnavailableError: There is no installer here, or it fails.
    """
    target = wheel_folder(name)
    if target.is_dir():
        return target
    with locked(name):
        if not target.is_dir():
            fetched = Path(tempfile.mkdtemp(prefix=".fetch-", dir=cache_folder()))
            try:
                fetched.chmod(0o755)
                options = [
                    "--no-deps",
                    "--require-hashes",
                    "--only-binary",
                    ":all:",
                    "--target",
                    str(fetched),
                ]
                _run(
                    [*_installer(), "install", "--quiet", *options, "-r", str(_requirements(name))]
                )
                # A whole folder appears at once or not at all, so that a killed installation leaves no half server.
                fetched.rename(target)
            finally:
                shutil.rmtree(fetched, ignore_errors=True)
    return target


def debian_packages(name: str, *packages: str) -> None:
    """Install packages of the system, which only root on Debian and its kin can.

    Args:
        name: What they are for.
        packages: Packages that bring programs and no service, so that no server starts by itself.

    Raises:
        ServerUnavailableError: This is not root, or not such a system, or the installation fails.
    """
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        message = (
            f"{name} is not installed; install {' '.join(packages)} (Debian, Ubuntu) or the like"
        )
        raise ServerUnavailableError(message)
    with locked("apt"):
        wait = ["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"]
        _run([apt, *wait, "update", "-q"])
        _run([apt, *wait, "install", "-q", "-y", "--no-install-recommends", *packages])


def _requirements(name: str) -> Path:
    return Path(__file__).with_name(f"requirements-{name}.txt")


def _installer() -> list[str]:
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv:
        return [uv, "pip"]
    if importlib.util.find_spec("uv"):
        return [sys.executable, "-m", "uv", "pip"]
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    pip = shutil.which("pip3") or shutil.which("pip")
    if pip:
        return [pip]
    message = "neither uv nor pip is here to fetch a server with"
    raise ServerUnavailableError(message)


def _run(command: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT,
            check=False,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerUnavailableError(str(error)) from error
    if done.returncode != 0:
        message = f"{' '.join(command[:3])} failed:\n{done.stdout[-2000:]}"
        raise ServerUnavailableError(message)
