"""Programs that tests start as real processes, to run beside each other or to be killed."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def log(location: str, source: str, name: str) -> None:
    """Store one file."""
    _repository(location)._store.put_file(Path(source), name)


def work(location: str, number: str, times: str) -> None:
    """Store small and large files, read each back, and say so."""
    repository = _repository(location)
    for index in range(int(times)):
        for size in (1_000, 300_000):
            name = f"{number}/{index}-{size}"
            data = f"{number} {index} ".encode() * size
            source = Path(f"source-{number}")
            source.write_bytes(data)
            repository._store.put_file(source, name)
            assert repository._store.get_range(name, 0, len(data)) == data
    print("done")


def gc(location: str) -> None:
    """Rewrite the chunks, saying so at each step that the copy makes."""
    from mlflow_xet_artifacts import file_garbage

    print("begun", flush=True)
    file_garbage.collect(
        _repository(location)._store.database,
        full=True,
        advance=lambda done, total: print(done, total, flush=True),
    )


def hold(location: str, seconds: str) -> None:
    """Keep everybody else out of the chunk store."""
    from mlflow_xet_artifacts import file_chunks

    with file_chunks.current(_repository(location)._store.database):
        print("held", flush=True)
        time.sleep(float(seconds))


def stray(location: str) -> None:
    """Upload without the store's lock, as a transfer does that was given up, until told to end."""
    from mlflow_xet_artifacts import client_local, file_chunks

    def blocks() -> Iterator[bytes]:
        yield os.urandom(3_000_000)
        print("open", flush=True)
        sys.stdin.readline()

    chunks = file_chunks.folder_of(_repository(location)._store.database, 1)
    first = os.urandom(100_000)
    client_local.Upload(chunks).run([client_local.Source(len(first), iter([first]))])
    client_local.Upload(chunks).run([client_local.Source(16 << 20, blocks())])


def grow(location: str, source: str) -> None:
    """Log a file and fetch it, and print by how many bytes this process grew at most."""
    repository = _repository(location)
    warm = Path("warm")
    warm.write_bytes(os.urandom(1_000_000))
    repository.log_artifact(str(warm))
    repository.download_artifacts("warm")
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    repository.log_artifact(source)
    repository.download_artifacts(Path(source).name, ".")
    print(_status("VmHWM") - before)


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def _repository(location: str):  # noqa: ANN202  # a program, not an interface
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(location)


if __name__ == "__main__":
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    globals()[sys.argv[1]](*sys.argv[2:])
