"""How much room and memory a local store takes."""

from __future__ import annotations

import io
import os
import random
from typing import TYPE_CHECKING

import pytest
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from mlflow_xet_artifacts import client_local, file_memory, file_survey

if TYPE_CHECKING:
    from pathlib import Path

_MEBIBYTE = 1 << 20


@pytest.mark.slow
def test_ten_checkpoints_take_less_than_one_and_a_half(tmp_path: Path) -> None:
    store = get_artifact_repository(f"xet+file://{tmp_path}/artifacts.xet")._store
    size = 100 * _MEBIBYTE
    data = bytearray(os.urandom(size))
    places = random.Random(7)  # noqa: S311  # where a file changes

    for number in range(10):
        for _ in range(2):
            at = places.randrange(size - _MEBIBYTE)
            data[at : at + _MEBIBYTE] = os.urandom(_MEBIBYTE)
        store.put_stream(io.BytesIO(data), f"checkpoint-{number}")

    found = file_survey.stats(store.database)
    assert found.logical == 10 * size
    assert found.stored < 1.5 * size


@pytest.mark.parametrize(
    ("total", "size"),
    [(1 << 30, 8_000_000), (6_144_000_000, 12_000_000), (1 << 40, 16_000_000)],
)
def test_buffers_follow_the_size_of_the_machine(total: int, size: int) -> None:
    name = "reconstruction.download_buffer_size"

    assert file_memory.bounds(known=[name], environ={}, total=total) == {name: size}


def test_what_the_user_set_stays_and_what_is_unknown_is_left_out() -> None:
    names = ["telemetry.enabled", "reconstruction.download_buffer_size"]
    environ = {"HF_XET_TELEMETRY_ENABLED": "1"}

    found = file_memory.bounds(known=names, environ=environ, total=1 << 40)

    assert found == {"reconstruction.download_buffer_size": 16_000_000}


def test_the_installed_hf_xet_takes_every_bound() -> None:
    config = client_local.config()

    wanted = file_memory.bounds(known=config.keys(), environ={})
    assert len(wanted) == 11
    assert {name: config.get(name) for name in wanted} == wanted
