"""S3, spoken by MinIO, which is built from its Go module.

MinIO's licence is the AGPL: it only ever runs here as a process of its own, and no part of it is in this package.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, ClassVar

from mlflow_plugin_servers import binaries, go
from mlflow_plugin_servers.binaries import Binaries
from mlflow_plugin_servers.catalog import Entry
from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.local import LocalServer, Recipe
from mlflow_plugin_servers.ports import LOOPBACK
from mlflow_plugin_servers.s3_requests import S3Access
from mlflow_plugin_servers.s3_server import S3Server, own_keys, takes_objects
from mlflow_plugin_servers.s3_tls import tls_argument, tls_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlflow_plugin_servers.process import Process

__all__ = ["ENTRY", "MinioServer", "find", "minio", "prepare"]

# The last that its makers published. Go calls it v0.0.0-20260212201848-7aac2a2c5b7c: no tag of it is one that Go reads.
VERSION = "2026.2.12"
_STAMP = "-X github.com/minio/minio/cmd."
_MODULES = (
    go.GoModule(
        "minio",
        {"minio": "github.com/minio/minio"},
        # It reads its own version as a moment, and without one takes the moment of the build.
        stamp=f"{_STAMP}Version=2026-02-12T20:18:48Z {_STAMP}ReleaseTag=RELEASE.2026-02-12T20-18-48Z",
    ),
)
_QUIET = {
    # It would look for newer versions of itself on the internet, and open a second port for people.
    "MINIO_UPDATE": "off",
    "MINIO_BROWSER": "off",
    "MINIO_CALLHOME_ENABLE": "off",
}


def find() -> Binaries | None:
    """Look for MinIO on this machine.

    Returns:
        What the environment names, else what was built before, else the system's, else None.
    """
    told = binaries.chosen("minio", "minio")
    folder = go.built(f"minio-{VERSION}", _MODULES)
    if told or folder is None:
        return told or binaries.on_path("minio")
    return Binaries({"minio": folder / "minio"}, VERSION, "built")


def prepare(*, required: bool = True) -> Binaries:
    """Make sure that MinIO is there.

    Args:
        required: Whether it may be built, which takes three minutes on two cores and 2 GB of Go's caches, and a Go,
            which is fetched when it is missing.

    Returns:
        Its program.

    Raises:
        ServerUnavailableError: It cannot be had; the message says what to do.
    """
    found = find()
    if found is None and required:
        go.go_build(f"minio-{VERSION}", _MODULES)
        found = find()
    if found is None:
        message = (
            "MinIO was not built on this machine, which takes some three minutes once: "
            "python -m mlflow_plugin_servers prepare minio"
        )
        raise ServerUnavailableError(message)
    return found


class MinioServer(S3Server):
    """A running MinIO."""

    name: ClassVar[str] = "minio"


class _Recipe(Recipe):
    name = "minio"

    def __init__(self, programs: Binaries, options: Mapping[str, str], *, tls: bool) -> None:
        self._minio = programs["minio"]
        self._options = options
        self._tls = tls
        self._keys = own_keys()
        self._ca: Path | None = None

    def access(self, port: int) -> S3Access:
        scheme = "https" if self._tls else "http"
        return S3Access(f"{scheme}://{LOOPBACK}:{port}", *self._keys, ca_file=self._ca)

    def initialise(self, process: Process) -> None:
        if self._tls:
            self._ca = tls_files(process, "public.crt", "private.key")

    def command(self, folder: Path, port: int) -> list[str]:
        address = ["--address", f"{LOOPBACK}:{port}", "--certs-dir", str(folder)]
        # In a folder below, so that neither the log nor a certificate can be taken for a bucket.
        return [self._minio, "server", *address, str(folder / "data")]

    def environment(self, folder: Path) -> Mapping[str, str]:
        del folder
        user, password = self._keys
        return {"MINIO_ROOT_USER": user, "MINIO_ROOT_PASSWORD": password, **_QUIET, **self._options}

    def ready(self, port: int) -> bool:
        return takes_objects(self.access(port))


@contextlib.contextmanager
def minio(
    *,
    tls: bool = False,
    options: Mapping[str, str] | None = None,
    port: int | None = None,
    required: bool = False,
) -> Iterator[MinioServer]:
    """Run a MinIO of one's own.

    Args:
        tls: Whether it speaks https, with a certificate for 127.0.0.1 and localhost; `server.access.ca_file` is the
            authority to trust.
        options: Its settings, which are variables of its environment, such as MINIO_COMPRESSION_ENABLE.
        port: Port on loopback; a free one by default.
        required: Whether everything is done to have it.

    Yields:
        The running server.

    Raises:
        ServerUnavailableError: It cannot be had or does not start.
    """
    recipe = _Recipe(prepare(required=required), options or {}, tls=tls)
    local = LocalServer(recipe, port)
    try:
        yield MinioServer(recipe.access(local.port), local)
    finally:
        local.close()


ENTRY = Entry(minio, MinioServer.at, prepare, find, tls_argument)
