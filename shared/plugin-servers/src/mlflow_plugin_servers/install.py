"""Getting a server that the machine does not have: once for each user, under a lock."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_plugin_servers.errors import ServerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["cache_folder", "debian_packages", "locked", "once", "python_packages", "run", "wheel"]

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


def once(name: str, fill: Callable[[Path], None], *, lock: str | None = None) -> Path:
    """Make a folder in the cache, whole or not at all, unless it is there.

    Other test runs of this user wait meanwhile. What a killed run left half made is removed by the next one.

    Args:
        name: Name of the folder; it holds the version, so that another version gets another folder.
        fill: Puts everything into the empty folder that it is given, which is then renamed: nothing in it may hold
            its own path. What it raises is passed on, and the folder is removed.
        lock: Name of the lock; by default that of the folder.

    Returns:
        The folder, which every user can read.
    """
    target = cache_folder() / name
    if target.is_dir():
        return target
    with locked(lock or name):
        if not target.is_dir():
            for left in target.parent.glob(f".{name}-*.part"):
                _remove(left)
            part = Path(tempfile.mkdtemp(prefix=f".{name}-", suffix=".part", dir=target.parent))
            try:
                part.chmod(0o755)
                fill(part)
                part.rename(target)
            finally:
                _remove(part)
    return target


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

    def fill(folder: Path) -> None:
        options = ["--no-deps", "--require-hashes", "--only-binary", ":all:"]
        listed = ["-r", str(_requirements(name))]
        run([*_installer(), "install", "--quiet", *options, "--target", str(folder), *listed])

    return once(wheel_folder(name).name, fill, lock=name)


def python_packages(folder: Path, *requirements: str) -> None:
    """Install packages for this Python into a folder.

    Args:
        folder: Where to.
        requirements: What to install, as pip reads it.

    Raises:
        ServerUnavailableError: There is no installer here, or it fails.
    """
    installer = _installer()
    python = ["--python", sys.executable]
    # uv takes the interpreter after the verb, pip before it.
    by_uv = installer[-1] == "pip" and installer[-2:-1] != ["-m"]
    verb = ["install", *python] if by_uv else [*python, "install"]
    run([*installer, *verb, "--quiet", "--target", str(folder), *requirements])


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
        run([apt, *wait, "update", "-q"])
        run([apt, *wait, "install", "-q", "-y", "--no-install-recommends", *packages])


def run(
    command: Sequence[str],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = _TIMEOUT,
) -> str:
    """Run a package manager or a compiler to its end.

    Args:
        command: Program and arguments.
        folder: Where it runs; where this process does by default.
        environment: Added to this process's own.
        timeout: Seconds it may take; it is killed then.

    Returns:
        What it wrote, on both streams.

    Raises:
        ServerUnavailableError: It cannot be run, fails or takes too long; the end of what it wrote is in the message.
    """
    try:
        tool = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=folder,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", **(environment or {})},
            start_new_session=True,
        )
    except OSError as error:
        raise ServerUnavailableError(str(error)) from error
    with tool:
        try:
            written, _ = tool.communicate(timeout=timeout)
        except BaseException as error:
            # With what it started itself: compilers, or the Java behind a script.
            os.killpg(tool.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            message = f"{' '.join(command[:3])} took more than {timeout:.0f} s"
            raise ServerUnavailableError(message) from error
    if tool.returncode != 0:
        message = f"{' '.join(command[:3])} failed:\n{written[-2000:]}"
        raise ServerUnavailableError(message)
    return written


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


def _remove(folder: Path) -> None:
    """Remove a folder, with those in it that may not be written to, as in Go's cache of modules."""
    for inner in folder.rglob("*"):
        if inner.is_dir() and not inner.is_symlink():
            inner.chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)
