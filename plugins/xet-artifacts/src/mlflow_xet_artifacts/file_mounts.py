"""Refuses network file systems: locks and SQLite's shared memory do not reach from machine to machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

from mlflow_plugin_core import errors

_NETWORK = frozenset({"9p", "ceph", "cifs", "fuse.sshfs", "smb3"})
_ESCAPED = re.compile(r"\\([0-7]{3})")
_MOUNTS = Path("/proc/self/mountinfo")


def check(folder: Path) -> None:
    """Refuse a folder on a network file system, where the system tells (Linux).

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE with what to do instead.
    """
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:  # another system, or a container that hides it
        return
    kind = kind_of(os.path.realpath(folder), mounts)
    if is_network(kind):
        message = errors.explain(
            "Cannot keep a local Xet store on a network file system",
            location=folder,
            why=f"{kind} does not keep its users on several machines apart, and they would destroy "
            "the index",
            remedy="put it on a local disk, and let other machines reach it by a tracking server "
            "(mlflow server --artifacts-destination xet+file:///…); or, where this machine alone uses "
            "it, set MLFLOW_XET_NETWORK_FOLDERS=true",
        )
        raise errors.invalid_parameter(message)


def is_network(kind: str) -> bool:
    """Tell whether a file system's type is one of the network."""
    return kind in _NETWORK or kind.startswith("nfs")


def kind_of(path: str, mounts: str) -> str:
    """Return the type of the file system that holds a path; "" where none is found.

    Args:
        path: Absolute, without symbolic links.
        mounts: The text of `/proc/self/mountinfo` (proc_pid_mountinfo(5)): the mount point is the
            fifth word, the type the first behind a lone hyphen. A later mount hides an earlier one.
    """
    best, kind = -1, ""
    for line in mounts.splitlines():
        before, hyphen, behind = line.partition(" - ")
        words, types = before.split(" "), behind.split(" ")
        if not hyphen or len(words) < 5:  # noqa: PLR2004  # see above
            continue
        point = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), words[4])
        inside = point in ("/", path) or path.startswith(f"{point}/")
        if inside and len(point) >= best:
            best, kind = len(point), types[0]
    return kind
