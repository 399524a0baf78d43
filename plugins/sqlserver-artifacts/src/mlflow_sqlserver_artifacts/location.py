"""Reads an artifact location: which database, which folder in it, which options. Pure; no I/O.

MLflow appends `/<experiment>/<run>/artifacts` to the path of a location, so the path holds both the
database and the artifact root, and the query stays at the end:

    mssql+pyodbc://user@host:1433/db/1/4f0c/artifacts?driver=ODBC+Driver+18+for+SQL+Server
                                  ^^ ^^^^^^^^^^^^^^^^
    sqlite:////srv/mlflow/artifacts.db/1/4f0c/artifacts
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^ ^^^^^^^^^^^^^^^^
"""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlflow_plugin_core import artifact_paths, errors, uris

if TYPE_CHECKING:
    from collections.abc import Mapping

DIALECTS = ("mssql", "postgresql", "mysql", "sqlite")
DEFAULT_PORTS = {"mssql": 1433, "postgresql": 5432, "mysql": 3306}

_SQLITE_FILE = re.compile(r"\.(?:db|sqlite|sqlite3)$", re.IGNORECASE)
_WINDOWS_DRIVE = re.compile(r"^/?[A-Za-z]:/")


@dataclass(frozen=True)
class SqlLocation:
    """One artifact location, taken apart.

    Attributes:
        dialect: SQLAlchemy's dialect: mssql, postgresql, mysql or sqlite.
        driver: SQLAlchemy's driver name, or None for the plugin's default.
        host: Server, or None for SQLite.
        port: TCP port as written, or None.
        database: Database name, or the absolute path of the SQLite file.
        root: Artifact root inside the database: "" or "1/4f0c/artifacts".
        username: As written in the location, or None.
        password: As written in the location, or None.
        query: The options behind the question mark.
        uri: The location as given; print it redacted only.
    """

    dialect: str
    driver: str | None
    host: str | None
    port: int | None
    database: str
    root: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    uri: str = field(default="", repr=False, compare=False)

    @property
    def server(self) -> str:
        """`host:port` as MLFLOW_SQLSERVER_HOST and credentials files name it."""
        return f"{self.host}:{self.port or DEFAULT_PORTS[self.dialect]}"

    def __str__(self) -> str:
        return uris.redact_location(self.uri)


def parse(uri: str) -> SqlLocation:
    """Take a location apart.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE with what is wrong and how to write it.
    """
    scheme, _, rest = uri.partition(":")
    dialect, _, driver = scheme.lower().partition("+")
    if dialect not in DIALECTS:
        raise _refuse(uri, f"{dialect!r} is not one of {', '.join(DIALECTS)}", "")
    if "#" in uri:
        raise _refuse(uri, "it has a fragment ('#')", "percent-encode the character as %23")
    if dialect == "sqlite":
        return _parse_sqlite(uri, driver or None, rest)
    return _parse_server(uri, dialect, driver or None)


def _parse_server(uri: str, dialect: str, driver: str | None) -> SqlLocation:
    parts = uris.parse(uri)
    query = dict(parts.query)
    if "odbc_connect" in query:
        raise _refuse(
            uri,
            "MLflow appends the run's folder to the path, which an odbc_connect string lacks",
            "write host, database and options apart: "
            "mssql+pyodbc://user@host:1433/database?driver=ODBC+Driver+18+for+SQL+Server",
        )
    if not parts.host:
        raise _refuse(uri, "it names no host", f"write {dialect}://user@host/database")
    database, _, root = parts.path.lstrip("/").partition("/")
    if not database:
        raise _refuse(uri, "it names no database", f"write {dialect}://user@host/database")
    return SqlLocation(
        dialect=dialect,
        driver=driver,
        host=parts.host,
        port=parts.port,
        database=urllib.parse.unquote(database),
        root=_normalize_root(uri, urllib.parse.unquote(root)),
        username=parts.username,
        password=parts.password,
        query=query,
        uri=uri,
    )


def _parse_sqlite(uri: str, driver: str | None, rest: str) -> SqlLocation:
    path, _, query = rest.partition("?")
    segments = _sqlite_absolute_path(uri, path).split("/")
    files = [index for index, segment in enumerate(segments) if _SQLITE_FILE.search(segment)]
    if not files:
        raise _refuse(
            uri,
            "no part of its path ends in .db, .sqlite or .sqlite3, so the database file and the "
            "artifact folder cannot be told apart",
            "write sqlite:////absolute/path/artifacts.db",
        )
    if ".." in segments:
        raise _refuse(uri, "its path holds '..'", "write the path without it")
    return SqlLocation(
        dialect="sqlite",
        driver=driver,
        host=None,
        port=None,
        database="/".join(segments[: files[0] + 1]),
        root=_normalize_root(uri, "/".join(segments[files[0] + 1 :])),
        query=_parse_query(uri, query),
        uri=uri,
    )


def _sqlite_absolute_path(uri: str, path: str) -> str:
    """Read every form into which MLflow's appending turns one absolute path.

    Python 3.10 to 3.12 print `sqlite:////abs/a.db` as `sqlite://abs/a.db` once something was
    appended, 3.13 keeps four slashes. Three slashes are SQLAlchemy's relative path, printed with
    one slash by the older versions, and are refused: relative to which process?
    """
    if _WINDOWS_DRIVE.match(path.lstrip("/")):
        return path.lstrip("/")
    slashes = len(path) - len(path.lstrip("/"))
    # Two or at least four slashes; more than four are the same path (POSIX: // within is /).
    if slashes == 2 or slashes >= 4:  # noqa: PLR2004
        return "/" + path.lstrip("/")
    raise _refuse(
        uri,
        "its path is relative, and would mean another file in each process",
        "write four slashes and the absolute path: sqlite:////absolute/path/artifacts.db",
    )


def _parse_query(uri: str, query: str) -> dict[str, str]:
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
    names = [name for name, _ in pairs]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise _refuse(uri, f"option {min(repeated)!r} is given twice", "give it once")
    return dict(pairs)


def _normalize_root(uri: str, root: str) -> str:
    try:
        return artifact_paths.normalize(root.strip("/"))
    except Exception as error:
        message = errors.explain(
            "Invalid artifact location",
            location=uri,
            why=f"the folder behind the database is not an artifact path: {root!r}",
        )
        raise errors.invalid_parameter(message, cause=error) from error


def _refuse(uri: str, why: str, remedy: str) -> Exception:
    message = errors.explain("Invalid artifact location", location=uri, why=why, remedy=remedy)
    return errors.invalid_parameter(message)
