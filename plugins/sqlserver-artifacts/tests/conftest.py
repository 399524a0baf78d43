"""Every database the plugin runs on, behind one fixture: `location`."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlflow_sqlserver_artifacts.repository import SqlArtifactRepository
    from mlflow_sqlserver_artifacts.store import SqlBlobStore

SQLITE = pytest.param("sqlite", id="sqlite")
SERVERS = [
    pytest.param("postgresql", id="postgresql", marks=pytest.mark.server),
    pytest.param("mariadb", id="mariadb", marks=pytest.mark.server),
    pytest.param("mssql", id="mssql", marks=pytest.mark.server),
]


@pytest.fixture(autouse=True)
def _fresh_process_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No setting of the machine leaks into a test, no connection out of one."""
    for name in list(os.environ):
        if name.startswith(("MLFLOW_SQLSERVER_", "_MLFLOW_SERVER_")) and "TEST" not in name:
            monkeypatch.delenv(name)
    yield
    from mlflow_sqlserver_artifacts.client import dispose_engines

    dispose_engines()


def _with_root(uri: str, root: str) -> str:
    path, mark, query = uri.partition("?")
    return f"{path}/{root}{mark}{query}"


@pytest.fixture(params=[SQLITE, *SERVERS])
def database_uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The location of an empty database, of every kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'artifacts.db'}"
    if request.param == "mssql":
        uri = os.environ.get("MLFLOW_SQLSERVER_TEST_URI")
        if not uri:
            pytest.skip("MLFLOW_SQLSERVER_TEST_URI names no SQL Server (nightly has one)")
        return uri
    return str(request.getfixturevalue(f"{request.param}_uri"))


@pytest.fixture
def location(database_uri: str) -> str:
    """The artifact location of one run in that database."""
    return _with_root(database_uri, f"7/{secrets.token_hex(8)}/artifacts")


@pytest.fixture
def open_repository() -> Callable[[str], SqlArtifactRepository]:
    """What MLflow does to get a repository."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository  # type: ignore[no-any-return]


@pytest.fixture
def repository(
    location: str, open_repository: Callable[[str], SqlArtifactRepository]
) -> SqlArtifactRepository:
    """A repository for one run."""
    return open_repository(location)


@pytest.fixture
def store(repository: SqlArtifactRepository) -> SqlBlobStore:
    """The store below that repository."""
    return repository._store  # type: ignore[return-value]


@pytest.fixture
def sqlite_location(tmp_path: Path) -> str:
    """The artifact location of one run in a SQLite file."""
    return f"sqlite:///{tmp_path / 'artifacts.db'}/1/abc/artifacts"


@pytest.fixture
def write_file(tmp_path: Path) -> Callable[..., Path]:
    """Make a local file below a folder that stands beside the database."""

    def write(name: str, content: bytes = b"content", folder: str = "local") -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return write
