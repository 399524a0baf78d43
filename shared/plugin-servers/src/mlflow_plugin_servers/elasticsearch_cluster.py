"""The nodes of a cluster that was started here: one process for each, which may be killed apart."""

from __future__ import annotations

import contextlib
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING

from mlflow_plugin_servers.certificates import Authority
from mlflow_plugin_servers.elasticsearch_config import Cluster
from mlflow_plugin_servers.elasticsearch_node import NodeRecipe
from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.local import LocalServer
from mlflow_plugin_servers.ports import LOOPBACK, free_port
from mlflow_plugin_servers.rest import Rest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mlflow_plugin_servers.binaries import Binaries
    from mlflow_plugin_servers.elasticsearch_config import Shape
    from mlflow_plugin_servers.elasticsearch_distributions import Distribution

__all__ = ["Node", "Nodes"]

_TOGETHER_WITHIN = 60.0
_LOOK_EVERY = 0.1


class Node:
    """A node."""

    def __init__(self, local: LocalServer, cluster: Cluster) -> None:
        """Describe a node.

        Args:
            local: Its process.
            cluster: What it belongs to.
        """
        self._local = local
        self._cluster = cluster

    @property
    def port(self) -> int:
        """The port that it serves clients on."""
        return self._local.port

    @property
    def uri(self) -> str:
        """Where the administrator connects to this node."""
        return self._cluster.uri(self.port)

    @property
    def pid(self) -> int | None:
        """Number of its process; None while it does not run."""
        return self._local.pid

    @property
    def log(self) -> str:
        """The end of its log."""
        return self._local.log

    @property
    def log_path(self) -> Path:
        """The file that its log goes to."""
        return self._local.log_path

    @property
    def config(self) -> Path:
        """The folder with its configuration."""
        return self._local.folder / "config"

    def start(self) -> None:
        """Start it on the data it had and wait until it is part of a cluster; does nothing while it runs."""
        self._local.start()

    def stop(self) -> None:
        """End it in order; its data stays for the next start."""
        self._local.stop()

    def kill(self) -> None:
        """End it as a crash would, with SIGKILL; its data stays as it is."""
        self._local.kill()

    def restart(self) -> None:
        """End it in order, if it runs, and start it on the same port and data."""
        self._local.restart()


class Nodes:
    """All nodes of a cluster, which start and end together unless one is dealt with apart."""

    def __init__(
        self,
        distribution: Distribution,
        programs: Binaries,
        shape: Shape,
        options: Mapping[str, str],
        port: int | None = None,
    ) -> None:
        """Make the configuration and start the nodes.

        Args:
            distribution: What they are made of.
            programs: Where that is.
            shape: What is wanted.
            options: Further settings, by name as in elasticsearch.yml.
            port: Port of the first node for clients; a free one by default.

        Raises:
            ServerUnavailableError: They do not start; the end of the log is in the message.
        """
        self.cluster = Cluster(
            name=f"mlflow-{secrets.token_hex(6)}",
            shape=shape,
            distribution=distribution,
            password=secrets.token_hex(12) if shape.security else "",
            transport_ports=[free_port() for _ in range(shape.nodes)],
            options=options,
            modules=frozenset(path.name for path in (programs.where / "modules").glob("*")),
        )
        self._closing = contextlib.ExitStack()
        self.all: list[Node] = []
        try:
            if shape.tls or (shape.security and shape.nodes > 1):
                authority = Authority()
                self.cluster.authority = authority.pem
                self.cluster.certificate = authority.issue(LOOPBACK, "localhost")
            self._start_first(programs, port)
            self._gather()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int | None:
        """Number of the first process that runs; None when none does."""
        return next((node.pid for node in self.all if node.pid is not None), None)

    @property
    def ca_file(self) -> Path | None:
        """The certificate of the authority that clients have to trust; None without TLS."""
        return self.all[0].config / "ca.pem" if self.cluster.shape.tls else None

    @property
    def log(self) -> str:
        """The ends of their logs."""
        return "\n".join(node.log for node in self.all)

    @property
    def log_path(self) -> Path:
        """The file that the first node's log goes to."""
        return self.all[0].log_path

    def start(self) -> None:
        """Start those that do not run and wait until all are together; does nothing while all run."""
        if any(node.pid is None for node in self.all):
            self._each(lambda node: node.start())
            self._gather()

    def stop(self) -> None:
        """End all in order; their data stays for the next start."""
        self._each(lambda node: node.stop())

    def kill(self) -> None:
        """End all with SIGKILL; their data stays as it is."""
        self._each(lambda node: node.kill())

    def restart(self) -> None:
        """End all in order and start them on the same ports and data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End all and remove their data."""
        self._closing.close()

    def _start_first(self, programs: Binaries, port: int | None) -> None:
        count = self.cluster.shape.nodes

        def make(index: int) -> LocalServer:
            recipe = NodeRecipe(programs, self.cluster, index)
            local = LocalServer(recipe, port if index == 0 else None)
            self._closing.callback(local.close)
            return local

        # At the same time, for no node is ready before most of them are there.
        with ThreadPoolExecutor(count) as pool:
            begun = [pool.submit(make, index) for index in range(count)]
        self.all = [Node(each.result(), self.cluster) for each in begun]

    def _each(self, act: Callable[[Node], None]) -> None:
        with ThreadPoolExecutor(len(self.all)) as pool:
            list(pool.map(act, self.all))

    def _gather(self) -> None:
        """Wait until each node sees all of them."""
        deadline = time.monotonic() + _TOGETHER_WITHIN
        path = f"/_cluster/health?wait_for_nodes={len(self.all)}&timeout=5s&master_timeout=5s"
        for node in self.all if len(self.all) > 1 else []:
            rest = Rest(node.uri, self.cluster.authority)
            while rest.ask("GET", path)[0] != HTTPStatus.OK:
                if time.monotonic() > deadline:
                    message = (
                        f"the {len(self.all)} nodes do not find each other within "
                        f"{_TOGETHER_WITHIN:.0f} s:\n{self.log}"
                    )
                    raise ServerUnavailableError(message)
                time.sleep(_LOOK_EVERY)
