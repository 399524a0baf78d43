"""The servers that this package knows, by name, and what the environment says about each."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from mlflow_plugin_servers.binaries import Binaries
    from mlflow_plugin_servers.server import Server

__all__ = ["REQUIRE_VARIABLE", "SERVERS", "Entry", "acquire", "required", "uri_variable"]

REQUIRE_VARIABLE = "MLFLOW_PLUGIN_SERVERS_REQUIRE"

# A kind's name and its module, one kind to a line. The module is imported when somebody asks for the kind.
_MODULES = {
    "postgresql": "postgresql",
    "mariadb": "mariadb",
    "elasticsearch": "elasticsearch",
    "opensearch": "opensearch",
    "oss": "oss",
    "hub": "hub",
    "oidc": "oidc",
    "keycloak": "keycloak",
    "s3": "s3",
    "slurm": "slurm",
    "minio": "minio",
    "kubernetes": "kubernetes",
    "kubernetes_node": "kubernetes_node",
}


def _no_arguments(parser: argparse.ArgumentParser) -> None:
    del parser


@dataclass(frozen=True)
class Entry:
    """One kind of server; its module ends with one of these, named ENTRY.

    Attributes:
        run: Runs one for the length of a `with` block. Takes `options` (settings of the server by name), `port` (on
            loopback; a free one by default), `required` (whether everything is done to have it), and further keyword
            arguments of its own, all of them optional. What it gives is a `Server`.
        at: Takes one that is there already, by its URI, and checks that it answers.
        prepare: Makes sure that its programs are there. With `required=True` it installs and builds whatever that
            takes, without it only what takes under two minutes and touches the user's cache alone.
        find: Looks for them.
        arguments: Adds what `run` takes besides to the command line. Each is handed to `run` under its own name.
    """

    run: Callable[..., AbstractContextManager[Any]]
    at: Callable[[str], Server]
    prepare: Callable[..., Binaries]
    find: Callable[[], Binaries | None]
    arguments: Callable[[argparse.ArgumentParser], None] = _no_arguments


class _Catalog(Mapping[str, Entry]):
    """Imports the module of a kind when it is looked up: pytest loads this package in every run."""

    def __getitem__(self, name: str) -> Entry:
        module = importlib.import_module(f"mlflow_plugin_servers.{_MODULES[name]}")
        entry: Entry = module.ENTRY
        return entry

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


SERVERS: Mapping[str, Entry] = _Catalog()


def uri_variable(name: str) -> str:
    """Name the variable that takes the URI of a server somebody runs already.

    Args:
        name: Kind of server.

    Returns:
        The environment variable.
    """
    return f"MLFLOW_PLUGIN_SERVERS_{name.upper()}_URI"


def required(name: str) -> bool:
    """Tell whether tests may not go without a server.

    Args:
        name: Kind of server.

    Returns:
        Whether the environment asks for it by name or asks for all.
    """
    wanted = os.environ.get(REQUIRE_VARIABLE, "").replace(",", " ").split()
    return "all" in wanted or name in wanted


@contextlib.contextmanager
def acquire(name: str, *, private: bool = False, **options: Any) -> Iterator[Any]:
    """Give the server that the environment names, or run one.

    Args:
        name: Kind of server.
        private: Whether it must be one of one's own, which may be killed.
        options: What `run` of this kind takes besides. A server with such wishes is always one of one's own, for the
            one that the environment names is as it is.

    Yields:
        The server.

    Raises:
        ServerUnavailableError: It cannot be had; the message says why.
    """
    entry = SERVERS[name]
    uri = os.environ.get(uri_variable(name))
    if uri and not private and not options:
        yield entry.at(uri)
    else:
        with entry.run(required=required(name), **options) as server:
            yield server
