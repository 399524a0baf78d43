"""One node of Elasticsearch, or of OpenSearch: its folder, its process, and how to see that it is ready."""

from __future__ import annotations

import os
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_plugin_servers.elasticsearch_config import LOGGING, jvm_options, settings
from mlflow_plugin_servers.elasticsearch_distributions import ACCOUNTS
from mlflow_plugin_servers.local import Recipe
from mlflow_plugin_servers.rest import Rest
from mlflow_plugin_servers.users import unprivileged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow_plugin_servers.binaries import Binaries
    from mlflow_plugin_servers.elasticsearch_config import Cluster
    from mlflow_plugin_servers.process import Process

__all__ = ["NodeRecipe"]

_KEYSTORE = "elasticsearch.keystore"


class NodeRecipe(Recipe):
    """How a node is started."""

    accounts = ACCOUNTS
    # Several nodes may share two cores with the tests of others.
    ready_within = 180.0

    def __init__(self, programs: Binaries, cluster: Cluster, index: int) -> None:
        """Describe a node.

        Args:
            programs: The distribution and its Java.
            cluster: What it belongs to.
            index: Its number there, from 0.
        """
        self.name = cluster.distribution.kind
        self._programs = programs
        self._cluster = cluster
        self._index = index
        self._account = unprivileged(*ACCOUNTS)

    def initialise(self, process: Process) -> None:
        """Write the configuration; see the base class."""
        for name in ("config", "config/jvm.options.d", "data", "logs", "tmp"):
            folder = process.folder / name
            folder.mkdir(mode=0o700)
            self._give(folder)
        process.add_file(
            f"config/{self.name}.yml", settings(self._cluster, self._index, process.folder)
        )
        process.add_file("config/log4j2.properties", LOGGING)
        process.add_file("config/jvm.options", self._jvm_options())
        if self._cluster.certificate:
            process.add_file("config/ca.pem", self._cluster.authority)
            process.add_file("config/node.pem", self._cluster.certificate.chain)
            process.add_file("config/node.key", self._cluster.certificate.key)
        if self._cluster.password:
            for name in ("users", "users_roles", "roles.yml"):
                process.add_file(f"config/{name}", "")
            with self._cluster.lock:
                self._keep_password(process)

    def command(self, folder: Path, port: int) -> list[str]:
        """Build the command; see the base class."""
        del folder
        return [self._programs[self.name], "-E", f"http.port={port}"]

    def environment(self, folder: Path) -> Mapping[str, str]:
        """Return the variables; see the base class."""
        prefix = self._cluster.distribution.variables
        return {
            f"{prefix}_PATH_CONF": str(folder / "config"),
            f"{prefix}_TMPDIR": str(folder / "tmp"),
            f"{prefix}_JAVA_HOME": str(self._java_home),
            # For the small program that starts the server and stays before it.
            "CLI_JAVA_OPTS": "-XX:TieredStopAtLevel=1",
        }

    def ready(self, port: int) -> bool:
        """Tell whether the node answers and is part of a cluster that has a master; see the base class."""
        rest = Rest(self._cluster.uri(port), self._cluster.authority)
        try:
            status, health = rest.ask(
                "GET", "/_cluster/health?timeout=1s&master_timeout=1s", timeout=5
            )
        except OSError:
            return False
        return status == HTTPStatus.OK and not health["timed_out"]

    @property
    def _java_home(self) -> Path:
        return Path(self._programs["java"]).parents[1]

    def _jvm_options(self) -> str:
        folder = Path(self._programs[self.name]).parents[1]
        theirs = (folder / "config" / "jvm.options").read_text(encoding="utf-8")
        modules = (self._java_home / "release").read_text(encoding="utf-8", errors="replace")
        return jvm_options(theirs, modules, self._cluster.shape.heap)

    def _keep_password(self, process: Process) -> None:
        """Put the administrator's first password where the server looks for it, in a file that is not plain text."""
        target = process.folder / "config" / _KEYSTORE
        if not self._cluster.keystore:
            secret = process.add_file("secret", self._cluster.password)
            variables = [
                f"{name}={value}" for name, value in self.environment(process.folder).items()
            ]
            script = 'exec "$0" add --stdin --force bootstrap.password < "$1"'
            tool = [self._programs["keystore"], str(secret)]
            process.run(["/usr/bin/env", *variables, "/bin/sh", "-c", script, *tool])
            secret.unlink()
            self._cluster.keystore = target.read_bytes()
        else:
            target.touch(mode=0o600)
            target.write_bytes(self._cluster.keystore)
            self._give(target)

    def _give(self, path: Path) -> None:
        """Give a file or folder to the user that the server runs as."""
        if self._account:
            os.chown(path, self._account.uid, self._account.gid)
