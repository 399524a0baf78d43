"""Elasticsearch: a real distribution with few modules, with or without security and TLS, of one node or several."""

from __future__ import annotations

import contextlib
import secrets
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from mlflow_plugin_servers import elasticsearch_distributions as distributions
from mlflow_plugin_servers.catalog import Entry
from mlflow_plugin_servers.elasticsearch_cluster import Nodes
from mlflow_plugin_servers.elasticsearch_config import Shape
from mlflow_plugin_servers.elasticsearch_distributions import ELASTICSEARCH
from mlflow_plugin_servers.elasticsearch_users import User, add_user
from mlflow_plugin_servers.errors import NotOurServerError, ServerUnavailableError
from mlflow_plugin_servers.rest import Rest, with_user
from mlflow_plugin_servers.server import Server

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from mlflow_plugin_servers.binaries import Binaries
    from mlflow_plugin_servers.elasticsearch_cluster import Node

__all__ = ["ENTRY", "ElasticsearchServer", "elasticsearch", "find", "prepare"]

# What a test may leave behind, in the order in which it can be removed: a template before its components.
_LEFT_BEHIND = ("_data_stream", "_index_template", "_component_template", "_template")


class ElasticsearchServer(Server):
    """A server of one node or several, and its administrator."""

    name = "elasticsearch"

    def __init__(
        self, uri: str, nodes: Nodes | None = None, *, ca_file: Path | None = None
    ) -> None:
        """Describe a server.

        Args:
            uri: The administrator's.
            nodes: Its processes, when they were started here.
            ca_file: The authority of a server that was not; by default those are trusted that this system trusts.

        Raises:
            ValueError: The URI cannot be read.
            OSError: The file of the authority cannot be read.
        """
        super().__init__(nodes)
        self._uri = uri
        self._nodes = nodes
        self._ca_file = ca_file
        authority = nodes.cluster.authority if nodes else ""
        if ca_file:
            authority = ca_file.read_text(encoding="ascii")
        self._rest = Rest(uri, authority)

    @classmethod
    def at(cls, uri: str) -> ElasticsearchServer:
        """Take a server that is there already, and check that it answers.

        Args:
            uri: A user who may do everything, as `https://user:password@host:port?ca=FILE`; without `ca` the
                certificate is checked against the authorities that this system trusts.

        Returns:
            The server.

        Raises:
            ServerUnavailableError: The URI cannot be read, or the server does not answer this user.
        """
        plain, _, query = uri.partition("?")
        ca_file = dict(parse_qsl(query)).get("ca")
        try:
            server = cls(plain, ca_file=Path(ca_file) if ca_file else None)
        except (ValueError, OSError) as error:
            raise ServerUnavailableError(str(error)) from None
        try:
            status, answer = server.ask("GET", "/_cluster/health?timeout=5s", timeout=10)
        except OSError as error:
            status, answer = 0, error
        if status != HTTPStatus.OK:
            message = (
                f"{cls.name} at {server._rest.netloc} does not answer: {status or ''} {answer}"
            )
            raise ServerUnavailableError(message)
        return server

    @property
    def uri(self) -> str:
        """Where the administrator connects, to the first node."""
        return self._nodes.all[0].uri if self._nodes else self._uri

    @property
    def user(self) -> str:
        """The administrator's name; empty without security."""
        return self._rest.user

    @property
    def password(self) -> str:
        """The administrator's password."""
        return self._rest.password

    @property
    def port(self) -> int:
        """The port of the first node."""
        return Rest(self.uri).port

    @property
    def nodes(self) -> Sequence[Node]:
        """The nodes, of which each can be killed and started apart; empty for a server not started here."""
        return tuple(self._nodes.all) if self._nodes else ()

    @property
    def uris(self) -> list[str]:
        """Where the administrator connects, to each node."""
        return [node.uri for node in self.nodes] or [self.uri]

    @property
    def ca_file(self) -> Path | None:
        """The certificate of the authority that clients have to trust; None without TLS, or when any system has it."""
        return self._nodes.ca_file if self._nodes else self._ca_file

    def facts(self) -> dict[str, str]:
        """Tell what there is to know; see the base class."""
        facts = {f"node {number}": uri for number, uri in enumerate(self.uris)}
        return facts | ({"authority": str(self.ca_file)} if self.ca_file else {})

    def url(self, user: str = "", password: str = "", *, port: int | None = None) -> str:
        """Write a URL of this server.

        Args:
            user: User; empty for nobody.
            password: User's password.
            port: Another port, such as that of a proxy before the server.

        Returns:
            The URL.
        """
        return with_user(self.uri, user, password, port=port)

    def ask(
        self, method: str, path: str, body: Any = None, *, timeout: float = 30.0
    ) -> tuple[int, Any]:
        """Make a request as the administrator.

        Args:
            method: Such as PUT.
            path: Beginning with a slash, with the query.
            body: Sent as JSON; a text as it is.
            timeout: Seconds of silence that end it.

        Returns:
            The status and what came.

        Raises:
            OSError: There is no answer.
        """
        return self._rest.ask(method, path, body, timeout=timeout)

    def add_user(
        self,
        name: str,
        password: str,
        prefix: str,
        *,
        privileges: Sequence[str] = ("all",),
        cluster: Sequence[str] = ("monitor",),
    ) -> str:
        """Make a user who may use the indices of one prefix, or change one.

        Args:
            name: User's name.
            password: User's password.
            prefix: How the names of the indices begin.
            privileges: What may be done to them.
            cluster: What may be done besides, such as `manage_index_templates`.

        Returns:
            The URI for this user.

        Raises:
            NotOurServerError: The server was not started here.
            ServerUnavailableError: It has no security, or does not take the user in.
        """
        if self._nodes is None:
            raise NotOurServerError(self.name, "add a user to")
        if not self.user:
            message = f"this {self.name} server was started without security, and so has no users"
            raise ServerUnavailableError(message)
        running = [node for node in self._nodes.all if node.pid is not None]
        theirs = [
            Rest(with_user(node.uri, name, password), self._nodes.cluster.authority)
            for node in running
        ]

        def has_rights(question: dict[str, Any]) -> bool:
            answers = [
                rest.ask("POST", "/_security/user/_has_privileges", question) for rest in theirs
            ]
            return all(
                status == HTTPStatus.OK and answer["has_all_requested"]
                for status, answer in answers
            )

        user = User(name, password, prefix, privileges=privileges, cluster=cluster)
        add_user(user, [node.config for node in self._nodes.all], has_rights)
        return self.url(name, password)

    @contextlib.contextmanager
    def fresh_prefix(self) -> Iterator[str]:
        """Lend a beginning for the names of indices and templates; whatever has it is removed afterwards.

        A server that an earlier test left stopped is started again first.

        Yields:
            The prefix, such as `test-0a1b2c-`.
        """
        if self._nodes:
            self._nodes.start()
        prefix = f"test-{secrets.token_hex(6)}-"
        try:
            yield prefix
        finally:
            if self._nodes:
                self._nodes.start()
            self.remove(prefix)

    def remove(self, prefix: str) -> None:
        """Remove the indices, templates and data streams of a prefix.

        Args:
            prefix: How their names begin.
        """
        for kind in _LEFT_BEHIND:
            # What this distribution does not have, or what has nothing of the prefix, answers with an error.
            self.ask("DELETE", f"/{kind}/{prefix}*")
        path = f"/_cat/indices/{prefix}*?h=index&format=json&expand_wildcards=all"
        status, listed = self.ask("GET", path)
        for index in listed if status == HTTPStatus.OK else []:
            self.ask("DELETE", f"/{index['index']}?ignore_unavailable=true")


