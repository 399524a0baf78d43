"""Pins the Go modules that mlflow-plugin-servers builds Kubernetes from: `kubernetes_modules.py 1.34.2 3.5.24 0.7.0`.

Needs Go. The three are Kubernetes, etcd and KWOK; afterwards set VERSION in kubernetes_programs.py.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from discover import ROOT

_MODULES = ROOT / "shared/plugin-servers/src/mlflow_plugin_servers/go_modules"
_COMMANDS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kubectl")


def main() -> None:
    """Write go.mod and go.sum of each."""
    kubernetes, etcd, kwok = sys.argv[1:]
    _pin(
        "kubernetes",
        # With its version: without it `go get` takes the newest Kubernetes, which has other parts.
        [f"k8s.io/kubernetes/cmd/{command}@v{kubernetes}" for command in _COMMANDS],
        _parts(kubernetes),
    )
    _pin("etcd", [f"go.etcd.io/etcd/server/v3@v{etcd}"])
    _pin("kwok", [f"sigs.k8s.io/kwok/cmd/kwok@v{kwok}"])


def _parts(version: str) -> str:
    """Say which versions the parts of Kubernetes have: its own list has v0.0.0 for them, which no index knows."""
    found = _go(Path("/"), "mod", "download", "-json", f"k8s.io/kubernetes@v{version}")
    listed = Path(json.loads(found)["GoMod"]).read_text(encoding="utf-8")
    parts = sorted(
        set(re.findall(r"^\s*(k8s\.io/[a-z-]+) v0\.0\.0(?: .*)?$", listed, re.MULTILINE))
    )
    replaced = [f"\t{part} => {part} v0.{version.partition('.')[2]}\n" for part in parts]
    return f"\nrequire k8s.io/kubernetes v{version}\n\nreplace (\n{''.join(replaced)})\n"


def _pin(name: str, packages: list[str], more: str = "") -> None:
    folder = _MODULES / name
    (folder / "go.sum").unlink(missing_ok=True)
    start = f"module mlflow-plugin-servers/{name}\n\ngo 1.24.0\n"
    (folder / "go.mod").write_text(start + more, encoding="utf-8")
    _go(folder, "get", *packages)


def _go(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["go", *arguments], cwd=folder, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


if __name__ == "__main__":
    main()
