"""The tables, for every dialect.

    entries   one row a file or folder, found by the hash of its path, listed by its parent's hash
    chunks    the bytes of one content, cut into pieces of at most `chunk_size`
    pending   every content that no entry points to: uploads on their way, and what they replaced
    schema    one row: the version of all this

A content is either pointed to by an entry or listed in `pending`; both change in one transaction.
So a killed process leaves nothing that `gc` could not find by reading `pending` alone.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    UnicodeText,
)
from sqlalchemy.dialects import mssql, mysql

from mlflow_sqlserver_artifacts.keys import CONTENT_ID_BYTES, KEY_BYTES

SCHEMA_VERSION: Final = 1

# States of a pending content: an upload on its way in, or bytes that nobody needs any more.
UPLOADING: Final = 0
GARBAGE: Final = 1

_UNLIMITED = (
    LargeBinary()
    .with_variant(mssql.VARBINARY("max"), "mssql")  # type: ignore[no-untyped-call]
    .with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
)
_TEXT = UnicodeText().with_variant(mssql.NVARCHAR(None), "mssql")
# utf8mb4 holds every Unicode character; MySQL's utf8 stops at three bytes.
_MYSQL_TABLE: dict[str, Any] = {"mysql_charset": "utf8mb4", "mysql_engine": "InnoDB"}


def _fixed(length: int) -> LargeBinary:
    return (
        LargeBinary(length)
        .with_variant(mssql.BINARY(length), "mssql")
        .with_variant(mysql.BINARY(length), "mysql", "mariadb")
    )


# No `comment=`: on SQL Server and PostgreSQL it is a statement of its own, which `ddl` would not
# print, and for which a user needs further rights.
metadata = MetaData()

schema_table = Table(
    "mlflow_artifact_schema",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    **_MYSQL_TABLE,
)

entries = Table(
    "mlflow_artifact_entries",
    metadata,
    Column("path_key", _fixed(KEY_BYTES), primary_key=True),
    Column("parent_key", _fixed(KEY_BYTES), nullable=False),
    Column("path", _TEXT, nullable=False),
    Column("is_folder", SmallInteger, nullable=False),
    Column("content_id", _fixed(CONTENT_ID_BYTES)),
    Column("size", BigInteger),
    Column("sha256", _fixed(32)),
    Column("chunk_size", Integer),  # bytes in every chunk but the last
    Column("chunks", Integer),
    Column("modified_at", BigInteger, nullable=False),  # milliseconds since 1970, UTC
    Index("mlflow_artifact_entries_parent", "parent_key"),
    **_MYSQL_TABLE,
)

chunks = Table(
    "mlflow_artifact_chunks",
    metadata,
    Column("content_id", _fixed(CONTENT_ID_BYTES), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("crc32", BigInteger, nullable=False),
    Column("data", _UNLIMITED, nullable=False),
    **_MYSQL_TABLE,
)

pending = Table(
    "mlflow_artifact_pending",
    metadata,
    Column("content_id", _fixed(CONTENT_ID_BYTES), primary_key=True),
    Column("state", SmallInteger, nullable=False),
    Column("touched_at", BigInteger, nullable=False),  # milliseconds since 1970, UTC
    **_MYSQL_TABLE,
)
