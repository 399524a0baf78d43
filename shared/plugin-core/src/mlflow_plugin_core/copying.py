"""Copies all artifacts below one location to another, any two that MLflow can open.

    report = copy("runs:/4f0c", "sqlite:////srv/artifacts.db/archive/4f0c")

Every file is fetched into a temporary folder, a few MiB of them at a time, so both sides can use
their batches. A journal holds the digest of each file that arrived: a second run copies only what
is missing, was cut short, or has another size by now.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow_plugin_core import artifact_paths, errors, transfer, uris

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# Files and bytes that wait in the temporary folder at once.
_BATCH_FILES = 500
_BATCH_BYTES = 64 << 20
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Report:
    """What a copy did."""

    copied: int
    copied_bytes: int
    skipped: int
    verified: int


@dataclass(frozen=True)
class _File:
    path: str
    size: int


class _Journal:
    """One JSON line for each file that arrived: path, size, SHA-256."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str, tuple[int, str]] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue  # the line that was being written when the last run was killed
                self.known[entry["path"]] = (entry["size"], entry["sha256"])

    def add(self, path: str, size: int, sha256: str) -> None:
        self.known[path] = (size, sha256)
        line = json.dumps({"path": path, "size": size, "sha256": sha256})
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")


def copy(
    source: str,
    destination: str,
    *,
    journal: str | Path | None = None,
    verify: bool = True,
    advance: Callable[[int, int], None] = lambda _done, _total: None,
) -> Report:
    """Copy everything below `source` to `destination`.

    Args:
        source: A location that MLflow can open, `runs:/<id>` included.
        destination: Another one.
        journal: File that remembers what arrived; by default one of the user's cache folder.
        verify: Read every file back from the destination and compare SHA-256 digests.
        advance: Is told the bytes that are done and the bytes in all.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE where both locations are the same; INTERNAL_ERROR
            naming the file whose copy differs; otherwise what either repository raises.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    if source.rstrip("/") == destination.rstrip("/"):
        message = f"Cannot copy {uris.redact(source)} to itself"
        raise errors.invalid_parameter(message)
    origin, target = get_artifact_repository(source), get_artifact_repository(destination)
    log = _Journal(Path(journal) if journal else _default_journal(source, destination))
    files = list(_walk(origin, ""))
    there = {file.path: file.size for file in _walk(target, "")} if log.known else {}
    total = sum(file.size for file in files)
    wanted = [file for file in files if not _has_arrived(file, log, there)]
    copied_bytes = sum(file.size for file in wanted)
    done = total - copied_bytes
    advance(done, total)
    verified = 0
    for batch in transfer.batched(
        wanted, max_items=_BATCH_FILES, max_bytes=_BATCH_BYTES, size=lambda file: file.size
    ):
        verified += _copy_batch(origin, target, batch, log, verify=verify)
        done += sum(file.size for file in batch)
        advance(done, total)
    return Report(len(wanted), copied_bytes, len(files) - len(wanted), verified)


def _has_arrived(file: _File, log: _Journal, there: dict[str, int]) -> bool:
    known = log.known.get(file.path)
    return known is not None and known[0] == file.size == there.get(file.path)


def _copy_batch(
    origin: Any,  # noqa: ANN401  # MLflow's classes are untyped
    target: Any,  # noqa: ANN401
    batch: Sequence[_File],
    log: _Journal,
    *,
    verify: bool,
) -> int:
    with tempfile.TemporaryDirectory(prefix="mlflow-copy-") as folder:
        root = Path(folder, "out")
        digests = _fetch(origin, batch, root)
        target.log_artifacts(str(root))
        if verify:
            back = Path(folder, "back")
            for path, digest in _fetch(target, batch, back).items():
                if digest != digests[path]:
                    message = errors.explain(
                        f"The copy of {path!r} differs",
                        why=f"SHA-256 {digest} instead of {digests[path]}",
                        remedy="copy it again; nothing was removed from the source",
                    )
                    raise errors.internal(message)
    for file in batch:
        log.add(file.path, file.size, digests[file.path])
    return len(batch) if verify else 0


def _fetch(repository: Any, batch: Sequence[_File], root: Path) -> dict[str, str]:  # noqa: ANN401
    root.mkdir()

    def fetch(file: _File) -> str:
        local = artifact_paths.local_destination(root, file.path)
        local.parent.mkdir(parents=True, exist_ok=True)
        repository.download_artifacts(file.path, str(root))
        return _digest(local)

    results = transfer.run_all(fetch, batch, workers=4, describe=lambda file: file.path)
    return {file.path: digest for file, digest in zip(batch, results, strict=True)}


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _walk(repository: Any, folder: str) -> Iterator[_File]:  # noqa: ANN401
    for info in repository.list_artifacts(folder or None):
        if info.is_dir:
            yield from _walk(repository, info.path)
        else:
            yield _File(info.path, info.file_size or 0)


def _default_journal(source: str, destination: str) -> Path:
    # A hash: locations may hold credentials, and file names must not.
    key = hashlib.sha256(f"{source}\0{destination}".encode()).hexdigest()[:32]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "mlflow-plugin-copy"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{key}.jsonl"
