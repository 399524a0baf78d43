"""What the nodes of one cluster are told: settings, the options of Java, and where the log goes."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlflow_plugin_servers.ports import LOOPBACK
from mlflow_plugin_servers.rest import with_user

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlflow_plugin_servers.certificates import Certificate
    from mlflow_plugin_servers.elasticsearch_distributions import Distribution

__all__ = ["ADMIN", "LOGGING", "Cluster", "Shape", "jvm_options", "settings"]

ADMIN = "elastic"
# To the standard output alone, which is the log that the tests see. The distribution's own writes seven files more.
LOGGING = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%c{1.}] [%node_name]%marker %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
"""
_UNWANTED = re.compile(r"-Xlog:|-XX:.*HeapDump|-XX:ErrorFile|-XX:.*(G1|ConcMark)")
_VECTORS = "jdk.incubator.vector"


@dataclass(frozen=True)
class Shape:
    """What kind of cluster is wanted.

    Attributes:
        security: Whether users have to say who they are.
        tls: Whether clients speak HTTPS.
        nodes: How many nodes; each is a process of its own.
        heap: Heap of each, such as `512m`.
    """

    security: bool = True
    tls: bool = False
    nodes: int = 1
    heap: str = "512m"


@dataclass
class Cluster:
    """What the nodes of one cluster share.

    Attributes:
        name: Its name: a node of another one that finds a port of ours is not let in.
        shape: What is wanted.
        distribution: What it is made of.
        password: Of the administrator; empty without security.
        transport_ports: Where the nodes talk to each other.
        options: Further settings.
        modules: What the distribution is made of.
        authority: Certificate of the authority that signed theirs; empty without any TLS.
        certificate: What each of them shows; None without any TLS.
        keystore: The secrets, as the first node wrote them; the others copy the file, which takes no second.
        lock: Held by the node that writes it.
    """

    name: str
    shape: Shape
    distribution: Distribution
    password: str
    transport_ports: list[int]
    options: Mapping[str, str]
    modules: frozenset[str] = frozenset()
    authority: str = ""
    certificate: Certificate | None = None
    keystore: bytes = b""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def uri(self, port: int) -> str:
        """Write the administrator's URI of the node on a port."""
        scheme = "https" if self.shape.tls else "http"
        user = ADMIN if self.password else ""
        return with_user(f"{scheme}://{LOOPBACK}:{port}", user, self.password)


def settings(cluster: Cluster, index: int, folder: Path) -> str:
    """Write the settings of a node; its port for clients is told on its command line.

    Args:
        cluster: What it belongs to.
        index: Its number there, from 0.
        folder: Where everything of it is.

    Returns:
        The text of `elasticsearch.yml`.
    """
    names = [f"node-{number}" for number in range(cluster.shape.nodes)]
    chosen: dict[str, object] = {
        "cluster.name": cluster.name,
        "node.name": names[index],
        "network.host": LOOPBACK,
        "transport.port": cluster.transport_ports[index],
        "path.data": str(folder / "data"),
        "path.logs": str(folder / "logs"),
        # Else a disk that is nearly full, which is not the tests' business, makes indices read-only.
        "cluster.routing.allocation.disk.threshold_enabled": False,
    }
    if cluster.shape.nodes == 1:
        chosen["discovery.type"] = "single-node"
    else:
        seeds = [f"{LOOPBACK}:{port}" for port in cluster.transport_ports]
        first = {"elasticsearch": "master"}.get(cluster.distribution.kind, "cluster_manager")
        chosen["discovery.seed_hosts"] = seeds
        chosen[f"cluster.initial_{first}_nodes"] = names
    if cluster.distribution.kind == "elasticsearch":
        chosen |= _security(cluster)
    # Of a whole distribution, which the user may name. One fetches files from elsewhere, the other starts a program.
    if "ingest-geoip" in cluster.modules:
        chosen["ingest.geoip.downloader.enabled"] = False
    if "x-pack-ml" in cluster.modules:
        chosen["xpack.ml.enabled"] = False
    # JSON is YAML, and quotes whatever has to be.
    whole = {**chosen, **cluster.options}
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in whole.items())


def _security(cluster: Cluster) -> dict[str, object]:
    shape = cluster.shape
    chosen: dict[str, object] = {
        "xpack.security.enabled": shape.security,
        # It would set up TLS by itself, with certificates that no test knows.
        "xpack.security.autoconfiguration.enabled": False,
    }
    if shape.security:
        # How often the files of users and roles are looked at; a test that adds a user waits that long.
        chosen["resource.reload.interval.high"] = "100ms"
    layers = {"http": shape.tls, "transport": shape.security and shape.nodes > 1}
    for layer, wanted in layers.items():
        if wanted:
            ssl = f"xpack.security.{layer}.ssl"
            chosen |= {
                f"{ssl}.enabled": True,
                f"{ssl}.certificate": "node.pem",
                f"{ssl}.key": "node.key",
                f"{ssl}.certificate_authorities": ["ca.pem"],
            }
    return chosen


def jvm_options(theirs: str, modules: str, heap: str) -> str:
    """Write the options of Java for a small server that lives for some minutes.

    Args:
        theirs: The list that comes with the distribution.
        modules: Modules of the Java that it runs on.
        heap: Heap, such as `512m`.

    Returns:
        The text of `jvm.options`.
    """
    kept = [
        line
        for line in theirs.splitlines()
        if not line.startswith("#")
        and not _UNWANTED.search(line)
        # A runtime in a wheel is without it; Lucene does vectors in plain Java then.
        and (_VECTORS not in line or _VECTORS in modules)
    ]
    ours = [
        f"-Xms{heap}",
        f"-Xmx{heap}",
        # One thread instead of one for each core; the pauses of so small a heap are short.
        "-XX:+UseSerialGC",
        # The heap takes memory as it is used.
        "-XX:-AlwaysPreTouch",
        # The first compiler alone: it is ready sooner, and the second one pays after minutes.
        "-XX:TieredStopAtLevel=1",
    ]
    return "\n".join([*filter(None, kept), *ours]) + "\n"
