"""Kubernetes: a real control plane on loopback, with nodes that KWOK plays."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit

from mlflow_plugin_servers.catalog import Entry
from mlflow_plugin_servers.errors import NotOurServerError, ServerUnavailableError
from mlflow_plugin_servers.kubectl import Kubectl
from mlflow_plugin_servers.kubernetes_plane import ControlPlane
from mlflow_plugin_servers.kubernetes_programs import find, prepare
from mlflow_plugin_servers.server import Server

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["ENTRY", "KubernetesServer", "find", "kubernetes", "prepare", "started"]

_Plane = TypeVar("_Plane", bound=ControlPlane)
_PORTS_TRIED = 3
_LOOK_EVERY = 0.05
_READY_WITHIN = 30.0


class KubernetesServer(Server):
    """A cluster: where it is, its kubeconfigs, and namespaces to work in."""

    name = "kubernetes"

    def __init__(self, kubeconfig: Path, kubectl: str, plane: ControlPlane | None = None) -> None:
        """Describe a cluster.

        Args:
            kubeconfig: The file that leads its administrator there.
            kubectl: The program.
            plane: Its processes, when it was started here.
        """
        super().__init__(plane)
        self.kubeconfig = kubeconfig
        self.kubectl = kubectl
        self._plane = plane
        self._client = Kubectl(kubectl, kubeconfig)

    @classmethod
    def at(cls, uri: str) -> KubernetesServer:
        """Take a cluster that is there already, and check that it answers.

        Args:
            uri: The path of a kubeconfig, or its `file:` URI. Its current context must be allowed to make namespaces.

        Returns:
            The cluster.

        Raises:
            ServerUnavailableError: There is no such file, no kubectl, or no answer.
        """
        parts = urlsplit(uri)
        path = Path(unquote(parts.path)) if parts.scheme == "file" else Path(uri).expanduser()
        if not path.is_file():
            message = f"{cls.name}: there is no kubeconfig {path}; the URI of a cluster is the path of its kubeconfig"
            raise ServerUnavailableError(message)
        programs = find()
        kubectl = programs["kubectl"] if programs else shutil.which("kubectl")
        if kubectl is None:
            message = f"{cls.name}: kubectl is needed to use the cluster of {path}; install it"
            raise ServerUnavailableError(message)
        server = cls(path, kubectl)
        server._client.get("/api/v1/namespaces?limit=1")
        return server

    @property
    def uri(self) -> str:
        """Address of the API server."""
        return self._plane.uri if self._plane else self._client.address()

    @property
    def user_kubeconfig(self) -> Path:
        """The file that leads a user there who may do nothing, until a role says otherwise: `User` named `user`.

        Raises:
            NotOurServerError: The cluster was given by its kubeconfig.
        """
        return self._own("take another user of").user

    @property
    def environment(self) -> Mapping[str, str]:
        """The variable that every client of Kubernetes looks at."""
        return {"KUBECONFIG": str(self.kubeconfig)}

    def facts(self) -> dict[str, str]:
        """Tell a person who runs it what there is to know; see the base class."""
        shown = {"address": self.uri, "kubeconfig": str(self.kubeconfig)}
        if self._plane:
            shown["kubeconfig of a user without rights"] = str(self._plane.user)
            shown["logs"] = str(self._plane.group.logs)
        shown["kubectl"] = self.kubectl
        return shown

    def create_namespace(self, name: str) -> None:
        """Make a namespace, and wait until pods can be made in it.

        Args:
            name: Its name.

        Raises:
            ServerUnavailableError: It cannot be made, or nothing gives it its service account.
        """
        self._client.create("/api/v1/namespaces", {"metadata": {"name": name}})
        within = f"/api/v1/namespaces/{name}"
        needed = (f"{within}/serviceaccounts/default", f"{within}/configmaps/kube-root-ca.crt")
        deadline = time.monotonic() + _READY_WITHIN
        while not all(self._client.get(path) for path in needed):
            if time.monotonic() > deadline:
                message = (
                    f"namespace {name} has no service account after {_READY_WITHIN:.0f} s: "
                    "does the controller manager run?"
                )
                raise ServerUnavailableError(message)
            time.sleep(_LOOK_EVERY)

    def delete_namespace(self, name: str) -> None:
        """Ask for a namespace to be removed with all that is in it, which goes on in the cluster.

        Args:
            name: Its name; nothing happens when there is none.
        """
        self._client.delete(f"/api/v1/namespaces/{name}")

    @contextlib.contextmanager
    def fresh_namespace(self) -> Iterator[str]:
        """Lend a new, empty namespace, which is deleted afterwards.

        Yields:
            Its name.
        """
        name = f"test-{secrets.token_hex(6)}"
        self.create_namespace(name)
        try:
            yield name
        finally:
            self.delete_namespace(name)

    def set_pod_log(self, text: str) -> None:
        """Choose what the containers of fake nodes have written, all of them the same.

        Args:
            text: Lines.

        Raises:
            NotOurServerError: The cluster was given by its kubeconfig.
        """
        # The format of the container runtimes; others are refused.
        lines = [f"2026-01-01T00:00:00Z stdout F {line}\n" for line in text.splitlines()]
        self._own("write the logs of").pod_log.write_text("".join(lines), encoding="utf-8")

    def kill_part(self, name: str) -> None:
        """Kill one process of the control plane, as a crash would; `start` starts it again.

        Args:
            name: `etcd`, `kube-apiserver`, `kube-controller-manager`, `kube-scheduler` or `kwok`.

        Raises:
            NotOurServerError: The cluster was given by its kubeconfig.
        """
        self._own("kill a part of").group.kill(name)

    def _own(self, verb: str) -> ControlPlane:
        if self._plane is None:
            raise NotOurServerError(self.name, verb)
        return self._plane


@contextlib.contextmanager
def started(make: Callable[[], _Plane], port: int | None) -> Iterator[_Plane]:
    """Start a control plane; where somebody takes one of its ports meanwhile, another on other ports.

    Args:
        make: Makes one.
        port: The port that was asked for; then it is tried once.

    Yields:
        The running control plane.

    Raises:
        ServerUnavailableError: It does not start.
    """
    for left in range(0 if port else _PORTS_TRIED - 1, -1, -1):
        plane = make()
        try:
            try:
                plane.start()
            except ServerUnavailableError as error:
                if left and "already in use" in str(error):
                    continue
                raise
            yield plane
            return
        finally:
            plane.close()


@contextlib.contextmanager
def kubernetes(
    *,
    options: Mapping[str, str] | None = None,
    port: int | None = None,
    required: bool = False,
    nodes: int = 1,
) -> Iterator[KubernetesServer]:
    """Run a cluster of one's own, whose nodes are played: pods run and end, and nothing is executed.

    Args:
        options: Further flags of the API server, without the dashes.
        port: Port of the API server on loopback; a free one by default.
        required: Whether everything is done to have it, which may take ten minutes once.
        nodes: How many nodes there are.

    Yields:
        The running cluster.

    Raises:
        ServerUnavailableError: It cannot be had or does not start.
    """
    programs = prepare(required=required)

    def make() -> ControlPlane:
        return ControlPlane(programs, options=options or {}, nodes=nodes, port=port)

    with started(make, port) as plane:
        yield KubernetesServer(plane.admin, programs["kubectl"], plane)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nodes", type=int, default=1, help="how many nodes are played (1)")


ENTRY = Entry(kubernetes, KubernetesServer.at, prepare, find, _arguments)
