"""What is compared, behind one set of verbs: the plugin, the peer, the driver, local files.

Each of them is used the way its user would: the plugin and MLflow's local repository through
MLflow, the peer by its own class, the driver in a plain loop in one transaction.
"""

from __future__ import annotations

import hashlib
import sqlite3
import types
from typing import TYPE_CHECKING, Any

from benchmarks.system import MlflowRepository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.system import System

# The plugin's default chunk size; the bare driver's loop uses the same.
CHUNK_BYTES = 1 << 20


class Peer(MlflowRepository):
    """mlflow-dbstore 1.0.1, by its class: its packaging asks for modules that are gone.

    It holds whole files in memory, all of a folder at once, and reads every content to list.
    """

    def __init__(self, url: str) -> None:
        import sys
        import warnings

        import sqlalchemy.orm

        # SQLAlchemy 2.1 no longer has the old place of this function.
        old_place: Any = types.ModuleType("sqlalchemy.ext.declarative")
        old_place.declarative_base = sqlalchemy.orm.declarative_base
        sys.modules["sqlalchemy.ext.declarative"] = old_place
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from dbstoreplugin.store.artifact import db_artifact_repo
        # It reads the database out of the location by cutting at every slash, which no absolute
        # SQLite path survives: it is told. And its VARBINARY is a type that PostgreSQL lacks.
        db_artifact_repo.extract_db_uri_and_root_path = lambda _uri: (url, "/run/artifacts")
        content = db_artifact_repo.SqlArtifact.__table__.c.artifact_content
        content.type = sqlalchemy.LargeBinary()
        self._repository = db_artifact_repo.DBArtifactRepository(url)

    def warm(self) -> None:
        """List, which connects."""
        self._repository.list_artifacts("warm")

    def delete(self, folder: str) -> None:
        """Refuse: the peer has no delete."""
        raise NotImplementedError(folder)


class BareDriver:
    """The database's driver in a plain loop: no folders, no retries, and digests if asked for."""

    def __init__(self, url: str, *, digests: bool) -> None:
        self._digests = digests
        self._table = "bare_with_digests" if digests else "bare"
        if url.startswith("sqlite"):
            self._connection: Any = sqlite3.connect(url.removeprefix("sqlite:///"))
            self._mark, blob = "?", "blob"
        else:
            import psycopg

            self._connection = psycopg.connect(url.replace("postgresql+psycopg", "postgresql"))
            self._mark, blob = "%s", "bytea"
        self._execute(
            f"CREATE TABLE IF NOT EXISTS {self._table} (folder varchar(200), name varchar(200), "
            f"number integer, data {blob}, PRIMARY KEY (folder, name, number))"
        )
        self._connection.commit()

    def _execute(self, statement: str, *values: object) -> Any:  # noqa: ANN401
        cursor = self._connection.cursor()
        cursor.execute(statement.replace("?", self._mark), values)
        return cursor

    def warm(self) -> None:
        """Nothing: the constructor has connected."""

    def put_file(self, path: Path, folder: str) -> None:
        """Insert one row a chunk, and commit once."""
        digest = hashlib.sha256()
        for number, data in enumerate(_pieces(path)):
            if self._digests:
                digest.update(data)
            self._execute(
                f"INSERT INTO {self._table} VALUES (?, ?, ?, ?)", folder, path.name, number, data
            )
        self._connection.commit()

    def put_folder(self, path: Path, folder: str) -> None:
        """Insert one row a file, and commit once."""
        for file in path.iterdir():
            data = file.read_bytes()
            self._execute(
                f"INSERT INTO {self._table} VALUES (?, ?, ?, ?)", folder, file.name, 0, data
            )
        self._connection.commit()

    def get(self, path: str, target: Path) -> None:
        """Select one row a chunk, or one a file."""
        folder, _, name = path.rpartition("/")
        if not folder:
            (target / path).mkdir()
            rows = self._execute(
                f"SELECT name FROM {self._table} WHERE folder = ?", path
            ).fetchall()
            for (file,) in rows:
                self._get_file(path, file, target / path / file)
        else:
            self._get_file(folder, name, target / name)

    def _get_file(self, folder: str, name: str, target: Path) -> None:
        where = "folder = ? AND name = ?"
        (count,) = self._execute(
            f"SELECT count(*) FROM {self._table} WHERE {where}",
            folder,
            name,  # constants
        ).fetchone()
        digest = hashlib.sha256()
        with target.open("wb") as stream:
            for number in range(count):
                (data,) = self._execute(
                    f"SELECT data FROM {self._table} WHERE {where} AND number = ?",
                    folder,
                    name,
                    number,
                ).fetchone()
                if self._digests:
                    digest.update(data)
                stream.write(data)
        self._connection.rollback()

    def list(self, folder: str) -> int:
        """Select names and lengths."""
        statement = f"SELECT name, length(data) FROM {self._table} WHERE folder = ? ORDER BY name"
        return len(self._execute(statement, folder).fetchall())

    def delete(self, folder: str) -> None:
        """Delete by one statement."""
        self._execute(f"DELETE FROM {self._table} WHERE folder = ?", folder)
        self._connection.commit()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while data := stream.read(CHUNK_BYTES):
            yield data


def make(name: str, url: str, folder: Path) -> System:
    """Return a system by its name in the tables."""
    if name == "plugin":
        return MlflowRepository(f"{url}/1/run/artifacts")
    if name == "peer":
        return Peer(url.replace("postgresql://", "postgresql+psycopg://"))
    if name in {"driver", "digest"}:
        return BareDriver(url, digests=name == "digest")
    return MlflowRepository((folder / "local-repository").as_uri())
