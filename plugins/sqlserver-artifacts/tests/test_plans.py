"""Listing reads one folder, however many files stand beside it: the database says so itself."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import postgresql, sqlite

from mlflow_sqlserver_artifacts import statements
from mlflow_sqlserver_artifacts.keys import path_key
from mlflow_sqlserver_artifacts.schema import entries

if TYPE_CHECKING:
    from mlflow_sqlserver_artifacts.store import SqlBlobStore

_FOLDERS, _FILES = 200, 500  # 100,000 files
_INDEX = "mlflow_artifact_entries_parent"


@pytest.fixture
def crowded(store: SqlBlobStore) -> SqlBlobStore:
    """A run with 100,000 files in 200 folders; only their entries: no test here reads bytes."""
    store.database.prepare()
    root = store._absolute("")
    rows: list[dict[str, Any]] = []
    for folder in range(_FOLDERS):
        above = f"{root}/folder-{folder:03}"
        rows.append(_row(above, root, is_folder=1))
        rows += [_row(f"{above}/{name:03}", above, is_folder=0) for name in range(_FILES)]
    with store.database.engine.begin() as connection:
        for batch in statements.batches(rows, store.database.limits):
            connection.execute(statements.insert_rows(entries), batch)
        connection.execute(text("ANALYZE"))
    return store


def _row(path: str, above: str, *, is_folder: int) -> dict[str, Any]:
    return {
        "path_key": path_key(path),
        "parent_key": path_key(above),
        "path": path,
        "is_folder": is_folder,
        "content_id": None,
        "size": None if is_folder else 1,
        "sha256": None,
        "chunk_size": None,
        "chunks": None,
        "modified_at": 0,
    }


@pytest.mark.parametrize("database_uri", ["sqlite"], indirect=True)
def test_sqlite_searches_the_index_by_equality(crowded: SqlBlobStore) -> None:
    key = path_key(crowded._absolute("folder-007"))
    statement = statements.list_children([key])
    sql = str(statement.compile(dialect=sqlite.dialect()))  # type: ignore[no-untyped-call]
    with crowded.database.engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (key,)).fetchall()
    plan = " ".join(row[-1] for row in rows)

    assert re.search(rf"SEARCH \S+ USING INDEX {_INDEX} \(parent_key=\?\)", plan)
    assert "SCAN" not in plan
    assert len(list(crowded.list_folder("folder-007"))) == _FILES


@pytest.mark.server
@pytest.mark.enable_socket
@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_postgresql_reads_no_row_of_another_folder(crowded: SqlBlobStore) -> None:
    key = path_key(crowded._absolute("folder-007"))
    sql = statements.list_children([key]).compile(
        dialect=postgresql.dialect(),  # type: ignore[no-untyped-call]
        compile_kwargs={"literal_binds": False},
    )
    (name,) = sql.params
    statement = str(sql).replace(f"%({name})s", "decode('" + key.hex() + "', 'hex')")
    with crowded.database.engine.connect() as connection:
        explained = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
        found = explained.scalar()
    plan = json.loads(found) if isinstance(found, str) else found
    nodes = list(_nodes(plan[0]["Plan"]))

    assert any(node.get("Index Name") == _INDEX for node in nodes)
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
    assert max(node["Actual Rows"] for node in nodes) == _FILES
    assert not [node for node in nodes if node.get("Rows Removed by Filter")]


def _nodes(plan: dict[str, Any]) -> Any:
    yield plan
    for below in plan.get("Plans", []):
        yield from _nodes(below)
