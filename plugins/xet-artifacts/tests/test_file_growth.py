"""Local files that change while they are logged."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from mlflow_plugin_core.blob_store import Upload

if TYPE_CHECKING:
    from mlflow_xet_artifacts.file_store import XetFileStore

_MEBIBYTE = 1 << 20


def _store(folder: Path) -> XetFileStore:
    return get_artifact_repository(f"xet+file://{folder}/a.xet")._store  # type: ignore[return-value]


def test_a_file_that_grows_beyond_one_commit_is_stored_whole(tmp_path: Path) -> None:
    store = _store(tmp_path)
    data = {"grown": os.urandom(40 * _MEBIBYTE), "other": os.urandom(200_000)}
    for name, content in data.items():
        (tmp_path / name).write_bytes(content)
    # As the plan saw them: one of them was smaller then.
    uploads = [Upload(tmp_path / name, name, 200_000) for name in data]

    store.put_many(uploads, lambda _count: None)

    assert {name: store.get_range(name, 0, 50 * _MEBIBYTE) for name in data} == data


def test_files_that_are_known_already_are_stored_whole_as_well(tmp_path: Path) -> None:
    store = _store(tmp_path)
    data = {"first": os.urandom(17 * _MEBIBYTE), "second": os.urandom(200_000)}
    for name, content in data.items():
        (tmp_path / name).write_bytes(content)
    uploads = [Upload(tmp_path / name, name, 200_000) for name in ("second", "first")]

    store.put_many(uploads, lambda _count: None)
    store.put_many(uploads, lambda _count: None)  # both are known by now

    assert {name: store.get_range(name, 0, 50 * _MEBIBYTE) for name in data} == data
