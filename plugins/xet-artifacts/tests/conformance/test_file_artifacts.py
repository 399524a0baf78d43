"""The local store holds MLflow's contract of artifact repositories."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar

import hf_xet
import pytest

from mlflow_plugin_testing import (
    ArtifactCapability,
    ArtifactRepositorySuite,
    Cell,
    unsupported,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ROOT = "conformance/artifacts"
_NO_URLS = unsupported("a folder of this machine has no URL that a client could open")


class _Files:
    """The side door: SQL written by hand after the description of the tables, and raw hf_xet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str) -> bytes:
        with closing(sqlite3.connect(self._folder / "xet-index.db")) as connection:
            row = connection.execute(
                "SELECT contents.id, data FROM entries JOIN contents ON contents.id = content"
                " WHERE path = ?",
                (f"{_ROOT}/{path}",),
            ).fetchone()
            if row is None:
                raise LookupError(path)
            if row[1] is not None:
                return bytes(row[1])
            parts = connection.execute(
                "SELECT hash, size FROM parts WHERE content = ? ORDER BY number", (row[0],)
            ).fetchall()
            (generation,) = connection.execute(
                "SELECT value FROM meta WHERE key = 'generation'"
            ).fetchone()
        return b"".join(self._part(generation, *part) for part in parts)

    def _part(self, generation: int, digest: str, size: int) -> bytes:
        session = hf_xet.XetSession(hf_xet.XetConfig().with_config("telemetry.enabled", False))
        endpoint = f"local://{self._folder}/chunks-{generation}"
        with session.new_download_stream_group(endpoint=endpoint) as group:
            return b"".join(group.download_stream(hf_xet.XetFileInfo(digest, size)))

    def write(self, path: str, data: bytes) -> None:
        digest = hashlib.sha256(data).digest()
        with closing(sqlite3.connect(self._folder / "xet-index.db")) as connection, connection:
            connection.execute(
                "INSERT OR IGNORE INTO contents (sha256, size, data) VALUES (?, ?, ?)",
                (digest, len(data), data),
            )
            connection.execute(
                "INSERT OR REPLACE INTO entries SELECT ?, id FROM contents WHERE sha256 = ?",
                (f"{_ROOT}/{path}", digest),
            )

    def listing(self) -> dict[str, int]:
        if not (self._folder / "xet-index.db").exists():
            return {}
        with closing(sqlite3.connect(self._folder / "xet-index.db")) as connection:
            rows = connection.execute(
                "SELECT path, size FROM entries JOIN contents ON contents.id = content"
            ).fetchall()
        return {path[len(_ROOT) + 1 :]: size for path, size in rows if path.startswith(f"{_ROOT}/")}


class TestLocalStore(ArtifactRepositorySuite):
    declared: ClassVar[Mapping[Any, Cell]] = {
        ArtifactCapability.MULTIPART_UPLOAD: _NO_URLS,
        ArtifactCapability.PRESIGNED_DOWNLOAD: _NO_URLS,
        ArtifactCapability.PRESIGNED_UPLOAD: _NO_URLS,
    }

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path / "artifacts.xet"

    @pytest.fixture
    def artifact_uri(self, folder: Path) -> str:
        return f"xet+file://{folder}/{_ROOT}"

    @pytest.fixture
    def side_door(self, folder: Path, artifact_uri: str) -> _Files:
        # The index is made by the first upload, and some scenarios begin at this door.
        from mlflow_xet_artifacts.file_opening import open_store

        with open_store(artifact_uri).database.writing():
            return _Files(folder)
