"""Kubernetes with a real node, whose pods are real containers: for root on Linux."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_plugin_servers.catalog import Entry
from mlflow_plugin_servers.errors import NotOurServerError
from mlflow_plugin_servers.kubernetes import KubernetesServer, started
from mlflow_plugin_servers.kubernetes_images import write_archive
from mlflow_plugin_servers.kubernetes_kubelet import BUSYBOX, RealPlane
from mlflow_plugin_servers.kubernetes_python import PYTHON, python_archive
from mlflow_plugin_servers.kubernetes_runtime import find, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["ENTRY", "KubernetesNode", "find", "kubernetes_node", "prepare"]


class KubernetesNode(KubernetesServer):
    """A cluster of one real node.

    Attributes:
        image: An image with a shell and the usual small programs, which the node has from the start.
    """

    name = "kubernetes_node"
    image = BUSYBOX

    def expose(self, port: int) -> str:
        """Let pods reach a server that a test runs on 127.0.0.1.

        Args:
            port: Its port.

        Returns:
            Host and port, joined by a colon, under which pods reach it.

        Raises:
            NotOurServerError: The cluster was given by its kubeconfig.
        """
        return self._real("expose a server to").expose(port)

    def load_image(
        self,
        source: Path,
        name: str,
        *,
        entrypoint: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Make an image and give it to the node; pods use it with `imagePullPolicy: Never` or `IfNotPresent`.

        Args:
            source: The root file system: a folder, or a tar file of one.
            name: Name with a tag, such as `localhost/trainer:1`.
            entrypoint: What containers run when a pod names no command.
            environment: Variables that containers get.

        Returns:
            The name.

        Raises:
            NotOurServerError: The cluster was given by its kubeconfig.
            ServerUnavailableError: The container runtime does not take it.
        """
        plane = self._real("give an image to")
        with tempfile.TemporaryDirectory(dir=plane.folder) as folder:
            archive = Path(folder) / "image.tar"
            plane.load(
                write_archive(source, name, archive, entrypoint=entrypoint, environment=environment)
            )
        return name

    def python_image(self, *requirements: str, name: str = PYTHON) -> str:
        """Give the node an image with the Python that runs this, and packages from the index.

        It is made once for each user and list of packages, in about half a minute, and kept in the cache.

        Args:
            requirements: Packages as pip reads them, such as `mlflow-skinny`; those without a version stay at the one
                that was the newest when the image was made.
            name: Name with a tag.

        Returns:
            The name.

        Raises:
            NotOurServerError: The cluster was given by its kubeconfig.
            ServerUnavailableError: The packages cannot be fetched.
        """
        plane = self._real("give an image to")
        plane.load(python_archive(requirements, name))
        return name

    def _real(self, verb: str) -> RealPlane:
        plane = self._own(verb)
        if not isinstance(plane, RealPlane):
            raise NotOurServerError(self.name, verb)
        return plane


@contextlib.contextmanager
def kubernetes_node(
    *,
    options: Mapping[str, str] | None = None,
    port: int | None = None,
    required: bool = False,
) -> Iterator[KubernetesNode]:
    """Run a cluster of one's own with one real node.

    Args:
        options: Further flags of the API server, without the dashes.
        port: Port of the API server on loopback; a free one by default.
        required: Whether everything is done to have it, which may take ten minutes once.

    Yields:
        The running cluster.

    Raises:
        ServerUnavailableError: It cannot be had or does not start, or this is not root on Linux.
    """
    programs = prepare(required=required)
    with started(lambda: RealPlane(programs, options=options or {}, port=port), port) as plane:
        yield KubernetesNode(plane.admin, programs["kubectl"], plane)


ENTRY = Entry(kubernetes_node, KubernetesNode.at, prepare, find)
