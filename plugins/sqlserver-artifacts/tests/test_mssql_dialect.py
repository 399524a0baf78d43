"""Every statement as SQL Server will read it; the real server runs them every night."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.dialects import mssql

from mlflow_sqlserver_artifacts import ddl, statements
from mlflow_sqlserver_artifacts.schema import chunks, entries, metadata, pending

if TYPE_CHECKING:
    from sqlalchemy import Executable

KEY = b"k" * 32
CONTENT = b"c" * 16
ENTRY = {column.name: None for column in entries.columns} | {"path_key": KEY, "path": "ü"}

STATEMENTS: dict[str, Executable] = {
    "insert_rows": statements.insert_rows(chunks),
    "insert_missing_entries": statements.insert_missing_entries("mssql", [ENTRY]),
    "find_entries": statements.find_entries([KEY, KEY]),
    "lock_entries": statements.lock_entries([KEY]),
    "list_children": statements.list_children([KEY]),
    "list_children of several": statements.list_children([KEY, KEY]),
    "delete_entries": statements.delete_entries([KEY]),
    "occupied_folders": statements.occupied_folders([KEY]),
    "read_chunks": statements.read_chunks(CONTENT, 0, 8),
    "read_single_chunks": statements.read_single_chunks([CONTENT]),
    "delete_chunk_range": statements.delete_chunk_range(CONTENT, 0, 8),
    "delete_chunks": statements.delete_chunks([CONTENT]),
    "count_chunks": statements.count_chunks([CONTENT]),
    "touch_upload": statements.touch_upload(CONTENT, 1),
    "finish_upload": statements.finish_upload(CONTENT),
    "claim_pending": statements.claim_pending(CONTENT, 1),
    "list_pending": statements.list_pending(1),
    "forget_pending": statements.forget_pending([CONTENT]),
    "read_version": statements.read_version(),
}


def compiled(statement: Executable) -> str:
    dialect = mssql.dialect()  # type: ignore[no-untyped-call]
    return str(statement.compile(dialect=dialect))  # type: ignore[attr-defined]


def test_no_statement_is_missing_here() -> None:
    import inspect

    public = {
        name
        for name, function in inspect.getmembers(statements, inspect.isfunction)
        if function.__module__ == statements.__name__ and name != "batches"
    }
    assert public == {name.partition(" ")[0] for name in STATEMENTS}


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_uses_only_what_sql_server_has(name: str) -> None:
    sql = compiled(STATEMENTS[name])

    assert not re.search(r"\b(LIMIT|RETURNING|MERGE|ON CONFLICT|FOR UPDATE|\|\|)\b", sql)


def test_rows_are_locked_by_hints() -> None:
    assert "WITH (UPDLOCK, HOLDLOCK)" in compiled(STATEMENTS["lock_entries"])
    inserted = compiled(STATEMENTS["insert_missing_entries"])
    assert "WITH (UPDLOCK, HOLDLOCK)" in inserted
    assert "NOT (EXISTS" in inserted


def test_tables_have_the_types_and_key_lengths_of_sql_server() -> None:
    script = ddl.script("mssql")

    assert "path NVARCHAR(max) NOT NULL" in script
    assert "data VARBINARY(max) NOT NULL" in script
    assert "path_key BINARY(32) NOT NULL" in script
    assert "PRIMARY KEY (content_id, number)" in script
    assert not re.search(r"\b(TEXT|NTEXT|IMAGE|BLOB|IDENTITY)\b", script)
    # 1,700 bytes in a nonclustered and 900 in a clustered key (Maximum capacity specifications).
    for table in metadata.sorted_tables:
        for columns in [table.primary_key.columns, *(index.columns for index in table.indexes)]:
            assert sum(_key_bytes(column) for column in columns) <= 900


def _key_bytes(column: object) -> int:
    kind = column.type.dialect_impl(mssql.dialect())  # type: ignore[attr-defined,no-untyped-call]
    return int(getattr(kind, "length", None) or 8)


@pytest.mark.parametrize("dialect", ["mssql", "postgresql", "mysql", "sqlite"])
def test_the_script_names_every_table_and_the_version(dialect: str) -> None:
    script = ddl.script(dialect)

    for table in metadata.sorted_tables:
        assert f"CREATE TABLE {table.name}" in script
    assert re.search(r"INSERT INTO mlflow_artifact_schema .* VALUES \(1, 1\)", script)
    assert "CREATE TABLE dbo." in ddl.script("mssql", "dbo")


@pytest.mark.parametrize(("rows", "expected"), [(1, 1), (222, 1), (223, 2), (2_000, 10)], ids=str)
def test_a_statement_stays_below_sql_servers_2100_parameters(rows: int, expected: int) -> None:
    limits = statements.LIMITS["mssql"]

    batches = list(
        statements.batches([{"a": 1} | dict(zip("bcdefghi", range(8), strict=True))] * rows, limits)
    )

    assert len(batches) == expected
    assert all(len(batch) * 9 < 2_100 for batch in batches)


def test_pending_rows_fit_one_statement() -> None:
    row = {column.name: 0 for column in pending.columns}
    assert len(list(statements.batches([row] * 600, statements.LIMITS["mssql"]))) == 1
