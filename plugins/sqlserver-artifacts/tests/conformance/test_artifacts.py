"""The plugin holds MLflow's contract of artifact repositories, on each database that runs here."""

from __future__ import annotations

import hashlib
import secrets
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from mlflow_plugin_testing import (
    ArtifactCapability,
    ArtifactRepositorySuite,
    Cell,
    unsupported,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ROOT = "conformance/artifacts"
_DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "sqlite": "sqlite"}
_NO_URLS = unsupported("a database has no URL of a file, and nothing that could be signed")


class _Tables:
    """The side door: SQL written by hand after the description of the tables, without the plugin's code."""

    def __init__(self, uri: str) -> None:
        url = make_url(uri)
        driver = _DRIVERS[url.get_backend_name()]
        self._engine = create_engine(url.set(drivername=driver))

    def close(self) -> None:
        self._engine.dispose()

    def read(self, path: str) -> bytes:
        with self._engine.connect() as connection:
            entry = connection.execute(
                text(
                    "SELECT content_id FROM mlflow_artifact_entries"
                    " WHERE path_key = :key AND is_folder = 0"
                ),
                {"key": _key(f"{_ROOT}/{path}")},
            ).one_or_none()
            if entry is None:
                raise LookupError(path)
            pieces = connection.execute(
                text(
                    "SELECT data FROM mlflow_artifact_chunks"
                    " WHERE content_id = :content ORDER BY number"
                ),
                {"content": entry.content_id},
            )
            return b"".join(bytes(piece.data) for piece in pieces)

    def write(self, path: str, data: bytes) -> None:
        absolute, content = f"{_ROOT}/{path}", secrets.token_bytes(16)
        # A listing finds an entry by the folder that it claims to be in, whatever its name says.
        folder = absolute.split("/..", maxsplit=1)[0].split("//", maxsplit=1)[0]
        folder = folder if folder != absolute else absolute.rpartition("/")[0]
        with self._engine.begin() as connection:
            connection.execute(
                text("DELETE FROM mlflow_artifact_entries WHERE path_key = :key"),
                {"key": _key(absolute)},
            )
            connection.execute(
                text("INSERT INTO mlflow_artifact_chunks VALUES (:content, 0, :crc32, :data)"),
                {"content": content, "crc32": zlib.crc32(data), "data": data},
            )
            connection.execute(
                text(
                    "INSERT INTO mlflow_artifact_entries (path_key, parent_key, path, is_folder,"
                    " content_id, size, sha256, chunk_size, chunks, modified_at) VALUES (:key,"
                    " :parent, :path, 0, :content, :size, :sha256, 1048576, 1, :now)"
                ),
                {
                    "key": _key(absolute),
                    "parent": _key(folder),
                    "path": absolute,
                    "content": content,
                    "size": len(data),
                    "sha256": hashlib.sha256(data).digest(),
                    "now": int(time.time() * 1000),
                },
            )

    def listing(self) -> dict[str, int]:
        if not inspect(self._engine).has_table("mlflow_artifact_entries"):
            return {}
        with self._engine.connect() as connection:
            files = connection.execute(
                text("SELECT path, size FROM mlflow_artifact_entries WHERE is_folder = 0")
            )
            return {
                file.path[len(_ROOT) + 1 :]: file.size
                for file in files
                if file.path.startswith(f"{_ROOT}/")
            }


def _key(path: str) -> bytes:
    return hashlib.sha256(path.encode()).digest()


class _OnADatabase(ArtifactRepositorySuite):
    declared: ClassVar[Mapping[Any, Cell]] = {
        ArtifactCapability.MULTIPART_UPLOAD: _NO_URLS,
        ArtifactCapability.PRESIGNED_DOWNLOAD: _NO_URLS,
        ArtifactCapability.PRESIGNED_UPLOAD: _NO_URLS,
    }

    @pytest.fixture
    def database(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def artifact_uri(self, database: str) -> str:
        return f"{database}/{_ROOT}"

    @pytest.fixture
    def side_door(self, database: str) -> Iterator[_Tables]:
        tables = _Tables(database)
        yield tables
        tables.close()

    @pytest.fixture
    def secrets(self, database: str) -> list[str]:
        return [password] if (password := make_url(database).password) else []


class TestSqlite(_OnADatabase):
    @pytest.fixture
    def database(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path / 'artifacts.db'}"


@pytest.mark.server
class TestPostgresql(_OnADatabase):
    @pytest.fixture
    def database(self, postgresql_uri: str) -> str:
        return postgresql_uri


@pytest.mark.server
class TestMariadb(_OnADatabase):
    @pytest.fixture
    def database(self, mariadb_uri: str) -> str:
        return mariadb_uri
