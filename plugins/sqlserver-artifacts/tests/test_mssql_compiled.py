"""What SQL Server is sent beside the plain statements: whole inserts, locks, schemas, the script."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from mlflow.exceptions import MlflowException
from sqlalchemy import create_engine, create_mock_engine, event, make_url
from sqlalchemy.dialects import mssql

from mlflow_sqlserver_artifacts import ddl, schema_setup, statements
from mlflow_sqlserver_artifacts.location import parse
from mlflow_sqlserver_artifacts.schema import chunks, metadata

if TYPE_CHECKING:
    from types import ModuleType

    from sqlalchemy import Engine

FOLDER = {
    "path_key": b"k" * 32,
    "parent_key": b"p" * 32,
    "path": "folder",
    "is_folder": 1,
    "content_id": None,
    "size": None,
    "sha256": None,
    "chunk_size": None,
    "chunks": None,
    "modified_at": 1,
}
PLACE = parse("mssql://host/db")

# A connection that takes every statement: what reaches the driver is what is looked at.
_CONNECTION = """
answer = [0]
sent = []
class _Cursor(Cursor):
    arraysize, rowcount, lastrowid = 1, 1, None
    description = [("a", int, None, None, None, None, None)]
    def execute(self, statement, *parameters):
        sent.append((statement, parameters[0] if parameters else ()))
        return self
    def executemany(self, statement, parameters):
        raise AssertionError("one round trip a row: " + statement)
    def setinputsizes(self, sizes): pass
    def fetchone(self): return tuple(answer)
    def fetchall(self): return [tuple(answer)]
    def close(self): pass
class Connection:
    autocommit = False
    timeout = 0
    def cursor(self): return _Cursor()
    def commit(self): pass
    def rollback(self): pass
    def close(self): pass
    def add_output_converter(self, number, function): pass
    def getinfo(self, number): return "16.0.1000"
def connect(*arguments, **keywords):
    return Connection()
"""


@pytest.fixture
def driver(install: Any) -> ModuleType:  # the fixture's own type is long
    """In pyodbc's place, with a server behind it that agrees to everything."""
    import inspect

    first = install("pyodbc")
    text = inspect.getsource(first)
    return install("pyodbc", text.partition("def connect(")[0] + _CONNECTION)  # type: ignore[no-any-return]


@pytest.fixture
def engine(driver: ModuleType) -> Engine:
    """An engine as the plugin makes it, connected, so that only what follows is noted."""
    from mlflow_sqlserver_artifacts.opening import open_store

    found = open_store("mssql://user:pass@host/db").database.engine
    driver.answer[0] = "16.0.1000.6"  # type: ignore[attr-defined]
    with found.connect():
        pass
    driver.answer[0] = 0  # type: ignore[attr-defined]
    driver.sent.clear()  # type: ignore[attr-defined]
    return found


def test_many_rows_are_one_insert_with_many_values(driver: ModuleType, engine: Engine) -> None:
    rows = [
        {"content_id": b"c" * 16, "number": number, "crc32": 1, "data": b"x"} for number in range(3)
    ]
    with engine.begin() as connection:
        driver.sent.clear()  # of the question whether the connection is still good
        connection.execute(statements.insert_rows(chunks), rows)

    ((statement, parameters),) = driver.sent
    assert statement.count("(?, ?, ?, ?)") == 3
    assert len(parameters) == 12
    assert "OUTPUT" not in statement


def test_the_nulls_of_a_folder_are_bound_as_binary(driver: ModuleType, engine: Engine) -> None:
    driver.BinaryNull = "binary null"  # type: ignore[attr-defined]
    with engine.begin() as connection:
        driver.sent.clear()
        connection.execute(statements.insert_missing_entries("mssql", [FOLDER]))

    ((statement, parameters),) = driver.sent
    # A NULL that is bound as text would be refused: NVARCHAR is not turned into BINARY by itself.
    assert list(parameters).count("binary null") == 2
    assert list(parameters).count(None) == 3
    assert "WITH (UPDLOCK, HOLDLOCK)" in statement


def test_the_lock_of_the_tables_is_asked_for_its_answer(driver: ModuleType, engine: Engine) -> None:
    with engine.begin() as connection:
        driver.sent.clear()
        schema_setup.take_lock(connection, PLACE)

    ((statement, _),) = driver.sent
    assert statement == (
        "SET NOCOUNT ON; DECLARE @result INT; EXEC @result = sp_getapplock "
        "@Resource = N'mlflow-sqlserver-artifacts-schema', @LockMode = N'Exclusive', "
        "@LockOwner = N'Transaction', @LockTimeout = 60000; SELECT @result"
    )


@pytest.mark.parametrize("answer", [-1, -3, -999, None])
def test_a_lock_that_was_not_given_is_not_taken_for_one(
    driver: ModuleType, engine: Engine, answer: int | None
) -> None:
    driver.answer[0] = answer  # type: ignore[attr-defined]

    with (
        engine.begin() as connection,
        pytest.raises(MlflowException, match="held their lock for 60 s") as error,
    ):
        schema_setup.take_lock(connection, PLACE)
    assert error.value.error_code == "TEMPORARILY_UNAVAILABLE"


def test_every_statement_names_the_schema_that_was_chosen(driver: ModuleType) -> None:
    from mlflow_sqlserver_artifacts.opening import open_store

    engine = open_store("mssql://user:pass@host/db?table_schema=my files").database.engine
    driver.answer[0] = "16.0.1000.6"  # type: ignore[attr-defined]
    with engine.begin() as connection:
        driver.sent.clear()  # type: ignore[attr-defined]
        driver.answer[0] = 0  # type: ignore[attr-defined]
        connection.execute(statements.insert_missing_entries("mssql", [FOLDER]))
        connection.execute(statements.find_entries([b"k" * 32]))
        connection.execute(statements.delete_chunks([b"c" * 16]))

    assert len(driver.sent) == 3
    for statement, _ in driver.sent:
        assert "[my files].mlflow_artifact_" in statement
        assert not re.findall(r"(?<!\[my files\]\.)\bmlflow_artifact_\w+", statement)


@pytest.mark.parametrize("schema", [None, "dbo"])
def test_the_script_is_what_the_first_use_would_run(driver: ModuleType, schema: str | None) -> None:
    run: list[str] = []

    def note(statement: Any, *_: object, **__: object) -> None:  # DDL has no base
        dialect = mssql.dialect()  # type: ignore[no-untyped-call]
        dialect.identifier_preparer = dialect.preparer(dialect)
        options = (
            {"schema_translate_map": {None: schema}, "render_schema_translate": True}
            if schema
            else {}
        )
        run.append(str(statement.compile(dialect=dialect, **options)).strip())

    metadata.create_all(
        create_mock_engine(make_url("mssql+pyodbc://h/d?driver=x"), note), checkfirst=False
    )

    assert sorted(run) == sorted(ddl.statements("mssql", schema)[:-1])
    assert not [text for text in run if "sp_addextendedproperty" in text]
    assert driver.sent == []


def test_sqlite_runs_what_its_script_says() -> None:
    engine = create_engine("sqlite://")
    run: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: run.append(given[2].strip()))
    metadata.create_all(engine, checkfirst=False)

    assert sorted(text for text in run if text.startswith("CREATE")) == sorted(
        ddl.statements("sqlite")[:-1]
    )
