"""Programs that tests start as real processes, to run beside each other or to be killed."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Drip(io.RawIOBase):
    """An endless stream that says on standard output how far it has been read."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        buffer[:] = os.urandom(1 << 10) * (len(buffer) >> 10) + bytes(len(buffer) & 1023)
        self.count += len(buffer)
        print(self.count, flush=True)
        return len(buffer)


def first_use(location: str, count: str) -> None:
    """Store one small file from each of many processes, all at once."""
    _together(
        [lambda name=f"file-{index:02}": _store(location, name) for index in range(int(count))]
    )


def overwrite(location: str, letters: str, times: str) -> None:
    """Replace one path again and again, each process with files that hold one letter only."""
    _together([lambda letter=letter: _replace(location, letter, int(times)) for letter in letters])


def _store(location: str, name: str) -> None:
    _open(location).log_artifact_from_stream(io.BytesIO(name.encode()), name, "by")


def _replace(location: str, letter: str, times: int) -> None:
    repository = _open(location)
    for index in range(times):
        size = 10 if index % 2 else (3 << 20) + index
        repository.log_artifact_from_stream(io.BytesIO(letter.encode() * size), "contested")


def _together(jobs: list[Callable[[], None]]) -> None:
    """Run each job in a process of its own; they begin when all of them are there."""
    # Forked, so that MLflow is imported once and not twenty times.
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(len(jobs))

    def run(job: Callable[[], None]) -> None:
        barrier.wait()
        job()

    _open("sqlite:////nowhere/imports-only.db")
    processes = [context.Process(target=run, args=(job,)) for job in jobs]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(max(abs(process.exitcode or 0) for process in processes))


def endless(location: str) -> None:
    """Upload a file that never ends, until somebody kills this process."""
    _open(location).log_artifact_from_stream(io.BufferedReader(Drip(), 1 << 20), "model")


def measure_memory(location: str, folder: str, size: str) -> None:
    """Print how far memory grows while a file of so many bytes goes in and out."""
    repository = _open(location)
    repository.log_artifact_from_stream(io.BytesIO(b"x"), "connects")
    source = Path(folder, "large")
    with source.open("wb") as stream:
        block = os.urandom(1 << 20)
        for _ in range(int(size) >> 20):
            stream.write(block)
    growth = {}
    before = _peak()
    repository.log_artifact(str(source))
    growth["up"] = _peak() - before
    with source.open("rb") as stream:
        repository.log_artifact_from_stream(stream, "streamed")
    growth["up from a stream"] = _peak() - before
    repository.delete_artifacts("streamed")
    source.unlink()
    repository.download_artifacts("large", folder)
    growth["down"] = _peak() - before
    print(json.dumps(growth))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _open(location: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(location)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
