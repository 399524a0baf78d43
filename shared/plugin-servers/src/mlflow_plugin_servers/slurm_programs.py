"""Slurm's programs: those of the system, or the distribution's packages unpacked into the cache.

Unpacked and not installed: nothing of the system changes, no service starts, and no rights are needed.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
from pathlib import Path

from mlflow_plugin_servers import binaries, install
from mlflow_plugin_servers.errors import ServerUnavailableError

__all__ = ["COMMANDS", "DAEMONS", "fetch", "find", "library_path", "wrapper"]

DAEMONS = ("slurmctld", "slurmd", "slurmstepd", "slurmdbd", "munged")
COMMANDS = ("sbatch", "srun", "scancel", "squeue", "sinfo", "scontrol", "sacct", "sacctmgr")
_FURTHER = (
    "salloc",
    "sattach",
    "sbcast",
    "sdiag",
    "sprio",
    "sreport",
    "sshare",
    "sstat",
    "strigger",
)
_PACKAGES = ("slurmctld", "slurmd", "slurmdbd", "slurm-client")
_TO_INSTALL = "slurmctld slurmd slurmdbd slurm-client"


def find() -> binaries.Binaries | None:
    """Look for Slurm on this machine.

    Returns:
        The system's, else what was fetched before, else None.
    """
    return binaries.on_path(*DAEMONS, *COMMANDS, ask="-V") or _unpacked(_folder())


def fetch() -> binaries.Binaries:
    """Fetch the distribution's packages and what they need that is not here; apt checks what it gets.

    Returns:
        Slurm's programs.

    Raises:
        ServerUnavailableError: This is no Debian or the like, or apt cannot get them.
    """
    apt, unpack = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if apt is None or unpack is None:
        message = f"Slurm is not installed; install {_TO_INSTALL} (Debian, Ubuntu) or the like"
        raise ServerUnavailableError(message)

    def fill(folder: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="mlflow-slurm-packages-") as place:
            packages = Path(place)
            _download(apt, packages)
            for package in sorted(packages.glob("*.deb")):
                install.run([unpack, "-x", str(package), str(folder)])
        for path in (folder / "usr" / "sbin").glob("*-wlm"):
            # The installation makes these links. By their names the programs know what they are.
            path.with_name(path.name.removesuffix("-wlm")).symlink_to(path.name)

    try:
        folder = install.once(_folder().name, fill, lock="slurm")
    except ServerUnavailableError as error:
        message = (
            f"Slurm is not installed (Debian, Ubuntu: {_TO_INSTALL}) and cannot be fetched: {error}"
        )
        raise ServerUnavailableError(message) from error
    found = _unpacked(folder)
    if found is None:
        message = (
            f"the Slurm that was fetched into {folder} does not run here; install {_TO_INSTALL}"
        )
        raise ServerUnavailableError(message)
    return found


def library_path(programs: binaries.Binaries) -> str:
    """Tell where unpacked programs find their libraries.

    Args:
        programs: Slurm's programs.

    Returns:
        A value for LD_LIBRARY_PATH; empty for the system's programs, which find theirs.
    """
    if programs.folder is None:
        return ""
    libraries = programs.folder.glob("usr/lib/*-linux-*")
    return ":".join(
        str(folder)
        for each in libraries
        for folder in (each, each / "slurm-wlm")
        if folder.is_dir()
    )


def plugin_folder(programs: binaries.Binaries) -> Path | None:
    """Tell where unpacked programs find their plugins; None for the system's."""
    if programs.folder is None:
        return None
    return next(programs.folder.glob("usr/lib/*-linux-*/slurm-wlm"))


def wrapper(program: Path, libraries: str) -> str:
    """Write a script that runs a program with its libraries, and leaves the environment as it is.

    LD_LIBRARY_PATH would be handed on to each job, and to whatever a job runs.

    Args:
        program: The program.
        libraries: What `library_path` returned.

    Returns:
        The script.
    """
    head = program.read_bytes()[:4096]
    loader = re.search(rb"/lib[^\0]*/ld-[^\0]+", head)
    if loader is None:
        message = f"{program} names no loader"
        raise ServerUnavailableError(message)
    return f"#!/bin/sh\nexec {loader.group().decode()} --library-path '{libraries}' '{program}' \"$@\"\n"


def _folder() -> Path:
    release = "linux"
    for line in _lines(Path("/etc/os-release")):
        name, _, value = line.partition("=")
        if name == "VERSION_CODENAME":
            release = value.strip('"')
    return install.cache_folder() / f"slurm-{release}-{platform.machine()}"


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _unpacked(folder: Path) -> binaries.Binaries | None:
    places = {name: folder / "usr" / "sbin" / name for name in DAEMONS}
    places |= {name: folder / "usr" / "bin" / name for name in (*COMMANDS, *_FURTHER)}
    programs = {name: path for name, path in places.items() if path.exists()}
    if not all(name in programs for name in (*DAEMONS, *COMMANDS)):
        return None
    found = binaries.Binaries(programs, "", "apt, unpacked", folder)
    libraries = library_path(found)
    version = _version(programs["slurmctld"], libraries)
    return binaries.Binaries(programs, version, "apt, unpacked", folder) if version else None


def _version(program: Path, libraries: str) -> str:
    try:
        written = install.run(
            [str(program), "-V"], environment={"LD_LIBRARY_PATH": libraries}, timeout=30
        )
    except ServerUnavailableError:
        return ""
    found = re.search(r"\d+(\.\d+)+", written)
    return found.group() if found else ""


def _download(apt: str, folder: Path) -> None:
    """Get the packages, with the lists of packages that are there or, where they do not do, fresh ones."""
    if os.geteuid() == 0:
        # apt fetches as a user of its own, who must get there.
        folder.chmod(0o755)
    try:
        _get(apt, folder)
    except ServerUnavailableError:
        lists, cache = folder / "lists", folder / "cache"
        for each in (lists / "partial", cache / "archives" / "partial"):
            each.mkdir(parents=True)
        own = ["-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache={cache}"]
        own += ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
        install.run([apt, *own, "-q", "update"], environment={"LC_ALL": "C"})
        _get(apt, folder, *own)


def _get(apt: str, folder: Path, *options: str) -> None:
    plan = install.run(
        [apt, *options, "-s", "-q", "install", "--no-install-recommends", *_PACKAGES],
        environment={"LC_ALL": "C"},
    )
    # Besides the packages themselves those that an installation would add to this machine.
    wanted = sorted({*_PACKAGES, *re.findall(r"^Inst (\S+)", plan, re.MULTILINE)})
    install.run(
        [apt, *options, "-q", "download", *wanted], folder=folder, environment={"LC_ALL": "C"}
    )
