"""Creates the tables on first use, once, whoever comes first; refuses a newer schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, inspect, text

from mlflow_plugin_core import errors
from mlflow_sqlserver_artifacts.schema import SCHEMA_VERSION, metadata, schema_table
from mlflow_sqlserver_artifacts.statements import read_version

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from mlflow_sqlserver_artifacts.location import SqlLocation

_LOCK_NAME = "mlflow-sqlserver-artifacts-schema"
_LOCK_NUMBER = 0x6D6C66_61727466  # PostgreSQL's advisory locks have numbers: "mlf" "artf"
_LOCK_SECONDS = 60

# The lock is held until the transaction ends, or the connection where a dialect's DDL commits.
_LOCK = {
    "postgresql": text(f"SELECT pg_advisory_xact_lock({_LOCK_NUMBER})"),
    "mysql": text(f"SELECT GET_LOCK('{_LOCK_NAME}', {_LOCK_SECONDS})"),
    "mssql": text(
        "SET NOCOUNT ON; DECLARE @result INT; "
        f"EXEC @result = sp_getapplock @Resource = N'{_LOCK_NAME}', @LockMode = N'Exclusive', "
        f"@LockOwner = N'Transaction', @LockTimeout = {_LOCK_SECONDS * 1000}; SELECT @result"
    ),
}
# Both answer rather than fail: MySQL 1, or 0 after the wait and NULL for an error; SQL Server 0 or
# more, or a negative number. PostgreSQL's lock has no answer.
_LEAST = {"mysql": 1, "mssql": 0}
_UNLOCK = {"mysql": text(f"SELECT RELEASE_LOCK('{_LOCK_NAME}')")}


def ensure(connection: Connection, location: SqlLocation, table_schema: str | None) -> None:
    """Create what is missing and check the version.

    Looks for the tables first, so that a user who may not create any never tries to. MySQL's DDL
    commits by itself, so there the connection has to be in autocommit mode.

    Raises:
        MlflowException: BAD_REQUEST where the tables were made by a newer plugin.
    """
    version = _version(connection, table_schema)
    if version is None:
        version = _create(connection, location, table_schema)
    _refuse_newer(version, location)


def check(connection: Connection, location: SqlLocation) -> bool:
    """Check the version before reading, by one statement that fails where no table is there.

    Returns:
        Whether there is a version: a killed creation leaves tables without one, and without files.

    Raises:
        MlflowException: BAD_REQUEST where the tables were made by a newer plugin.
    """
    version: int | None = connection.execute(read_version()).scalar()
    if version is not None:
        _refuse_newer(version, location)
    return version is not None


def _refuse_newer(version: int, location: SqlLocation) -> None:
    if version > SCHEMA_VERSION:
        message = errors.explain(
            f"The tables have schema version {version}, this plugin knows {SCHEMA_VERSION}",
            location=location.uri,
            remedy="pip install --upgrade mlflow-sqlserver-artifacts",
        )
        raise errors.bad_request(message)


def _version(connection: Connection, table_schema: str | None) -> int | None:
    # Asked of the catalogue: PostgreSQL refuses the rest of a transaction after a failed SELECT.
    if not inspect(connection).has_table(schema_table.name, schema=table_schema):
        return None
    version: int | None = connection.execute(read_version()).scalar()
    return version


def _create(connection: Connection, location: SqlLocation, table_schema: str | None) -> int:
    dialect = connection.dialect.name
    if dialect in _LOCK:
        take_lock(connection, location)
    try:
        version = _version(connection, table_schema)
        if version is None:
            metadata.create_all(connection, checkfirst=True)
            # Last: until this row is there, the next comer completes what a killed one began.
            connection.execute(insert(schema_table).values(id=1, version=SCHEMA_VERSION))
            version = SCHEMA_VERSION
        return version
    finally:
        if dialect in _UNLOCK:
            connection.execute(_UNLOCK[dialect])


def take_lock(connection: Connection, location: SqlLocation) -> None:
    """Wait until no other process creates the tables.

    Raises:
        MlflowException: TEMPORARILY_UNAVAILABLE where another one holds the lock for too long.
    """
    dialect = connection.dialect.name
    answer = connection.execute(_LOCK[dialect]).scalar()
    least = _LEAST.get(dialect)
    if least is not None and (answer is None or int(answer) < least):
        message = errors.explain(
            "Cannot prepare the tables",
            location=location.uri,
            why=f"another process has held their lock for {_LOCK_SECONDS} s (answer {answer})",
            remedy="try again; look for a session that hangs if it stays",
        )
        raise errors.unavailable(message)
