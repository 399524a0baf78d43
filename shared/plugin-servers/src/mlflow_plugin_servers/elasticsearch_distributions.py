"""The versions of Elasticsearch and OpenSearch that can be started here, and what each needs."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlflow_plugin_servers import maven
from mlflow_plugin_servers.binaries import Binaries
from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.java import find_java, prepare_java
from mlflow_plugin_servers.users import unprivileged

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlflow_plugin_servers.java import Java
    from mlflow_plugin_servers.users import Account

__all__ = ["ACCOUNTS", "ELASTICSEARCH", "OPENSEARCH", "Distribution", "find", "prepare"]

ACCOUNTS = ("elasticsearch", "opensearch", "nobody")


@dataclass(frozen=True)
class Distribution:
    """A distribution with few modules, as the project publishes it for the tests of others.

    Attributes:
        kind: Kind of server, and name of the program.
        artifact: Where it comes from.
        java: The oldest Java that it runs on.
    """

    kind: str
    artifact: maven.Artifact
    java: int

    @property
    def version(self) -> str:
        """Such as 9.2.4."""
        return self.artifact.version

    @property
    def variables(self) -> str:
        """How the names of its environment variables begin."""
        return {"elasticsearch": "ES"}.get(self.kind, self.kind.upper())


def _distribution(kind: str, version: str, java: int, sha512: str) -> Distribution:
    group = f"org.{kind}.distribution.integ-test-zip"
    return Distribution(kind, maven.Artifact(group, kind, version, sha512), java)


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
    """Look for a distribution that was fetched before, and a Java that it runs on.

    Args:
        distributions: Those to choose from, the newest first.
        version: Such as `9.2`; the newest that is there if left out.

    Returns:
        What was found.

    Raises:
        ServerUnavailableError: There is no such version.
    """
    for distribution in _candidates(distributions, version):
        folder = maven.unpacked(distribution.artifact)
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
    account = unprivileged(*ACCOUNTS)
    for distribution in candidates[:-1]:
        with contextlib.suppress(ServerUnavailableError):
            return distribution, _prepare(distribution, account, required=required)
    last = candidates[-1]
    return last, _prepare(last, account, required=required)


def _prepare(distribution: Distribution, account: Account | None, *, required: bool) -> Binaries:
    java = prepare_java(distribution.java, account)
    return _binaries(distribution, maven.artifact(distribution.artifact, required=required), java)


def _candidates(distributions: Sequence[Distribution], version: str | None) -> list[Distribution]:
    variable = f"MLFLOW_PLUGIN_SERVERS_{distributions[0].kind.upper()}_VERSION"
    wanted = version or os.environ.get(variable)
    if not wanted:
        return list(distributions)
    # 9 and 9.2 name 9.2.4; 9.20 does not.
    found = [each for each in distributions if f"{each.version}.".startswith(f"{wanted}.")]
    if not found:
        known = ", ".join(each.version for each in distributions)
        message = (
            f"there is no version {wanted} here, but {known} (argument `version`, or {variable})"
        )
        raise ServerUnavailableError(message)
    return found


def _binaries(distribution: Distribution, folder: Path, java: Java) -> Binaries:
    programs = {
        distribution.kind: folder / "bin" / distribution.kind,
        "keystore": folder / "bin" / f"{distribution.kind}-keystore",
        "java": java.home / "bin" / "java",
    }
    origin = f"maven, Java {java.version} ({java.origin})"
    return Binaries(programs, distribution.version, origin, folder)
