"""Copies all artifacts below one location to another, any two that MLflow can open.

    report = copy("runs:/4f0c", "sqlite:////srv/artifacts.db/archive/4f0c")

Every file is fetched into a temporary folder, a few MiB of them at a time, so both sides can use
their batches. A journal holds the digest of each file that arrived. A run that was cut short is
continued where it stopped. After a run that ended, the next one reads the whole source again and
stores what is new or has another digest: weights that were trained again have the same size.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow_plugin_core import artifact_paths, errors, transfer, uris

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

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
    """One JSON line for each file that arrived, and one for each run that ended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.digests: dict[str, str] = {}
        self.unfinished: set[str] = set()  # what a run that was cut short has copied
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue  # the line that was being written when the last run was killed
                if "path" in entry:
                    self.digests[entry["path"]] = entry["sha256"]
                    self.unfinished.add(entry["path"])
                else:
                    self.unfinished.clear()
        # Before anything is copied: what cannot be noted would be copied again.
        self.path.open("a", encoding="utf-8").close()

    def add(self, path: str, sha256: str) -> None:
        self._write({"path": path, "sha256": sha256})

    def end(self) -> None:
        self._write({"ended": True})

    def _write(self, entry: dict[str, object]) -> None:
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")


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
        MlflowException: INVALID_PARAMETER_VALUE where both locations are the same, where the journal
            cannot be written, and for a run with logged models, whose artifacts are elsewhere;
            RESOURCE_DOES_NOT_EXIST where there is no file; INTERNAL_ERROR naming the file whose
            copy differs; otherwise what either repository raises.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    if source.rstrip("/") == destination.rstrip("/"):
        message = f"Cannot copy {uris.redact_location(source)} to itself"
        raise errors.invalid_parameter(message)
    origin, target = get_artifact_repository(source), get_artifact_repository(destination)
    _check_models(source)
    files = _files(origin, source)
    log = _open_journal(source, destination, journal)
    found = {file.path: file.size for file in _walk(target, "")} if log.digests else {}
    same = {file.path for file in files if found.get(file.path) == file.size}
    known = {path: digest for path, digest in log.digests.items() if path in same}
    total = sum(file.size for file in files)
    wanted = [file for file in files if file.path not in log.unfinished & same]
    done = total - sum(file.size for file in wanted)
    advance(done, total)
    copied: list[_File] = []
    for batch in transfer.batched(
        wanted, max_items=_BATCH_FILES, max_bytes=_BATCH_BYTES, size=lambda file: file.size
    ):
        digests = _copy_batch(origin, target, batch, known, verify=verify)
        for path, digest in digests.items():
            log.add(path, digest)
        copied += [file for file in batch if file.path in digests]
        done += sum(file.size for file in batch)
        advance(done, total)
    log.end()
    return Report(
        copied=len(copied),
        copied_bytes=sum(file.size for file in copied),
        skipped=len(files) - len(copied),
        verified=len(copied) if verify else 0,
    )


def _copy_batch(
    origin: Any,  # noqa: ANN401  # MLflow's classes are untyped
    target: Any,  # noqa: ANN401
    batch: Sequence[_File],
    known: Mapping[str, str],
    *,
    verify: bool,
) -> dict[str, str]:
    """Copy those files whose digest is not known; returns their digests by path."""
    with tempfile.TemporaryDirectory(prefix="mlflow-copy-") as folder:
        root = Path(folder, "out")
        digests = _fetch(origin, batch, root)
        for path in [path for path, digest in digests.items() if known.get(path) == digest]:
            artifact_paths.local_destination(root, path).unlink()
            del digests[path]
        if not digests:
            return {}
        target.log_artifacts(str(root))
        if verify:
            new = [file for file in batch if file.path in digests]
            for path, digest in _fetch(target, new, Path(folder, "back")).items():
                if digest != digests[path]:
                    message = errors.explain(
                        f"The copy of {path!r} differs",
                        why=f"SHA-256 {digest} instead of {digests[path]}",
                        remedy="copy it again; nothing was removed from the source",
                    )
                    raise errors.internal(message)
    return digests


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


def _files(origin: Any, source: str) -> list[_File]:  # noqa: ANN401
    found = list(_walk(origin, ""))
    if not found:
        message = errors.explain(
            "Nothing to copy",
            location=source,
            why="no files are there",
            remedy="look for a misspelled location; of a single file give the folder it is in",
        )
        raise errors.not_found(message)
    return found


def _check_models(source: str) -> None:
    """Refuse a run that has logged models: `runs:/<id>` lists no file of them (MLflow 3)."""
    match = re.fullmatch(r"runs:/+([^/?#]+)/*", source)
    if match is None:
        return
    import mlflow

    client = mlflow.MlflowClient()
    if not hasattr(client, "search_logged_models"):
        return
    info = client.get_run(match[1]).info
    found = client.search_logged_models(
        [info.experiment_id], filter_string=f"source_run_id = '{match[1]}'"
    )
    if found:
        models = ", ".join(f"models:/{model.model_id}" for model in found)
        message = errors.explain(
            f"Cannot copy {source}",
            why="the run has logged models, whose files are not among its own",
            remedy=f"copy each of {models}, and then the run's own artifact location, "
            f"{uris.redact_location(info.artifact_uri)}",
        )
        raise errors.invalid_parameter(message)


def _open_journal(source: str, destination: str, journal: str | Path | None) -> _Journal:
    try:
        return _Journal(Path(journal) if journal else _default_journal(source, destination))
    except OSError as error:
        message = errors.explain(
            "Cannot keep the journal of the copy",
            location=error.filename or journal,
            why=error.strerror or error,
            remedy="name another file by --journal",
        )
        raise errors.invalid_parameter(message, cause=error) from error


def _default_journal(source: str, destination: str) -> Path:
    # A hash: locations may hold credentials, and file names must not.
    key = hashlib.sha256(f"{source}\0{destination}".encode()).hexdigest()[:32]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "mlflow-plugin-copy"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{key}.jsonl"
