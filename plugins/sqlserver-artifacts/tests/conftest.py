"""Every database the plugin runs on, behind one fixture: `location`."""

from __future__ import annotations

import importlib
import os
import secrets
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

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
def database_uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The location of an empty database, of every kind in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'artifacts.db'}"
    elif request.param == "mssql":
        with _mssql_database() as uri:
            yield uri
    else:
        yield str(request.getfixturevalue(f"{request.param}_uri"))


@contextmanager
def _mssql_database() -> Iterator[str]:
    """Lend a new database on the server that MLFLOW_SQLSERVER_TEST_URI names.

    Its user may create databases.
    """
    from mlflow_sqlserver_artifacts.client import dispose_engines
    from mlflow_sqlserver_artifacts.opening import open_store

    server = os.environ.get("MLFLOW_SQLSERVER_TEST_URI")
    if not server:
        required = os.environ.get("MLFLOW_PLUGIN_SERVERS_REQUIRE", "").replace(",", " ").split()
        # By name only: `all` means what the fixtures can start, and they cannot start this one.
        if "mssql" in required:
            pytest.fail("mssql is required, and MLFLOW_SQLSERVER_TEST_URI is not set")
        pytest.skip("MLFLOW_SQLSERVER_TEST_URI names no SQL Server (nightly has one)")
    address, mark, query = server.partition("?")
    name = f"test_{secrets.token_hex(6)}"
    engine = open_store(server).database.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET READ_COMMITTED_SNAPSHOT ON")
    try:
        yield f"{address.rpartition('/')[0]}/{name}{mark}{query}"
    finally:
        dispose_engines()  # of the test; nobody may be connected to what is dropped
        engine = open_store(server).database.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(
                f"ALTER DATABASE {name} SET SINGLE_USER WITH ROLLBACK IMMEDIATE"
            )
            connection.exec_driver_sql(f"DROP DATABASE {name}")


@pytest.fixture
def location(database_uri: str) -> str:
    """The artifact location of one run in that database."""
    return _with_root(database_uri, f"7/{secrets.token_hex(8)}/artifacts")


@pytest.fixture
def open_repository() -> Callable[[str], SqlArtifactRepository]:
    """What MLflow does to get a repository."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return cast("Callable[[str], SqlArtifactRepository]", get_artifact_repository)


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


# In the places of drivers that no machine of the tests has: they note what they are called with.
_DRIVER = """
paramstyle, apilevel, threadsafety = "qmark", "2.0", 1
version = __version__ = VERSION_STRING = "5.2.0"
SQL_VARCHAR, SQL_WVARCHAR = 12, -9
Binary, BinaryNull, BINARY, NUMBER, STRING = bytes, None, bytearray, float, str
class Error(Exception): pass
class InterfaceError(Error): pass
class DatabaseError(Error): pass
class OperationalError(DatabaseError): pass
class ProgrammingError(DatabaseError): pass
class IntegrityError(DatabaseError): pass
class Cursor:
    def nextset(self): pass
def pooling(enabled): pass
calls = []
failure = OperationalError("08001", "[08001] nobody is there (10061) (SQLDriverConnect)")
def connect(*arguments, **keywords):
    calls.append((arguments, keywords))
    raise failure
"""
_IDENTITY = """
from types import SimpleNamespace
from azure.core.exceptions import AzureError
scopes, failing = [], []
class DefaultAzureCredential:
    def get_token(self, scope):
        scopes.append(scope)
        if failing:
            raise AzureError("no identity on this machine")
        return SimpleNamespace(token=f"token-{len(scopes)}")
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ModuleType]]:
    """Put a module in the place of a driver."""
    folder = tmp_path / "site"
    folder.mkdir()
    replaced: dict[str, ModuleType | None] = {}
    monkeypatch.syspath_prepend(str(folder))

    def add(name: str, text: str = _DRIVER) -> ModuleType:
        *parents, last = name.split(".")
        place = folder.joinpath(*parents)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{last}.py").write_text(text)
        importlib.invalidate_caches()
        for loaded in [name, *(".".join(parents[: end + 1]) for end in range(len(parents)))]:
            replaced.setdefault(loaded, sys.modules.pop(loaded, None))
        return importlib.import_module(name)

    yield add
    for name, module in replaced.items():
        sys.modules.pop(name, None)
        if module is not None:
            sys.modules[name] = module


@pytest.fixture
def pyodbc(install: Callable[..., ModuleType]) -> ModuleType:
    """In pyodbc's place."""
    return install("pyodbc")


@pytest.fixture
def identity(install: Callable[..., ModuleType]) -> ModuleType:
    """In azure-identity's place."""
    install("azure.core.exceptions", "class AzureError(Exception): pass\n")
    return install("azure.identity", _IDENTITY)
