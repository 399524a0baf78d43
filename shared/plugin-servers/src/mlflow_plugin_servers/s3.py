"""S3, spoken by SeaweedFS, which a wheel holds."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_plugin_servers import binaries, install
from mlflow_plugin_servers.catalog import Entry
from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.local import LocalServer, Recipe
from mlflow_plugin_servers.ports import LOOPBACK, free_port
from mlflow_plugin_servers.s3_requests import S3Access
from mlflow_plugin_servers.s3_server import S3Server, own_keys, takes_objects
from mlflow_plugin_servers.s3_tls import tls_argument, tls_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlflow_plugin_servers.binaries import Binaries
    from mlflow_plugin_servers.process import Process

__all__ = ["ENTRY", "find", "prepare", "s3"]

# Its parts talk to each other over ports of their own; these are all of those that it would open by itself.
_PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port.grpc",
)
_SMALL = {
    # Each bucket takes a volume at least; without this the third bucket cannot be written to.
    "volume.max": "400",
    "master.volumeSizeLimitMB": "64",
    # It would wait ten seconds before it ends, for other servers of a cluster.
    "volume.preStopSeconds": "0",
    # There are no other masters. Else it asks for their votes first, which makes a start five to twenty seconds longer.
    "master.peers": "none",
}
_LIKE_AMAZON = {
    # A bucket that is not there is an error, and one that is not empty cannot be removed.
    "s3.autoCreateBucket": "false",
    "s3.allowDeleteBucketNotEmpty": "false",
}
_QUIET = {
    # It would report to its makers over the internet.
    "master.telemetry": "false",
    # Two more services on fixed ports, so that a second server on this machine would not start.
    "s3.port.iceberg": "0",
    "s3.port.lance": "0",
}
# One volume for each new bucket, where seven are the rule.
_GROWTH = "[master.volume_growth]\ncopy_1 = 1\n"


def find() -> Binaries | None:
    """Look for SeaweedFS on this machine.

    Returns:
        What the environment names, else the one that was fetched, else the system's, else None.
    """
    folder = install.wheel_folder("seaweedfs")
    return (
        binaries.chosen("s3", "weed", ask="version")
        or binaries.in_folder(folder / "bin", "weed", origin="wheel", ask="version")
        or binaries.on_path("weed", ask="version")
    )


def prepare(*, required: bool = True) -> Binaries:
    """Make sure that SeaweedFS is there; it is fetched in any case, for that touches only the user's cache.

    Args:
        required: Not looked at.

    Returns:
        Its program.

    Raises:
        ServerUnavailableError: It cannot be had; the message says why.
    """
    del required
    found = find()
    if found is None:
        try:
            install.wheel("seaweedfs")
        except ServerUnavailableError as error:
            message = f"SeaweedFS cannot be fetched: {error}"
            raise ServerUnavailableError(message) from error
        found = find()
    if found is None:
        message = (
            "the SeaweedFS that was fetched does not run here; put its program weed on the PATH"
        )
        raise ServerUnavailableError(message)
    return found


class _Recipe(Recipe):
    name = "s3"
    # It waits for its own parts to hang up, which takes them ten seconds; what it has answered for is written by then.
    stop_within = 1.0

    def __init__(self, programs: Binaries, options: Mapping[str, str], *, tls: bool) -> None:
        self._weed = programs["weed"]
        self._options = options
        self._tls = tls
        self._keys = own_keys()
        self._ca: Path | None = None
        self._ports: dict[str, int] = {}
        self._was_ready = False

    def access(self, port: int) -> S3Access:
        scheme = "https" if self._tls else "http"
        return S3Access(f"{scheme}://{LOOPBACK}:{port}", *self._keys, ca_file=self._ca)

    def initialise(self, process: Process) -> None:
        access_key, secret_key = self._keys
        credentials = [{"accessKey": access_key, "secretKey": secret_key}]
        who = {"name": "app", "credentials": credentials, "actions": ["Admin"]}
        process.add_file("s3.json", json.dumps({"identities": [who]}))
        process.add_file("master.toml", _GROWTH)
        if self._tls:
            self._ca = tls_files(process, "server.pem", "server.key")

    def command(self, folder: Path, port: int) -> list[str]:
        if not self._was_ready:
            # Kept from the first good start on, for the sockets that it leaves in /tmp are named after them.
            self._ports = _other_ports(port)
        settings = {
            "dir": str(folder),
            "ip": LOOPBACK,
            "ip.bind": LOOPBACK,
            "s3.ip.bind": LOOPBACK,
            "s3.port": str(port),
            "s3.config": str(folder / "s3.json"),
            "s3.localSocket": str(folder / "s3.sock"),
            "filer.localSocket": str(folder / "filer.sock"),
        }
        settings |= {name: str(number) for name, number in self._ports.items()}
        if self._tls:
            settings["s3.cert.file"] = str(folder / "server.pem")
            settings["s3.key.file"] = str(folder / "server.key")
        settings |= {**_SMALL, **_LIKE_AMAZON, **_QUIET, **self._options}
        return [self._weed, "server", "-s3", *[f"-{name}={it}" for name, it in settings.items()]]

    def litter(self) -> list[Path]:
        # Their places are fixed in the program; the numbers of ports tell them apart.
        grpc = {name.partition(".")[0]: it for name, it in self._ports.items() if "grpc" in name}
        return [Path(f"/tmp/seaweedfs-{part}-grpc-{it}.sock") for part, it in grpc.items()]  # noqa: S108

    def ready(self, port: int) -> bool:
        self._was_ready = takes_objects(self.access(port))
        return self._was_ready


@contextlib.contextmanager
def s3(
    *,
    tls: bool = False,
    options: Mapping[str, str] | None = None,
    port: int | None = None,
    required: bool = False,
) -> Iterator[S3Server]:
    """Run an S3 server of one's own.

    Args:
        tls: Whether it speaks https, with a certificate for 127.0.0.1 and localhost; `server.access.ca_file` is the
            authority to trust.
        options: Flags of `weed server`, by name without the hyphen.
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
        yield S3Server(recipe.access(local.port), local)
    finally:
        local.close()


def _other_ports(port: int) -> dict[str, int]:
    chosen: set[int] = set()
    while len(chosen) < len(_PORTS):
        chosen.add(free_port())
        chosen.discard(port)
    return dict(zip(_PORTS, chosen, strict=True))


ENTRY = Entry(s3, S3Server.at, prepare, find, tls_argument)
