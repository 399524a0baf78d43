"""Programs that tests start as real processes, to run beside each other or to be killed."""

from __future__ import annotations

import io
import os
import sys


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


def first_use(location: str, name: str) -> None:
    """Store one small file, after everybody else is ready too."""
    repository = _open(location)
    print("ready", flush=True)
    sys.stdin.readline()
    repository.log_artifact_from_stream(io.BytesIO(name.encode()), name, "by")


def overwrite(location: str, letter: str, times: str) -> None:
    """Replace one path again and again with files that hold one letter only."""
    repository = _open(location)
    print("ready", flush=True)
    sys.stdin.readline()
    for index in range(int(times)):
        size = 10 if index % 2 else (3 << 20) + index
        repository.log_artifact_from_stream(io.BytesIO(letter.encode() * size), "contested")


def endless(location: str) -> None:
    """Upload a file that never ends, until somebody kills this process."""
    _open(location).log_artifact_from_stream(io.BufferedReader(Drip(), 1 << 20), "model")


def _open(location: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(location)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
