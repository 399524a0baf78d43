"""What a real node needs besides Kubernetes itself: a container runtime, network plugins, and a shell for images."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from mlflow_plugin_servers import install, kubernetes_programs
from mlflow_plugin_servers.binaries import Binaries, version_of
from mlflow_plugin_servers.errors import ServerUnavailableError

__all__ = ["PLUGINS", "find", "prepare"]

# The network plugin whose folder holds the others.
PLUGINS = "bridge"

_PACKAGES = ("containerd", "runc", "containernetworking-plugins", "busybox-static")
_RUNTIME = ("containerd", "ctr", "containerd-shim-runc-v2", "runc")
_SYSTEM = f"{os.defpath}:/usr/sbin:/sbin:/usr/local/bin:/usr/local/sbin"
_PLUGIN_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"), Path("/usr/libexec/cni"))
_CACHED = "debian-containers"


def find() -> Binaries | None:
    """Look for Kubernetes, a container runtime, network plugins and a static busybox.

    Returns:
        The programs; None when one of them is missing.
    """
    kubernetes = kubernetes_programs.find()
    runtime = _system() or _unpacked()
    if kubernetes is None or runtime is None:
        return None
    programs = {**kubernetes.programs, **runtime}
    return Binaries(programs, kubernetes.version, kubernetes.origin, kubernetes.folder)


def prepare(*, required: bool = True) -> Binaries:
    """Make sure that a real node can be run.

    Args:
        required: Whether Kubernetes may be built, and the container runtime be unpacked from packages of Debian: into
            the cache, and not installed, because an installed one starts a service.

    Returns:
        The programs.

    Raises:
        ServerUnavailableError: This is not root on Linux, or they cannot be had; the message says what to do.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        message = "a real node of Kubernetes needs root on Linux"
        raise ServerUnavailableError(message)
    kubernetes_programs.prepare(required=required)
    found = find()
    if found is None and required:
        _unpack()
        found = find()
    if found is None:
        message = (
            "a real node needs containerd, runc, the CNI plugins and a static busybox. As root on Debian or Ubuntu: "
            "python -m mlflow_plugin_servers prepare kubernetes_node"
        )
        raise ServerUnavailableError(message)
    return found


def _system() -> dict[str, Path] | None:
    found = {name: shutil.which(name, path=_SYSTEM) for name in (*_RUNTIME, "busybox")}
    plugins = next((each for each in _PLUGIN_FOLDERS if (each / PLUGINS).is_file()), None)
    programs = {name: Path(path) for name, path in found.items() if path}
    if plugins is None or len(programs) < len(found) or not _static(programs["busybox"]):
        return None
    return {**programs, PLUGINS: plugins / PLUGINS}


def _unpacked() -> dict[str, Path] | None:
    root = install.cache_folder() / _CACHED
    programs = {
        name: next(
            (
                root / at / name
                for at in ("usr/bin", "usr/sbin", "bin")
                if (root / at / name).is_file()
            ),
            None,
        )
        for name in (*_RUNTIME, "busybox")
    }
    there = {name: path for name, path in programs.items() if path}
    plugin = root / "usr/lib/cni" / PLUGINS
    if len(there) < len(programs) or not plugin.is_file() or not version_of(there["runc"]):
        return None
    return {**there, PLUGINS: plugin}


def _unpack() -> None:
    apt, dpkg = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if apt is None or dpkg is None or os.geteuid() != 0:
        message = f"a real node needs {', '.join(_PACKAGES)}; install them"
        raise ServerUnavailableError(message)

    def fill(folder: Path) -> None:
        packages = folder / ".packages"
        packages.mkdir()
        with install.locked("apt"):
            install.run([apt, "-o", "Acquire::Retries=3", "update", "-q"])
        # apt's user for downloads cannot write here; the files are checked against the signed list all the same.
        as_root = ["-o", "APT::Sandbox::User=root"]
        install.run([apt, *as_root, "download", "-q", *_PACKAGES], folder=packages)
        for package in sorted(packages.glob("*.deb")):
            install.run([dpkg, "--extract", str(package), str(folder)])
        shutil.rmtree(packages)

    install.once(_CACHED, fill)


def _static(program: Path) -> bool:
    """Tell whether a program needs no library, as in an image that holds it alone."""
    with program.open("rb") as stream:
        return b"/ld-" not in stream.read(4096)
