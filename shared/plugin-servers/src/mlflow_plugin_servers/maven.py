"""Distributions from Maven repositories, fetched once for each user and unpacked in the cache."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path

from mlflow_plugin_servers import install
from mlflow_plugin_servers.errors import ServerUnavailableError

__all__ = ["Artifact", "artifact", "unpacked"]

_LOG = logging.getLogger(__name__)
_GET = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get"


@dataclass(frozen=True)
class Artifact:
    """A zip file in a Maven repository.

    Attributes:
        group: Such as `org.elasticsearch.distribution.integ-test-zip`.
        name: Such as `elasticsearch`.
        version: Such as `9.2.4`.
        sha512: Checksum of the file, in hexadecimal digits; a file with another one is refused.
    """

    group: str
    name: str
    version: str
    sha512: str

    @property
    def coordinates(self) -> str:
        """What Maven calls it."""
        return f"{self.group}:{self.name}:{self.version}:zip"

    @property
    def path(self) -> Path:
        """Where it is in a repository."""
        folder = Path(*self.group.split("."), self.name, self.version)
        return folder / f"{self.name}-{self.version}.zip"


def unpacked(wanted: Artifact) -> Path | None:
    """Look for the files of an artifact that was fetched before.

    Args:
        wanted: The artifact.

    Returns:
        The folder with its files, or None.
    """
    folder = install.cache_folder() / _folder_name(wanted)
    return _root(folder) if folder.is_dir() else None


def artifact(wanted: Artifact, *, required: bool = False) -> Path:
    """Fetch an artifact and unpack it, unless it is there.

    Maven is run with the user's own settings (mirrors, proxies) but with a repository of its own that is removed
    again, so that no second copy of the file stays on the disk. One in the user's repository is used as it is.

    Args:
        wanted: The artifact.
        required: Whether Maven may be installed by apt, where this process is root on Debian.

    Returns:
        The folder with its files, which nobody should write to: servers are told to write elsewhere.

    Raises:
        ServerUnavailableError: There is no Maven, it fails, or the file is not the one that was expected.
    """

    def fill(folder: Path) -> None:
        own = Path.home() / ".m2" / "repository" / wanted.path
        if own.is_file() and _digest(own) == wanted.sha512:
            _unpack(own, folder)
            return
        repository = folder / ".repository"
        fetched = _fetch(wanted, repository, required=required)
        digest = _digest(fetched)
        if digest != wanted.sha512:
            message = f"{wanted.coordinates} has the checksum {digest}, not {wanted.sha512}: it is not used"
            raise ServerUnavailableError(message)
        _unpack(fetched, folder)
        shutil.rmtree(repository)

    return _root(install.once(_folder_name(wanted), fill))


def _fetch(wanted: Artifact, repository: Path, *, required: bool) -> Path:
    mvn = shutil.which("mvn")
    if mvn is None and required:
        install.debian_packages("Maven", "maven")
        mvn = shutil.which("mvn")
    if mvn is None:
        message = (
            f"{wanted.coordinates} is fetched by Maven, and mvn is not on the PATH; "
            "install it (Debian, Ubuntu: maven; macOS: brew install maven)"
        )
        raise ServerUnavailableError(message)
    _LOG.warning("fetching %s, once", wanted.coordinates)
    what = [f"-Dartifact={wanted.coordinates}", "-Dtransitive=false"]
    # In a folder without a pom.xml, for a project's own would have a say in it.
    install.run(
        [mvn, "-B", "-ntp", f"-Dmaven.repo.local={repository}", _GET, *what],
        folder=repository.parent,
    )
    return repository / wanted.path


def _digest(path: Path) -> str:
    digest = hashlib.sha512()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _unpack(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            target = Path(archive.extract(member, folder))
            if not member.is_dir():
                # `extract` forgets that programs may be executed. Nobody may write, least of all a server to its own.
                executable = (member.external_attr >> 16) & stat.S_IXUSR
                target.chmod(0o555 if executable else 0o444)
    for inner, _, _ in os.walk(folder):
        # The users that servers run as must be able to read it.
        Path(inner).chmod(0o755)


def _folder_name(wanted: Artifact) -> str:
    return f"{wanted.name}-{wanted.version}-{wanted.sha512[:8]}"


def _root(folder: Path) -> Path:
    """Step into the one folder that most distributions consist of."""
    inside = list(folder.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder
