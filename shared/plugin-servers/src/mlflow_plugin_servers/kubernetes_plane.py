"""The control plane: etcd, API server, controller manager, scheduler, and KWOK, which plays nodes."""

from __future__ import annotations

import contextlib
import json
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.group import Group
from mlflow_plugin_servers.kubernetes_access import ADMIN, USER, Access
from mlflow_plugin_servers.ports import LOOPBACK, free_port, listened_on

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow_plugin_servers.binaries import Binaries
    from mlflow_plugin_servers.group import Isolation

__all__ = ["SERVICE_ADDRESS", "ControlPlane"]

# The first address of the range is the API server's own, as pods know it.
_SERVICES = "10.0.0.0/24"
SERVICE_ADDRESS = "10.0.0.1"
_FAKE_NODE = "kwok.x-k8s.io/node"
_ROOM = {"cpu": "1000", "memory": "4000Gi", "ephemeral-storage": "4000Gi", "pods": "5000"}
# With the defaults, made for clusters that many share, 100 Jobs take half a minute instead of two seconds.
_HASTE = ("--kube-api-qps=500", "--kube-api-burst=1000")
_STAGES = Path(__file__).with_name("kwok.yaml")
_ANSWER_WITHIN = 5.0


class ControlPlane:
    """The processes of one control plane, with the data, ports and secrets that they keep for life.

    Attributes:
        addresses: Where its servers are, besides loopback; their certificate is good for these.
    """

    addresses: ClassVar[tuple[str, ...]] = (SERVICE_ADDRESS,)

    def __init__(
        self,
        programs: Binaries,
        *,
        options: Mapping[str, str],
        nodes: int,
        port: int | None = None,
        isolation: Isolation | None = None,
    ) -> None:
        """Make its folder; it is not started yet.

        Args:
            programs: The programs.
            options: Further flags of the API server.
            nodes: How many nodes KWOK plays.
            port: Port of the API server on loopback; a free one by default.
            isolation: The namespaces that all of it runs in; by default none.
        """
        self._programs = programs
        self._options = options
        self._nodes = nodes
        self.port = port or free_port()
        self.group = Group("kubernetes", isolation)
        self.folder = self.group.folder
        self.access = Access(self.folder, self.addresses)
        self.admin = self.access.kubeconfig(self.folder / "admin.kubeconfig", ADMIN, self.uri)
        self.user = self.access.kubeconfig(self.folder / "user.kubeconfig", USER, self.uri)
        self._etcd_port, self._peer_port, self._kwok_port = free_port(), free_port(), free_port()
        self.pod_log = self.folder / "pod.log"
        self.pod_log.write_text("", encoding="utf-8")

    @property
    def uri(self) -> str:
        """Address of the API server."""
        return f"https://{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int | None:
        """Number of the process that the others go down with; None while it does not run."""
        return self.group.pid

    @property
    def log(self) -> str:
        """The end of the API server's log."""
        return self.group.log("kube-apiserver")

    @property
    def log_path(self) -> Path:
        """The file that the API server's log goes to; the others are beside it."""
        return self.group.log_path("kube-apiserver")

    def start(self) -> None:
        """Start what does not run, each when what it needs is there, and wait until Jobs can be taken.

        Raises:
            ServerUnavailableError: One of them ends or is not ready in time; the end of its log is in the message.
        """
        running = self.group.pids()
        if not running and listened_on(self.port):
            # Else a stranger would be asked whether it is ready.
            message = f"{LOOPBACK}:{self.port} is already in use"
            raise ServerUnavailableError(message)
        self.group.open()
        # The API server waits for etcd by itself.
        self.group.start("etcd", self._etcd())
        self.connect()
        self.group.start("kube-apiserver", self._apiserver(), ready=self._ready)
        for name in ("kube-controller-manager", "kube-scheduler"):
            self.group.start(name, self._controller(name))
        if self._nodes:
            self._start_kwok()
        # Pods are refused before.
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        self.group.wait("kube-controller-manager", lambda: self.get(account) is not None)

    def connect(self) -> None:
        """Make the way to the API server, where there is more to it than loopback."""

    def stop(self) -> None:
        """End all of it in order; the data stays."""
        # Asked to end, an API server waits a minute for its watchers; its data is all in etcd.
        self.group.stop("kube-apiserver", signal.SIGKILL)
        self.group.shut()

    def kill(self) -> None:
        """End all of it with SIGKILL; the data stays as it is."""
        self.group.kill()

    def restart(self) -> None:
        """End it in order, if it runs, and start it on the same ports and data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End it and remove its data."""
        self.group.close()

    def get(self, path: str) -> dict[str, Any] | None:
        """Ask the API server as the administrator.

        Args:
            path: Of an object, or of a list.

        Returns:
            It; None when it is not there, or the server does not answer.
        """
        with contextlib.suppress(OSError, ValueError):
            found: dict[str, Any] = json.loads(self._call(path))
            return found
        return None

    def _call(self, path: str, body: dict[str, Any] | None = None) -> bytes:
        headers = {
            "Authorization": f"Bearer {self.access.token(ADMIN)}",
            "Content-Type": "application/json",
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.uri + path, data, headers)  # noqa: S310  (https)
        # Past any proxy of the environment: this is loopback.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.access.trust)
        )
        with opener.open(request, timeout=_ANSWER_WITHIN) as answer:
            content: bytes = answer.read()
            return content

    def _ready(self) -> bool:
        with contextlib.suppress(OSError):
            return self._call("/readyz") == b"ok"
        return False

    def _etcd(self) -> list[str]:
        client, peer = (f"https://{LOOPBACK}:{port}" for port in (self._etcd_port, self._peer_port))
        pair = [f"cert-file={self.access.certificate}", f"key-file={self.access.key}"]
        # Whoever can write into etcd rules the cluster, and a real node of it runs as root.
        trust = [f"trusted-ca-file={self.access.authority}", "client-cert-auth"]
        return [
            self._programs["etcd"],
            f"--data-dir={self.folder / 'etcd'}",
            # A killed process loses nothing by it; only a machine that loses its power does.
            "--unsafe-no-fsync",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            *(f"--{word}" for word in (*pair, *trust)),
            *(f"--peer-{word}" for word in (*pair, *trust)),
        ]

    def _apiserver(self) -> list[str]:
        access = self.access
        return [
            self._programs["kube-apiserver"],
            f"--etcd-servers=https://{LOOPBACK}:{self._etcd_port}",
            f"--etcd-cafile={access.authority}",
            f"--etcd-certfile={access.certificate}",
            f"--etcd-keyfile={access.key}",
            f"--bind-address={LOOPBACK}",
            f"--advertise-address={LOOPBACK}",
            "--endpoint-reconciler-type=none",
            f"--secure-port={self.port}",
            f"--tls-cert-file={access.certificate}",
            f"--tls-private-key-file={access.key}",
            f"--token-auth-file={access.tokens}",
            "--authorization-mode=RBAC",
            f"--service-cluster-ip-range={_SERVICES}",
            f"--service-account-key-file={access.key}",
            f"--service-account-signing-key-file={access.key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--kubelet-preferred-address-types=InternalIP",
            f"--kubelet-client-certificate={access.certificate}",
            f"--kubelet-client-key={access.key}",
            f"--kubelet-certificate-authority={access.authority}",
            "--allow-privileged",
            *(f"--{name}={value}" for name, value in self._options.items()),
        ]

    def _controller(self, name: str) -> list[str]:
        keys = {
            "kube-controller-manager": [
                f"--service-account-private-key-file={self.access.key}",
                f"--root-ca-file={self.access.authority}",
                "--controllers=*",
            ]
        }
        common = [f"--kubeconfig={self.admin}", "--leader-elect=false", "--secure-port=0"]
        return [self._programs[name], *common, *_HASTE, *keys.get(name, [])]

    def _start_kwok(self) -> None:
        stages = self.folder / "kwok.yaml"
        text = _STAGES.read_text(encoding="utf-8").replace("@POD_LOG@", str(self.pod_log))
        stages.write_text(text, encoding="utf-8")
        self.group.start(
            "kwok",
            [
                self._programs["kwok"],
                f"--kubeconfig={self.admin}",
                f"--config={stages}",
                f"--manage-nodes-with-annotation-selector={_FAKE_NODE}=fake",
                "--node-lease-duration-seconds=40",
                f"--node-ip={LOOPBACK}",
                f"--node-port={self._kwok_port}",
                f"--server-address={LOOPBACK}:{self._kwok_port}",
                f"--tls-cert-file={self.access.certificate}",
                f"--tls-private-key-file={self.access.key}",
            ],
        )
        names = [f"fake-{number + 1}" for number in range(self._nodes)]
        for name in names:
            if self.get(f"/api/v1/nodes/{name}") is None:
                self._call("/api/v1/nodes", _fake_node(name))
        for name in names:
            self.group.wait("kwok", lambda name=name: self.node_ready(name))  # type: ignore[misc]

    def node_ready(self, name: str) -> bool:
        """Tell whether pods may go to a node.

        Args:
            name: Its name.

        Returns:
            Whether it is ready and nothing keeps pods away.
        """
        node = self.get(f"/api/v1/nodes/{name}")
        conditions = (node or {}).get("status", {}).get("conditions", [])
        ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
        return ready and not (node or {})["spec"].get("taints")


def _fake_node(name: str) -> dict[str, Any]:
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "type": "kwok"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {_FAKE_NODE: "fake"}},
        "status": {"capacity": _ROOM, "allocatable": _ROOM},
    }
