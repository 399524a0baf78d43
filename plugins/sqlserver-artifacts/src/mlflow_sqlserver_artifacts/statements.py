"""Every statement the plugin sends, built once per shape; compiled for each dialect by the tests.

Only plain INSERT, SELECT, UPDATE and DELETE by key: no MERGE (race-prone in SQL Server), no LIMIT,
no RETURNING. Statements over many rows are multi-row VALUES or IN lists cut to the dialect's limits
by the callers, since `executemany` is one round trip a row with some drivers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Select, and_, bindparam, delete, func, insert, literal, select, update
from sqlalchemy.dialects import mysql, postgresql, sqlite

from mlflow_plugin_core import transfer
from mlflow_sqlserver_artifacts.schema import (
    GARBAGE,
    UPLOADING,
    chunks,
    entries,
    pending,
    schema_table,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Executable, Table

T = TypeVar("T")


@dataclass(frozen=True)
class Limits:
    """What one statement may hold.

    Attributes:
        parameters: Bound values a statement.
        rows: Rows in one VALUES list.
        bytes: Bytes of chunk data in one statement.
    """

    parameters: int
    rows: int
    bytes: int


# SQL Server: 2,100 parameters a call (Maximum capacity specifications), 1,000 rows in VALUES
# (Table Value Constructor). PostgreSQL: 65,535 parameters (protocol, Bind message). SQLite: 32,766
# since 3.32 (Limits, section 9); 999 before, which no Python 3.10 build brings. MySQL: 65,535
# placeholders, and max_allowed_packet, 16 MiB by default in MariaDB: escaping may double a byte.
LIMITS = {
    "mssql": Limits(parameters=2_000, rows=1_000, bytes=4 << 20),
    "postgresql": Limits(parameters=30_000, rows=4_000, bytes=8 << 20),
    "mysql": Limits(parameters=30_000, rows=4_000, bytes=5 << 20),
    "sqlite": Limits(parameters=30_000, rows=4_000, bytes=8 << 20),
}

# SQL Server inserts a missing row by INSERT … SELECT … WHERE NOT EXISTS, one at a time.
SINGLE_ROW = Limits(parameters=2_000, rows=1, bytes=4 << 20)

# The callers cut their lists by `LIMITS`: SQLAlchemy's own pages of 1,000 rows would cut again.
_NO_PAGES = 1_000_000

ENTRY_COLUMNS = (
    entries.c.path_key,
    entries.c.path,
    entries.c.is_folder,
    entries.c.content_id,
    entries.c.size,
    entries.c.sha256,
    entries.c.chunk_size,
    entries.c.chunks,
)


def batches(
    items: Sequence[T],
    limits: Limits,
    *,
    columns: int | None = None,
    size: Callable[[T], int] = lambda _item: 0,
) -> Iterator[list[T]]:
    """Cut rows or keys into pieces that one statement may hold.

    Args:
        items: Rows (mappings of equal length), or keys with `columns=1`.
        limits: The dialect's limits.
        columns: Bound values an item; by default the length of the first row.
        size: Bytes an item adds to the statement.
    """
    if not items:
        return iter(())
    width = columns or len(items[0])  # type: ignore[arg-type]  # keys come with `columns`
    most = max(1, min(limits.rows, limits.parameters // width))
    return transfer.batched(items, max_items=most, max_bytes=limits.bytes, size=size)


def insert_rows(table: Table) -> Executable:
    """Insert rows, given as a list of mappings to `Connection.execute`.

    SQLAlchemy puts the whole list into one VALUES (`client.py` asks for it): compiled once, where
    `values(rows)` would be compiled anew for each list at 25 microseconds a value.
    """
    return insert(table).execution_options(insertmanyvalues_page_size=_NO_PAGES)


def insert_missing_entries(dialect: str, rows: Sequence[Mapping[str, Any]]) -> Executable:
    """Insert those entries whose key is not there yet; two at once both succeed.

    SQL Server has no such clause: one row a statement, guarded by a key-range lock that makes the
    second writer wait for the first.
    """
    if dialect == "postgresql":
        return postgresql.insert(entries).values(list(rows)).on_conflict_do_nothing()
    if dialect == "sqlite":
        return sqlite.insert(entries).values(list(rows)).on_conflict_do_nothing()
    if dialect == "mysql":
        statement = mysql.insert(entries).values(list(rows))
        # Not INSERT IGNORE: that would swallow every other error as well.
        return statement.on_duplicate_key_update(path_key=entries.c.path_key)
    (row,) = rows
    names = list(row)
    there = (
        select(entries.c.path_key)
        .where(entries.c.path_key == row["path_key"])
        .with_hint(entries, "WITH (UPDLOCK, HOLDLOCK)", "mssql")
    )
    values = select(
        *[literal(row[name], entries.c[name].type).label(name) for name in names]
    ).where(~there.exists())
    return insert(entries).from_select(names, values)


def find_entries(keys: Iterable[bytes]) -> Select[Any]:
    """Read the entries with these keys."""
    return select(*ENTRY_COLUMNS).where(entries.c.path_key.in_(list(keys)))


def lock_entries(keys: Iterable[bytes]) -> Select[Any]:
    """Read and hold the entries with these keys until the transaction ends.

    In the order of their keys, so that two writers of the same paths wait rather than deadlock.
    """
    return (
        select(entries.c.path_key, entries.c.is_folder, entries.c.content_id, entries.c.size)
        .where(entries.c.path_key.in_(list(keys)))
        .order_by(entries.c.path_key)
        .with_for_update()
        .with_hint(entries, "WITH (UPDLOCK, HOLDLOCK)", "mssql")
    )


def list_children(parent_keys: Iterable[bytes]) -> Select[Any]:
    """Read what lies directly in these folders: an index read by equality."""
    keys = list(parent_keys)
    if len(keys) == 1:
        return select(*ENTRY_COLUMNS).where(entries.c.parent_key == keys[0])
    return select(*ENTRY_COLUMNS).where(entries.c.parent_key.in_(keys))


def delete_entries(keys: Iterable[bytes]) -> Executable:
    """Delete the entries with these keys."""
    return delete(entries).where(entries.c.path_key.in_(list(keys)))


def occupied_folders(keys: Iterable[bytes]) -> Select[Any]:
    """Read which of these folders hold anything.

    A statement of its own: MySQL refuses a DELETE whose condition reads the table it deletes from
    (error 1093).
    """
    return select(entries.c.parent_key).where(entries.c.parent_key.in_(list(keys))).distinct()


def read_chunks(content_id: bytes, first: int, end: int) -> Select[Any]:
    """Read the chunks `first` to `end - 1` of one content, in order."""
    return (
        select(chunks.c.number, chunks.c.crc32, chunks.c.data)
        .where(
            chunks.c.content_id == bindparam("content_id", content_id),
            chunks.c.number >= bindparam("first", first),
            chunks.c.number < bindparam("end", end),
        )
        .order_by(chunks.c.number)
    )


def read_single_chunks(content_ids: Iterable[bytes]) -> Select[Any]:
    """Read the only chunk of many small contents at once."""
    return select(chunks.c.content_id, chunks.c.number, chunks.c.crc32, chunks.c.data).where(
        chunks.c.content_id.in_(list(content_ids))
    )


def delete_chunk_range(content_id: bytes, first: int, end: int) -> Executable:
    """Delete the chunks `first` to `end - 1` of one content."""
    return delete(chunks).where(
        chunks.c.content_id == bindparam("content_id", content_id),
        chunks.c.number >= bindparam("first", first),
        chunks.c.number < bindparam("end", end),
    )


def delete_chunks(content_ids: Iterable[bytes]) -> Executable:
    """Delete all chunks of several contents."""
    return delete(chunks).where(chunks.c.content_id.in_(list(content_ids)))


def count_chunks(content_ids: Iterable[bytes]) -> Select[Any]:
    """Read one more than the highest chunk number of each content that has any."""
    return (
        select(chunks.c.content_id, (func.max(chunks.c.number) + 1).label("count"))
        .where(chunks.c.content_id.in_(list(content_ids)))
        .group_by(chunks.c.content_id)
    )


def touch_upload(content_id: bytes, now: int) -> Executable:
    """Say that an upload is alive; changes no row when `gc` has taken it for dead."""
    return (
        update(pending)
        .where(and_(pending.c.content_id == content_id, pending.c.state == UPLOADING))
        .values(touched_at=now)
    )


def finish_upload(content_id: bytes) -> Executable:
    """Take an upload off the pending list; changes no row when `gc` has taken it for dead."""
    return delete(pending).where(
        and_(pending.c.content_id == content_id, pending.c.state == UPLOADING)
    )


def claim_pending(content_id: bytes, older_than: int) -> Executable:
    """Declare an abandoned upload garbage, unless it came to life in the meantime."""
    return (
        update(pending)
        .where(and_(pending.c.content_id == content_id, pending.c.touched_at <= older_than))
        .values(state=GARBAGE)
    )


def list_pending(older_than: int) -> Select[Any]:
    """Read the pending contents that nobody has touched since."""
    return (
        select(pending.c.content_id, pending.c.state)
        .where(pending.c.touched_at <= older_than)
        .order_by(pending.c.touched_at)
    )


def forget_pending(content_ids: Iterable[bytes]) -> Executable:
    """Take contents whose chunks are gone off the pending list."""
    return delete(pending).where(pending.c.content_id.in_(list(content_ids)))


def read_version() -> Select[Any]:
    """Read the version of the schema."""
    return select(schema_table.c.version)
