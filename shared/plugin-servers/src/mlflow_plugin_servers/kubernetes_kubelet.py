"""A real node: containerd, runc and kubelet, with a control plane of its own, in namespaces of their own."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.group import OUTSIDE, Isolation
from mlflow_plugin_servers.kubernetes_images import busybox_root, pause_root, write_archive
from mlflow_plugin_servers.kubernetes_plane import SERVICE_ADDRESS, ControlPlane
from mlflow_plugin_servers.kubernetes_runtime import PLUGINS
from mlflow_plugin_servers.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlflow_plugin_servers.binaries import Binaries

__all__ = ["BUSYBOX", "NODE", "NODE_ADDRESS", "RealPlane"]

NODE = "real-1"
# All of these are inside of a network that nobody outside can reach.
NODE_ADDRESS = "10.88.255.1"
_PODS = "10.88.0.0/24"
BUSYBOX = "localhost/busybox:1"
_PAUSE = "localhost/pause:1"
_FORWARD = Path(__file__).with_name("forward.py")
_CGROUPS = Path("/sys/fs/cgroup")
_CGROUP_PREFIX = "mlflow-plugin-servers-"
# kubelet sets these for the whole machine; it is shown files that have its wishes already.
_KERNEL = {
    "/proc/sys/vm/overcommit_memory": "1",
    "/proc/sys/vm/panic_on_oom": "0",
    "/proc/sys/kernel/panic": "10",
    "/proc/sys/kernel/panic_on_oops": "1",
    "/proc/sys/kernel/keys/root_maxkeys": "1000000",
    "/proc/sys/kernel/keys/root_maxbytes": "25000000",
}
# Where container runtime and kubelet leave sockets, links and caches, whatever folders they are told to use.
_EMPTIED = ("/run", "/var/log", "/var/lib/cni")
_IMPORT_WITHIN = 300.0


class RealPlane(ControlPlane):
    """A control plane with one real node."""

    addresses: ClassVar[tuple[str, ...]] = (SERVICE_ADDRESS, NODE_ADDRESS)

    def __init__(self, programs: Binaries, *, options: Mapping[str, str], port: int | None) -> None:
        """Make its folder and its namespaces; it is not started yet.

        Args:
            programs: The programs.
            options: Further flags of the API server.
            port: Port of the API server on loopback; a free one by default.

        Raises:
            ServerUnavailableError: This root lacks a right that it takes.
        """
        _sweep()
        self._cgroup = f"{_CGROUP_PREFIX}{os.getpid()}-{secrets.token_hex(3)}"
        busybox = programs["busybox"]
        isolation = Isolation(
            hidden=_KERNEL,
            emptied=_EMPTIED,
            leftovers=[str(folder / self._cgroup) for folder in _hierarchies()],
            first=[
                # kubelet refuses an address of loopback.
                [busybox, "ip", "link", "add", "node0", "type", "bridge"],
                [busybox, "ip", "addr", "add", f"{NODE_ADDRESS}/32", "dev", "node0"],
                [busybox, "ip", "link", "set", "node0", "up"],
                [busybox, "ip", "addr", "add", f"{SERVICE_ADDRESS}/32", "dev", "lo"],
            ],
        )
        super().__init__(programs, options=options, nodes=0, port=port, isolation=isolation)
        for hidden in _EMPTIED:
            if self.folder.is_relative_to(hidden):
                self.close()
                message = f"a node cannot have its data in {hidden}; set TMPDIR to another folder"
                raise ServerUnavailableError(message)
        self._socket = self.folder / "containerd.sock"

    def start(self) -> None:
        """Start the control plane, then the node, and wait until pods can go there; see the base class."""
        fresh = not (self.folder / "containerd").exists()
        super().start()
        programs = self._programs
        self.group.start(
            "containerd",
            [programs["containerd"], f"--config={self._containerd()}"],
            ready=self._runtime_answers,
            environment={"PATH": self._path()},
        )
        if fresh:
            self._load_own_images()
        self.group.start(
            "kubelet",
            [
                programs["kubelet"],
                f"--kubeconfig={self.admin}",
                f"--config={self._kubelet()}",
                f"--root-dir={self.folder / 'kubelet'}",
                f"--cert-dir={self.folder / 'kubelet-certs'}",
                f"--hostname-override={NODE}",
                f"--node-ip={NODE_ADDRESS}",
            ],
            ready=lambda: self.node_ready(NODE),
            environment={"PATH": self._path()},
        )

    def connect(self) -> None:
        """Let tests reach the API server on their loopback, and pods on the address that Kubernetes tells them."""
        inside = (LOOPBACK, self.port)
        self._forward("way-in", OUTSIDE, inside, "-", inside)
        self._forward("way-of-pods", "-", (SERVICE_ADDRESS, 443), "-", inside)

    def expose(self, port: int) -> str:
        """Let pods reach a server on the machine's loopback.

        Args:
            port: Its port.

        Returns:
            Host and port under which pods reach it.
        """
        name = f"expose-{port}"
        self._forward(name, "-", (NODE_ADDRESS, port), OUTSIDE, (LOOPBACK, port))
        return f"{NODE_ADDRESS}:{port}"

    def load(self, archive: Path) -> None:
        """Give the node an image.

        Args:
            archive: What `write_archive` wrote.

        Raises:
            ServerUnavailableError: The container runtime does not take it.
        """
        done = self._ctr("images", "import", str(archive), within=_IMPORT_WITHIN)
        if done.returncode != 0:
            message = f"containerd does not take the image {archive}:\n{done.stderr.strip()}"
            raise ServerUnavailableError(message)

    def _load_own_images(self) -> None:
        roots, archive = self.folder / "roots", self.folder / "own.tar"
        busybox = self._programs["busybox"]
        names = subprocess.run(
            [busybox, "--list"], capture_output=True, text=True, check=True
        ).stdout.split()
        for name, root in (
            (_PAUSE, pause_root(roots / "pause", Path(self._programs["pause"]))),
            (BUSYBOX, busybox_root(roots / "busybox", Path(busybox), names)),
        ):
            entrypoint = ["/pause"] if name == _PAUSE else []
            self.load(write_archive(root, name, archive, entrypoint=entrypoint))
        archive.unlink()
        shutil.rmtree(roots)

    def _runtime_answers(self) -> bool:
        return self._socket.exists() and self._ctr("version").returncode == 0

    def _ctr(self, *arguments: str, within: float = 10.0) -> subprocess.CompletedProcess[str]:
        command = [
            self._programs["ctr"],
            f"--address={self._socket}",
            "--namespace=k8s.io",
            *arguments,
        ]
        try:
            return subprocess.run(
                command, capture_output=True, text=True, timeout=within, check=False
            )
        except subprocess.TimeoutExpired as error:
            return subprocess.CompletedProcess(command, 1, "", str(error))

    def _forward(
        self,
        name: str,
        network: str,
        listen: tuple[str, int],
        other: str,
        target: tuple[str, int],
    ) -> None:
        script = [sys.executable, "-I", "-S", str(_FORWARD)]
        self.group.start(
            name, [*script, network, listen[0], str(listen[1]), other, target[0], str(target[1])]
        )

    def _path(self) -> str:
        """Name the folders in which containerd looks for its shim and kubelet for mount."""
        own = {str(Path(self._programs[name]).parent) for name in ("containerd", "runc")}
        return ":".join((*sorted(own), "/usr/sbin", "/usr/bin", "/sbin", "/bin"))

    def _containerd(self) -> Path:
        """Write the runtime's settings."""
        networks = self.folder / "networks"
        networks.mkdir(exist_ok=True)
        addresses = {
            "type": "host-local",
            "dataDir": str(self.folder / "addresses"),
            "ranges": [[{"subnet": _PODS}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        }
        bridge = {"type": PLUGINS, "bridge": "pods0", "isGateway": True, "ipam": addresses}
        network = {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge]}
        (networks / "10-pods.conflist").write_text(json.dumps(network), encoding="utf-8")
        path = self.folder / "containerd.toml"
        path.write_text(
            f"""version = 2
root = "{self.folder / "containerd"}"
state = "{self.folder / "containerd-state"}"
[grpc]
  address = "{self._socket}"
[plugins."io.containerd.grpc.v1.cri"]
  # Where root may not raise the priority of processes, as in many sandboxes, every pod fails without it.
  restrict_oom_score_adj = true
  sandbox_image = "{_PAUSE}"
  disable_tcp_service = true
  stream_server_address = "{LOOPBACK}"
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{Path(self._programs[PLUGINS]).parent}"
    conf_dir = "{networks}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
""",
            encoding="utf-8",
        )
        return path

    def _kubelet(self) -> Path:
        """Write the kubelet's settings."""
        nothing = self.folder / "resolv.conf"
        nothing.write_text("", encoding="utf-8")
        settings = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": False},
                "x509": {"clientCAFile": str(self.access.authority)},
            },
            "authorization": {"mode": "AlwaysAllow"},
            "address": NODE_ADDRESS,
            "port": 10250,
            "healthzPort": 0,
            "tlsCertFile": str(self.access.certificate),
            "tlsPrivateKeyFile": str(self.access.key),
            "containerRuntimeEndpoint": f"unix://{self._socket}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{self._cgroup}",
            "failSwapOn": False,
            "makeIPTablesUtilChains": False,
            "nodeStatusUpdateFrequency": "1s",
            "podLogsDir": str(self.folder / "pods"),
            "registerWithTaints": [],
            "resolvConf": str(nothing),
            "volumePluginDir": str(self.folder / "volume-plugins"),
            "evictionHard": {
                "memory.available": "100Mi",
                "nodefs.available": "1%",
                "nodefs.inodesFree": "1%",
                "imagefs.available": "1%",
            },
        }
        path = self.folder / "kubelet.yaml"
        path.write_text(json.dumps(settings, indent=2), encoding="utf-8")
        return path


def _hierarchies() -> list[Path]:
    """List the trees of control groups: one, or in the older version one for each kind of resource."""
    if (_CGROUPS / "cgroup.controllers").is_file():
        return [_CGROUPS]
    # Some have a second name, which is a link.
    return [each for each in _CGROUPS.iterdir() if each.is_dir() and not each.is_symlink()]


def _sweep() -> None:
    """Remove the empty control groups of clusters whose test run and watchman were both killed."""
    for stale in _stale_cgroups():
        for path in sorted(stale.rglob("*/"), reverse=True):
            if path.is_dir():
                path.rmdir()
        stale.rmdir()


def _stale_cgroups() -> Iterator[Path]:
    for hierarchy in _hierarchies():
        for folder in hierarchy.glob(f"{_CGROUP_PREFIX}*"):
            owner = folder.name.removeprefix(_CGROUP_PREFIX).partition("-")[0]
            if not Path(f"/proc/{owner}").exists():
                yield folder
