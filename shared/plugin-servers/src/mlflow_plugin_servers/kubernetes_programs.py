"""The programs of Kubernetes: built from its own modules, since no package manager brings them."""

from __future__ import annotations

from mlflow_plugin_servers import binaries, go
from mlflow_plugin_servers.binaries import Binaries
from mlflow_plugin_servers.errors import ServerUnavailableError

__all__ = ["MODULES", "VERSION", "find", "prepare"]

VERSION = "1.34.2"
_COMMANDS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kubectl")
_STAMP = "-X k8s.io/component-base/version."
MODULES = (
    go.GoModule(
        "kubernetes",
        {name: f"k8s.io/kubernetes/cmd/{name}" for name in _COMMANDS},
        # Without it the server calls itself v0.0.0-master+$Format:%H$, which clients cannot read.
        stamp=f"{_STAMP}gitVersion=v{VERSION} {_STAMP}gitMajor=1 {_STAMP}gitMinor={VERSION.split('.')[1]} "
        f"{_STAMP}gitTreeState=clean",
    ),
    go.GoModule("etcd", {"etcd": "go.etcd.io/etcd/server/v3"}),
    go.GoModule("kwok", {"kwok": "sigs.k8s.io/kwok/cmd/kwok"}),
    go.GoModule("pause", {"pause": "."}),
)
_PROGRAMS = tuple(name for module in MODULES for name in module.programs)


def find() -> Binaries | None:
    """Look for the programs of Kubernetes.

    Returns:
        What the environment names, else what was built before; None when there is neither.
    """
    chosen = binaries.chosen("kubernetes", *_PROGRAMS)
    if chosen:
        return chosen
    folder = go.built(f"kubernetes-{VERSION}", MODULES)
    if folder is None:
        return None
    programs = {name: folder / name for name in _PROGRAMS}
    return Binaries(programs, VERSION, "built", folder)


def prepare(*, required: bool = True) -> Binaries:
    """Make sure that the programs of Kubernetes are there.

    Args:
        required: Whether they may be built, which takes about ten minutes on two cores, 5 GB of Go's caches and
            a Go, which is fetched when it is missing.

    Returns:
        The programs.

    Raises:
        ServerUnavailableError: They cannot be had; the message says what to do.
    """
    found = find()
    if found is None and required:
        go.go_build(f"kubernetes-{VERSION}", MODULES)
        found = find()
    if found is None:
        message = (
            f"Kubernetes {VERSION} was not built on this machine, which takes some ten minutes once: "
            "python -m mlflow_plugin_servers prepare kubernetes"
        )
        raise ServerUnavailableError(message)
    return found
