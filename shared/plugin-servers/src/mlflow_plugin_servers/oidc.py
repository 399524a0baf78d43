"""An OpenID provider: the certified `oidc-provider` of npm, with a control of its own for tests."""

from __future__ import annotations

import contextlib
import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_plugin_servers import binaries, npm
from mlflow_plugin_servers.binaries import Binaries
from mlflow_plugin_servers.catalog import Entry
from mlflow_plugin_servers.certificates import Authority
from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.identity import call
from mlflow_plugin_servers.local import LocalServer, Recipe
from mlflow_plugin_servers.oidc_server import OidcServer
from mlflow_plugin_servers.ports import LOOPBACK, free_port
from mlflow_plugin_servers.users import unprivileged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlflow_plugin_servers.process import Process

__all__ = ["ENTRY", "SETTINGS", "find", "oidc", "prepare"]

_SCRIPTS = Path(__file__).with_name("oidc_provider")
_PACKAGES = npm.Packages(_SCRIPTS, "oidc-provider")
_ANSWER_WITHIN = 2.0

SETTINGS: Mapping[str, str] = {
    "access_token_seconds": "300",
    "id_token_seconds": "300",
    "refresh_token_seconds": "3600",
    "device_code_seconds": "600",
    "device_interval_seconds": "1",
    "rotate_refresh_tokens": "true",
    "audience": "https://api.test",
    "scopes": "api:read api:write",
}
"""What `options` may change: how long things last, whether a refresh token is good for one use only, the audience of
an access token that is asked for without a resource, and the scopes of resources."""


def find() -> Binaries | None:
    """Look for the provider on this machine.

    Returns:
        The packages that were fetched before, with the Node.js to run them; else None.
    """
    node = _node()
    if node is None or not _PACKAGES.folder.is_dir():
        return None
    return _binaries(node)


def prepare(*, required: bool = True) -> Binaries:
    """Make sure that the provider is there; it is fetched in any case, for it touches only the user's cache.

    Args:
        required: Not looked at.

    Returns:
        Its programs.

    Raises:
        ServerUnavailableError: It cannot be had; the message says what to install.
    """
    del required
    node = _node() or npm.prepare_node(unprivileged(*_Recipe.accounts))
    _PACKAGES.fetch(node)
    return _binaries(node)


def _node() -> npm.Node | None:
    if told := binaries.chosen(OidcServer.name, "node", "npm"):
        return npm.Node(told.programs["node"], (told["npm"],), "chosen")
    return npm.find_node(unprivileged(*_Recipe.accounts))


def _binaries(node: npm.Node) -> Binaries:
    origin = f"npm, node: {node.origin}"
    return Binaries({"node": node.node}, _PACKAGES.version, origin, _PACKAGES.folder)


class _Recipe(Recipe):
    name = OidcServer.name

    def __init__(self, programs: Binaries, settings: dict[str, str], authority: Authority) -> None:
        self._programs = programs
        self._settings = settings
        self._authority = authority
        self._token = settings["control_token"]
        self._secure_port = free_port()
        self._was_ready = False

    def initialise(self, process: Process) -> None:
        served = self._authority.issue(LOOPBACK, "localhost")
        files = {
            "authority.pem": self._authority.pem,
            "server.pem": served.chain,
            "server.key": served.key,
            "settings.json": json.dumps(self._settings),
        }
        for script in _SCRIPTS.glob("*.mjs"):
            files[script.name] = script.read_text(encoding="utf-8")
        for name, text in files.items():
            process.add_file(name, text)
        # Node looks for packages beside the script.
        (process.folder / "node_modules").symlink_to(_PACKAGES.folder / "node_modules")

    def command(self, folder: Path, port: int) -> list[str]:
        if not self._was_ready:
            self._secure_port = free_port()
        script = str(folder / "server.mjs")
        return [self._programs["node"], script, str(port), str(self._secure_port)]

    def ready(self, port: int) -> bool:
        try:
            headers = {"Authorization": f"Bearer {self._token}"}
            url = f"http://{LOOPBACK}:{port}/_test/about"
            call("GET", url, headers=headers, timeout=_ANSWER_WITHIN)
        except OSError:
            return False
        self._was_ready = True
        return True


@contextlib.contextmanager
def oidc(
    *,
    options: Mapping[str, str] | None = None,
    port: int | None = None,
    required: bool = False,
) -> Iterator[OidcServer]:
    """Run an OpenID provider of one's own.

    Args:
        options: Changes to `SETTINGS`.
        port: Port on loopback for http; a free one by default. That for https is always a free one.
        required: Whether everything is done to have it.

    Yields:
        The running server.

    Raises:
        ServerUnavailableError: It cannot be had or does not start, or there is no such setting.
    """
    unknown = sorted(set(options or {}) - set(SETTINGS))
    if unknown:
        message = f"oidc has no option {', '.join(unknown)}; there are: {', '.join(SETTINGS)}"
        raise ServerUnavailableError(message)
    programs = prepare(required=required)
    token = secrets.token_hex(16)
    settings = {**SETTINGS, **(options or {}), "control_token": token}
    authority = Authority()
    local = LocalServer(_Recipe(programs, settings, authority), port)
    try:
        yield OidcServer(f"http://{LOOPBACK}:{local.port}", token, authority, local)
    finally:
        local.close()


ENTRY = Entry(oidc, OidcServer.at, prepare, find)
