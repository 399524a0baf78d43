"""OpenSearch: a real distribution with few modules, of one node or several; its security is a plugin, and not there."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from mlflow_plugin_servers import elasticsearch_distributions as distributions
from mlflow_plugin_servers.catalog import Entry
from mlflow_plugin_servers.elasticsearch import ElasticsearchServer
from mlflow_plugin_servers.elasticsearch_cluster import Nodes
from mlflow_plugin_servers.elasticsearch_config import Shape
from mlflow_plugin_servers.elasticsearch_distributions import OPENSEARCH

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from mlflow_plugin_servers.binaries import Binaries

__all__ = ["ENTRY", "OpensearchServer", "find", "opensearch", "prepare"]


class OpensearchServer(ElasticsearchServer):
    """An OpenSearch, which answers to the same requests in what tests need of it."""

    name = "opensearch"


def find() -> Binaries | None:
    """Look for a distribution that was fetched before.

    Returns:
        The version that MLFLOW_PLUGIN_SERVERS_OPENSEARCH_VERSION names, else the newest; None when it is not there.
    """
    return distributions.find(OPENSEARCH)


def prepare(*, required: bool = True) -> Binaries:
    """Make sure that OpenSearch is there; Maven fetches it in any case, for that touches only the user's cache.

    Args:
        required: Whether Maven may be installed by apt, where this process is root on Debian.

    Returns:
        Its programs.

    Raises:
        ServerUnavailableError: It cannot be had; the message says what to install.
    """
    return distributions.prepare(OPENSEARCH, required=required)[1]


@contextlib.contextmanager
def opensearch(
    *,
    version: str | None = None,
    nodes: int = 1,
    heap: str = "512m",
    options: Mapping[str, str] | None = None,
    port: int | None = None,
    required: bool = False,
) -> Iterator[OpensearchServer]:
    """Run OpenSearch of one's own.

    Args:
        version: Such as `3.3`; what MLFLOW_PLUGIN_SERVERS_OPENSEARCH_VERSION says, else the newest, if left out.
        nodes: How many nodes.
        heap: Heap of each node.
        options: Settings of the server, by name as in opensearch.yml.
        port: Port of the first node on loopback; a free one by default.
        required: Whether everything is done to have it.

    Yields:
        The running server.

    Raises:
        ServerUnavailableError: It cannot be had or does not start.
    """
    distribution, programs = distributions.prepare(OPENSEARCH, version, required=required)
    shape = Shape(security=False, tls=False, nodes=nodes, heap=heap)
    started = Nodes(distribution, programs, shape, options or {}, port)
    try:
        yield OpensearchServer(started.all[0].uri, started)
    finally:
        started.close()


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--version", help="such as 3.3 (default: the newest)")
    parser.add_argument("--nodes", type=int, default=1, help="how many nodes (default: 1)")
    parser.add_argument("--heap", default="512m", help="heap of each node (default: 512m)")


ENTRY = Entry(opensearch, OpensearchServer.at, prepare, find, _arguments)
