"""Images for containers, made from folders without a container engine."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import shutil
import tarfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["busybox_root", "pause_root", "write_archive"]

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def write_archive(
    source: Path,
    name: str,
    archive: Path,
    *,
    entrypoint: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Path:
    """Write an image, as `docker save` does, with a single layer.

    Args:
        source: The root file system: a folder, or a tar file of one.
        name: Name with a tag, such as `localhost/trainer:1`.
        archive: The file to write.
        entrypoint: What containers run when a pod names no command.
        environment: Variables that containers get.

    Returns:
        The archive.
    """
    layer = archive.with_suffix(".layer")
    try:
        if source.is_dir():
            with tarfile.open(layer, "w") as tar:
                tar.add(source, arcname=".")
        else:
            with tarfile.open(source) as given, tarfile.open(layer, "w") as tar:
                for member in given:
                    tar.addfile(member, given.extractfile(member) if member.isreg() else None)
        digest = _digest(layer)
        variables = {"PATH": _PATH, **(environment or {})}
        config = json.dumps(
            {
                "architecture": _MACHINES.get(platform.machine(), platform.machine()),
                "os": "linux",
                "config": {
                    "Entrypoint": list(entrypoint) or None,
                    "Env": [f"{key}={value}" for key, value in variables.items()],
                },
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
                "history": [{"created": "2026-01-01T00:00:00Z"}],
            }
        ).encode()
        identity = hashlib.sha256(config).hexdigest()
        manifest: list[dict[str, Any]] = [
            {"Config": f"{identity}.json", "RepoTags": [name], "Layers": [f"{digest}/layer.tar"]}
        ]
        with tarfile.open(archive, "w") as tar:
            tar.add(layer, arcname=f"{digest}/layer.tar")
            _add(tar, f"{identity}.json", config)
            _add(tar, "manifest.json", json.dumps(manifest).encode())
    finally:
        layer.unlink(missing_ok=True)
    return archive


def busybox_root(folder: Path, busybox: Path, names: Sequence[str]) -> Path:
    """Lay out a root file system with a shell and the usual small programs.

    Args:
        folder: An empty folder.
        busybox: The static program that is all of them.
        names: What it is called as.

    Returns:
        The folder.
    """
    for name in ("bin", "etc", "tmp", "root"):
        (folder / name).mkdir(parents=True)
    (folder / "tmp").chmod(0o1777)
    (folder / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n", encoding="utf-8")
    program = folder / "bin" / "busybox"
    shutil.copy(busybox, program)
    program.chmod(0o755)
    for name in names:
        if name != "busybox":
            (folder / "bin" / name).symlink_to("busybox")
    return folder


def pause_root(folder: Path, pause: Path) -> Path:
    """Lay out the image of the container that each pod begins with.

    Args:
        folder: An empty folder.
        pause: The program.

    Returns:
        The folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(pause, folder / "pause")
    return folder


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
