"""The versions of Elasticsearch and OpenSearch that can be started here, and what each needs."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_plugin_servers import maven
from mlflow_plugin_servers.binaries import Binaries
from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.java import find_java, prepare_java
from mlflow_plugin_servers.users import unprivileged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlflow_plugin_servers.java import Java

__all__ = ["ACCOUNTS", "ELASTICSEARCH", "OPENSEARCH", "Distribution", "find", "prepare"]

ACCOUNTS = ("elasticsearch", "opensearch", "nobody")


@dataclass(frozen=True)
class Distribution:
    """A distribution: one with few modules, as the project publishes it for the tests of others, or the user's own.

    Attributes:
        kind: Kind of server, and name of the program.
        version: Such as 9.2.4.
        java: The oldest Java that it runs on.
        artifact: Where it comes from; None for the user's own.
    """

    kind: str
    version: str
    java: int
    artifact: maven.Artifact | None = None

    @property
    def variables(self) -> str:
        """How the names of its environment variables begin."""
        return {"elasticsearch": "ES"}.get(self.kind, self.kind.upper())


def _distribution(kind: str, version: str, java: int, sha512: str) -> Distribution:
    group = f"org.{kind}.distribution.integ-test-zip"
    return Distribution(kind, version, java, maven.Artifact(group, kind, version, sha512))


# The newest first. A checksum is that of the file, as `sha512sum` prints it.
ELASTICSEARCH = (
    _distribution(
        "elasticsearch",
        "9.2.4",
        21,
        "5da6465950f7d26ca293794ead3d840f0698ce99bb15b5db7d10c19199e3431d"
        "ba21c83c737f4befa4fc282e12e5f215343a4cb7da52ac85e52b0c488e7b7057",
    ),
    _distribution(
        "elasticsearch",
        "8.19.5",
        17,
        "2f5f82f2b75c1a0e66784cdf1a05694c84c1bf6012529c649b8e59a5c88e2404"
        "578834f50770aa4882d6c51c67377f250f47dfc9a0c6f217a429fa8b222a0b0c",
    ),
)
OPENSEARCH = (
    _distribution(
        "opensearch",
        "3.3.0",
        21,
        "9fc125cf9b8c3b4b357422949deef67ab6c4b2bc8449092bcb476333572d692c"
        "0d5349bd522e37291f7436f7c9d2a1467cfe8b4677594235d06a607f4735b6d9",
    ),
)


def find(distributions: Sequence[Distribution], version: str | None = None) -> Binaries | None:
    """Look for the user's own distribution, or one that was fetched before, and a Java that it runs on.

    Args:
        distributions: Those to choose from, the newest first.
        version: Such as `9.2`; the newest that is there if left out.

    Returns:
        What was found.

    Raises:
        ServerUnavailableError: There is no such version.
    """
    for distribution, folder in _candidates(distributions, version):
        java = find_java(distribution.java, unprivileged(*ACCOUNTS))
        if folder and java:
            return _binaries(distribution, folder, java)
    return None


def prepare(
    distributions: Sequence[Distribution], version: str | None = None, *, required: bool = True
) -> tuple[Distribution, Binaries]:
    """Make sure that a distribution is there, with a Java that it runs on.

    Args:
        distributions: Those to choose from, the newest first.
        version: Such as `9.2`; the newest that can be had if left out.
        required: Whether Maven may be installed by apt for it, where this process is root on Debian.

    Returns:
        The distribution and its programs.

    Raises:
        ServerUnavailableError: It cannot be had; the message says what to install.
    """
    candidates = _candidates(distributions, version)
    for distribution, folder in candidates[:-1]:
        with contextlib.suppress(ServerUnavailableError):
            return distribution, _prepare(distribution, folder, required=required)
    distribution, folder = candidates[-1]
    return distribution, _prepare(distribution, folder, required=required)


def _prepare(distribution: Distribution, folder: Path | None, *, required: bool) -> Binaries:
    java = prepare_java(distribution.java, unprivileged(*ACCOUNTS))
    if folder is None:
        if distribution.artifact is None:
            message = f"{distribution.kind} {distribution.version} is not there"
            raise ServerUnavailableError(message)
        folder = maven.artifact(distribution.artifact, required=required)
    return _binaries(distribution, folder, java)


def _candidates(
    distributions: Sequence[Distribution], version: str | None
) -> list[tuple[Distribution, Path | None]]:
    """List the distributions of a version, each with its folder if it is there; the user's own before all others."""
    variable = f"MLFLOW_PLUGIN_SERVERS_{distributions[0].kind.upper()}_VERSION"
    wanted = version or os.environ.get(variable, "")

    def named(each: Distribution) -> bool:
        # 9 and 9.2 name 9.2.4; 9.20 does not.
        return not wanted or f"{each.version}.".startswith(f"{wanted}.")

    own = _own(distributions)
    if own and named(own[0]):
        return [own]
    found = [
        (each, maven.unpacked(each.artifact) if each.artifact else None)
        for each in distributions
        if named(each)
    ]
    if not found:
        known = ", ".join(each.version for each in distributions)
        message = (
            f"there is no version {wanted} here, but {known} (argument `version`, or {variable})"
        )
        raise ServerUnavailableError(message)
    return found


def _own(distributions: Sequence[Distribution]) -> tuple[Distribution, Path | None] | None:
    """Look at the distribution that the environment names; what is asked of it is told by the one nearest to it."""
    kind = distributions[0].kind
    variable = f"MLFLOW_PLUGIN_SERVERS_{kind.upper()}_BIN"
    chosen = os.environ.get(variable)
    if not chosen:
        return None
    folder = Path(chosen).resolve().parent
    jars = [path.name for path in (folder / "lib").glob(f"{kind}-[0-9]*.jar")]
    version = re.search(r"\d+(\.\d+)+", jars[0]) if jars else None
    if version is None or not (folder / "bin" / kind).is_file():
        message = f"{variable}: no working {kind} in {chosen}"
        raise ServerUnavailableError(message)
    major = version.group().partition(".")[0]
    alike = [each.java for each in distributions if each.version.startswith(f"{major}.")]
    java = alike[0] if alike else max(each.java for each in distributions)
    return Distribution(kind, version.group(), java), folder


def _binaries(distribution: Distribution, folder: Path, java: Java) -> Binaries:
    programs = {
        distribution.kind: folder / "bin" / distribution.kind,
        "keystore": folder / "bin" / f"{distribution.kind}-keystore",
        "java": java.home / "bin" / "java",
    }
    how = "maven" if distribution.artifact else "chosen"
    return Binaries(
        programs, distribution.version, f"{how}, Java {java.version} ({java.origin})", folder
    )
