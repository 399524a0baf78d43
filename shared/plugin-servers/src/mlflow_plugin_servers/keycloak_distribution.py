"""Keycloak's distribution: fetched by Maven, built once for the options used here, with a database to begin from."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from typing import TYPE_CHECKING

from mlflow_plugin_servers import install, java, maven
from mlflow_plugin_servers.binaries import Binaries
from mlflow_plugin_servers.keycloak_node import ACCOUNTS, DATABASE, KeycloakRecipe
from mlflow_plugin_servers.local import LocalServer
from mlflow_plugin_servers.users import unprivileged

if TYPE_CHECKING:
    from pathlib import Path

    from mlflow_plugin_servers.java import Java

__all__ = ["find", "prepare", "template"]

_ARTIFACT = maven.Artifact(
    group="org.keycloak",
    name="keycloak-quarkus-dist",
    version="26.4.7",
    sha512=(
        "f9d4e0ced49976932e173abc8d2f6ff4169c125fe3b14e69ebaa0ccc4dea822e"
        "879f7ec7353d28fa40c13de0113059c6888833725378ecef4d27587e0c87a6a2"
    ),
)
_OLDEST_JAVA = 17
# What can only be said when it is built: the database, and that a client may show a certificate (RFC 8705).
_BUILD = ("--db=dev-file", "--https-client-auth=request", "--health-enabled=false")
_PASSWORD = "password"  # noqa: S105  (name of a file)


def find() -> Binaries | None:
    """Look for Keycloak on this machine.

    Returns:
        The one that was fetched and built before, with a Java to run it; else None.
    """
    runtime = java.find_java(_OLDEST_JAVA, unprivileged(*ACCOUNTS))
    folder = install.cache_folder() / _folder_name()
    return _binaries(folder, runtime) if runtime and folder.is_dir() else None


def prepare(*, required: bool = True) -> Binaries:
    """Make sure that Keycloak is there; this takes a minute the first time, and touches only the user's cache.

    Args:
        required: Whether Maven may be installed by apt, where this process is root on Debian.

    Returns:
        Its programs.

    Raises:
        ServerUnavailableError: It cannot be had; the message says what to install.
    """
    found = find()
    if found is not None:
        return found
    runtime = java.prepare_java(_OLDEST_JAVA, unprivileged(*ACCOUNTS))
    distribution = maven.artifact(_ARTIFACT, required=required)

    def fill(folder: Path) -> None:
        _build(distribution, folder / "home", runtime)
        _make_template(folder, runtime)

    return _binaries(install.once(_folder_name(), fill, lock="keycloak"), runtime)


def template(programs: Binaries) -> tuple[bytes, str]:
    """Read the database that servers begin from, which saves the half of their first start.

    Args:
        programs: What `prepare` gave.

    Returns:
        The file of the database, and the password of its administrator.
    """
    folder = programs.where / "template"
    password = (folder / _PASSWORD).read_text(encoding="ascii")
    return (folder / DATABASE).read_bytes(), password


def _build(distribution: Path, home: Path, runtime: Java) -> None:
    shutil.copytree(distribution, home, copy_function=_link)
    # The build writes here; what it writes must not reach the distribution itself by a link.
    written = home / "lib" / "quarkus"
    shutil.rmtree(written)
    shutil.copytree(distribution / "lib" / "quarkus", written)
    for path in (written, *written.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    environment = {
        "JAVA_HOME": str(runtime.home),
        "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1",
    }
    install.run([str(home / "bin" / "kc.sh"), "build", *_BUILD], environment=environment)


def _make_template(folder: Path, runtime: Java) -> None:
    password = secrets.token_hex(16)
    local = LocalServer(KeycloakRecipe(_binaries(folder, runtime), bootstrap=password))
    try:
        local.stop()
        database = (local.folder / DATABASE).read_bytes()
    finally:
        local.close()
    kept = folder / "template"
    kept.mkdir()
    # It holds the administrator and keys: for the user alone who prepared it.
    for name, data in ((DATABASE, database), (_PASSWORD, password.encode("ascii"))):
        (kept / name).touch(mode=0o600)
        (kept / name).write_bytes(data)


def _binaries(folder: Path, runtime: Java) -> Binaries:
    programs = {"java": runtime.home / "bin" / "java", "home": folder / "home"}
    origin = f"Maven, java {runtime.version}: {runtime.origin}"
    return Binaries(programs, _ARTIFACT.version, origin, folder)


def _folder_name() -> str:
    built = hashlib.sha256(" ".join((_ARTIFACT.sha512, *_BUILD)).encode()).hexdigest()[:8]
    return f"keycloak-{_ARTIFACT.version}-built-{built}"


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target