def find() -> Binaries | None:
    """Look for a distribution that was fetched before.

    Returns:
        The version that MLFLOW_PLUGIN_SERVERS_ELASTICSEARCH_VERSION names, else the newest; None when it is not there.
    """
    return distributions.find(ELASTICSEARCH)


def prepare(*, required: bool = True) -> Binaries:
    """Make sure that Elasticsearch is there; Maven fetches it in any case, for that touches only the user's cache.

    Args:
        required: Whether Maven may be installed by apt, where this process is root on Debian.

    Returns:
        Its programs.

    Raises:
        ServerUnavailableError: It cannot be had; the message says what to install.
    """
    return distributions.prepare(ELASTICSEARCH, required=required)[1]


@contextlib.contextmanager
def elasticsearch(
    *,
    version: str | None = None,
    security: bool = True,
    tls: bool = False,
    nodes: int = 1,
    heap: str = "512m",
    options: Mapping[str, str] | None = None,
    port: int | None = None,
    required: bool = False,
) -> Iterator[ElasticsearchServer]:
    """Run Elasticsearch of one's own.

    Args:
        version: Such as `9.2`; what MLFLOW_PLUGIN_SERVERS_ELASTICSEARCH_VERSION says, else the newest, if left out.
        security: Whether users have to say who they are.
        tls: Whether clients speak HTTPS.
        nodes: How many nodes.
        heap: Heap of each node. A node takes some 300 MB more than this.
        options: Settings of the server, by name as in elasticsearch.yml.
        port: Port of the first node on loopback; a free one by default.
        required: Whether everything is done to have it.

    Yields:
        The running server.

    Raises:
        ServerUnavailableError: It cannot be had or does not start.
    """
    distribution, programs = distributions.prepare(ELASTICSEARCH, version, required=required)
    shape = Shape(security=security, tls=tls, nodes=nodes, heap=heap)
    started = Nodes(distribution, programs, shape, options or {}, port)
    try:
        yield ElasticsearchServer(started.all[0].uri, started)
    finally:
        started.close()


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--version", help="such as 9.2 (default: the newest)")
    parser.add_argument(
        "--no-security", dest="security", action="store_false", help="let anybody do everything"
    )
    parser.add_argument("--tls", action="store_true", help="speak HTTPS")
    parser.add_argument("--nodes", type=int, default=1, help="how many nodes (default: 1)")
    parser.add_argument("--heap", default="512m", help="heap of each node (default: 512m)")


ENTRY = Entry(elasticsearch, ElasticsearchServer.at, prepare, find, _arguments)
