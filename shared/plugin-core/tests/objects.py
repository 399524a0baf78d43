"""What tests of `ObjectStore` begin with: settings of a small machine, a store, local files."""

from __future__ import annotations

import functools
import random
import threading
from typing import TYPE_CHECKING, Any

from mlflow_plugin_core.objects.settings import TransferSettings
from mlflow_plugin_core.objects.store import ObjectStore

if TYPE_CHECKING:
    from pathlib import Path

    from object_service import FakeService

MIB = 1 << 20


def settings(**changes: Any) -> TransferSettings:
    values = {"part_size": 5 * MIB, "memory": 32 * MIB, "workers": 4, "retry_timeout": 3.0}
    return TransferSettings(**{**values, **changes})


def store_of(service: FakeService, root: str = "root", **changes: Any) -> ObjectStore:
    return ObjectStore(service, settings(**changes), root=root, location="fake://bucket")


@functools.lru_cache(maxsize=6)
def content(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)  # noqa: S311  # the same each time


def write(path: Path, size: int, seed: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content(size, seed))
    return path


def workers_alive() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("mlflow-transfer")]
