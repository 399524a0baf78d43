"""How much room ten checkpoints take, and how eight processes share one store: lock or sub-stores.

    python benchmarks/checkpoints.py [MEGABYTES of a checkpoint]

docs/performance.md holds one run of it.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import random
import sys
import tempfile
import time
from pathlib import Path

MIB = 1 << 20
_REGION = MIB
_CHANGED = 0.02
_PROCESSES, _FILES, _FILE_BYTES = 8, 4, 32 * MIB


def main() -> None:
    """Measure both and print Markdown."""
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    size = int(sys.argv[1]) * 1_000_000 if len(sys.argv) > 1 else 500_000_000
    with tempfile.TemporaryDirectory() as name:
        _checkpoints(Path(name), size)
        print("\n| design | seconds | stored MB |\n|---|---:|---:|")
        for title, place in (
            ("one store, a lock around each call", "one"),
            ("a sub-store for each writer", "many"),
        ):
            seconds, stored = _together(Path(name), place)
            print(f"| {title} | {seconds:.1f} | {stored / 1e6:.0f} |")


def _checkpoints(folder: Path, size: int) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository = get_artifact_repository(f"xet+file://{folder}/checkpoints.xet")
    data = bytearray(os.urandom(size))
    source = folder / "model.bin"
    started = time.monotonic()
    for number in range(10):
        for _ in range(round(size * _CHANGED / _REGION)):
            at = random.randrange(size - _REGION)
            data[at : at + _REGION] = os.urandom(_REGION)
        source.write_bytes(data)
        repository.log_artifact(str(source), f"checkpoint-{number}")
    stored = _size(folder / "checkpoints.xet")
    print(
        f"Ten checkpoints of {size / 1e6:.0f} MB, 2 % changed in regions of 1 MiB: {stored / 1e6:.0f} MB "
        f"stored of {10 * size / 1e6:.0f}, in {time.monotonic() - started:.0f} s."
    )


def _together(folder: Path, place: str) -> tuple[float, int]:
    shared = folder / "shared.bin"
    if not shared.exists():
        shared.write_bytes(os.urandom(_FILE_BYTES))
    root = folder / place
    root.mkdir()
    context = multiprocessing.get_context("spawn")
    began = context.Barrier(_PROCESSES + 1)
    running = [
        context.Process(target=_write, args=(began, shared, root, place == "one", number))
        for number in range(_PROCESSES)
    ]
    for process in running:
        process.start()
    began.wait()
    started = time.monotonic()
    for process in running:
        process.join()
    return time.monotonic() - started, _size(root)


def _write(began, shared: Path, root: Path, is_one: bool, number: int) -> None:  # noqa: ANN001, FBT001  # a process's arguments
    import hf_xet

    data = bytearray(shared.read_bytes())
    own = root if is_one else root / str(number)
    own.mkdir(exist_ok=True)
    session = hf_xet.XetSession(hf_xet.XetConfig().with_config("telemetry.enabled", False))
    began.wait()
    for _ in range(_FILES):
        at = random.randrange(len(data) - _REGION)
        data[at : at + _REGION] = os.urandom(_REGION)
        lock = os.open(own / "lock", os.O_RDWR | os.O_CREAT)
        fcntl.flock(lock, fcntl.LOCK_EX)
        with session.new_upload_commit(endpoint=f"local://{own}") as commit:
            commit.start_upload_bytes(bytes(data), sha256=hf_xet.SKIP_SHA256)
        del commit
        os.close(lock)


def _size(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


if __name__ == "__main__":
    main()
