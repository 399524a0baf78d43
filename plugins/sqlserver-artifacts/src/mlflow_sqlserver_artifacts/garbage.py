"""Chunks that no file needs any more: replaced, deleted, or left by a killed upload."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from mlflow.exceptions import MlflowException

from mlflow_sqlserver_artifacts import statements
from mlflow_sqlserver_artifacts.database import Database, now_milliseconds
from mlflow_sqlserver_artifacts.schema import GARBAGE, UPLOADING, pending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

_logger = logging.getLogger(__name__)

# Chunks that one transaction deletes: locks and logs stay small whatever the file's size.
_CHUNKS = 64
# Bytes whose chunks go in the transaction that makes them garbage.
_AT_ONCE_BYTES = 64 << 20
_WHAT = "Cannot remove chunks that are no longer needed"


def discard(
    connection: Connection, database: Database, unpointed: Sequence[Row[Any]]
) -> list[bytes]:
    """Delete the chunks of contents that no entry points to any more, or list them as pending.

    Args:
        connection: The transaction that took the entries away.
        database: Its database.
        unpointed: What `lock_entries` read of those entries.

    Returns:
        The contents that are pending, to be purged after the commit: they are too large for a
        transaction that others wait for.
    """
    contents = [row.content_id for row in unpointed if row.content_id]
    if sum(row.size or 0 for row in unpointed) > _AT_ONCE_BYTES:
        _declare(connection, database, contents)
        return contents
    for batch in statements.batches(contents, database.limits, columns=1):
        connection.execute(statements.delete_chunks(batch))
    return []


def _declare(connection: Connection, database: Database, content_ids: Sequence[bytes]) -> None:
    now = now_milliseconds()
    rows = [{"content_id": item, "state": GARBAGE, "touched_at": now} for item in content_ids]
    for batch in statements.batches(rows, database.limits):
        connection.execute(statements.insert_rows(pending), batch)


def purge(database: Database, content_ids: Sequence[bytes]) -> int:
    """Remove the chunks of pending contents, then take them off the list; returns how many chunks.

    Killed half-way, it leaves the rest on the list for the next run of `collect`.
    """
    removed = 0
    for batch in statements.batches(content_ids, database.limits, columns=1):
        removed += _purge_batch(database, batch)
    return removed


def try_purge(database: Database, content_ids: Sequence[bytes]) -> None:
    """Remove contents after the commit that made them garbage; what fails is left to `collect`.

    The caller's work is done by then: an error would say that it was not.
    """
    try:
        purge(database, content_ids)
    except MlflowException as error:
        _logger.warning("%s; `gc` will: %s", _WHAT, error.message)


def _purge_batch(database: Database, content_ids: Sequence[bytes]) -> int:
    def read_counts(connection: Connection) -> dict[bytes, int]:
        rows = connection.execute(statements.count_chunks(content_ids))
        return {row[0]: row[1] for row in rows}

    counts: dict[bytes, int] = database.read(read_counts, what=_WHAT, missing={})
    removed = 0
    small: list[bytes] = [item for item in content_ids if item not in counts]
    held = 0
    for content_id, count in counts.items():
        if count > _CHUNKS:
            _purge_large(database, content_id, count)
        else:
            small.append(content_id)
            held += count
        removed += count
        if held > _CHUNKS:
            _purge_small(database, small)
            small, held = [], 0
    if small:
        _purge_small(database, small)
    return removed


def _purge_small(database: Database, content_ids: Sequence[bytes]) -> None:
    def step(connection: Connection) -> None:
        connection.execute(statements.delete_chunks(content_ids))
        connection.execute(statements.forget_pending(content_ids))

    database.write(step, what=_WHAT)


def _purge_large(database: Database, content_id: bytes, count: int) -> None:
    for first in range(0, count, _CHUNKS):
        database.change(
            statements.delete_chunk_range(content_id, first, first + _CHUNKS), what=_WHAT
        )
    database.change(statements.forget_pending([content_id]), what=_WHAT)


def collect(database: Database, *, older_than: float) -> tuple[int, int]:
    """Remove what killed processes left.

    Args:
        database: Where to look.
        older_than: Seconds since an upload last sent anything; a living one does so with every
            few MiB.

    Returns:
        How many contents and how many chunks were removed.
    """
    limit = now_milliseconds() - int(older_than * 1000)

    def step(connection: Connection) -> list[tuple[bytes, int]]:
        rows = connection.execute(statements.list_pending(limit))
        return [(row.content_id, row.state) for row in rows]

    found: list[tuple[bytes, int]] = database.read(step, what=_WHAT, missing=[])
    claimed: list[bytes] = []
    for content_id, state in found:
        # An upload that went on since we looked keeps its chunks.
        claim = statements.claim_pending(content_id, limit)
        if state != UPLOADING or database.change(claim, what=_WHAT):
            claimed.append(content_id)
    return len(claimed), purge(database, claimed)
