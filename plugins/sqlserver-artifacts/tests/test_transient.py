"""What is repeated, when, and for how long."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException
from sqlalchemy import exc

from mlflow_sqlserver_artifacts import faults
from mlflow_sqlserver_artifacts.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from sqlalchemy import Connection

AZURE = (615, 926, 4221, 10928, 10929, 10936, 40197, 40501, 40613, 49918, 49919, 49920)


def odbc(pyodbc: ModuleType, number: int, kind: str = "OperationalError") -> exc.DBAPIError:
    """An error as pyodbc raises it and SQLAlchemy wraps it."""
    text = f"[HY000] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]Words. ({number}) (SQL)"
    origin = getattr(pyodbc, kind)("HY000", text)
    return getattr(exc, kind)("INSERT", {}, origin)  # type: ignore[no-any-return]


def pymysql(number: int, text: str) -> exc.OperationalError:
    """An error as PyMySQL raises it."""
    err = pytest.importorskip("pymysql.err")
    return exc.OperationalError("INSERT", {}, err.OperationalError(number, text))


def psycopg(text: str, name: str = "OperationalError") -> exc.OperationalError:
    """An error as psycopg raises it; those of a log-in carry no code."""
    errors = pytest.importorskip("psycopg.errors")
    return exc.OperationalError("INSERT", {}, getattr(errors, name)(text))


@pytest.mark.parametrize("number", [1205, 1222, *AZURE], ids=str)
def test_a_deadlock_a_lock_and_azures_numbers_pass(pyodbc: ModuleType, number: int) -> None:
    assert faults.is_transient(odbc(pyodbc, number))


@pytest.mark.parametrize("number", [18456, 2627, 4060, 208, 229, 1105, 40615], ids=str)
def test_other_numbers_of_sql_server_stay(pyodbc: ModuleType, number: int) -> None:
    assert not faults.is_transient(odbc(pyodbc, number))
    assert not faults.comes_back(odbc(pyodbc, number), answered=False)


@pytest.mark.parametrize("number", AZURE, ids=str)
def test_azure_says_later_at_the_first_contact(pyodbc: ModuleType, number: int) -> None:
    assert faults.comes_back(odbc(pyodbc, number), answered=False)


def test_a_database_that_moves_is_waited_for_by_who_knew_it(pyodbc: ModuleType) -> None:
    assert faults.comes_back(odbc(pyodbc, 4060), answered=True)
    assert not faults.comes_back(odbc(pyodbc, 18456), answered=True)


@pytest.mark.parametrize(
    ("number", "text", "first", "later"),
    [
        (1040, "Too many connections", True, True),
        (2003, "Can't connect to MySQL server on 'h' ([Errno 111] refused)", False, True),
        (2013, "Lost connection to MySQL server during query (timed out)", False, True),
        (1045, "Access denied for user 'u'@'h' (using password: YES)", False, False),
        (1049, "Unknown database 'd'", False, False),
    ],
    ids=["full house", "refused", "silent", "password", "no database"],
)
def test_mysql_is_waited_for_at_first_contact_only_where_it_says_later(
    number: int, text: str, first: bool, later: bool
) -> None:
    error = pymysql(number, text)
    error.connection_invalidated = True  # as SQLAlchemy says of every 2013
    assert faults.comes_back(error, answered=False) is first
    assert faults.comes_back(error, answered=True) is later


@pytest.mark.parametrize(
    ("text", "first", "later"),
    [
        ("connection failed: FATAL:  sorry, too many clients already", True, True),
        ("connection failed: FATAL:  the database system is starting up", True, True),
        ("connection failed: FATAL:  the database system is shutting down", True, True),
        ("connection failed: Connection refused", False, True),
        ("connection timeout expired", False, True),
        ('connection failed: FATAL:  password authentication failed for user "u"', False, False),
        ('connection failed: FATAL:  role "u" does not exist', False, False),
        ('connection failed: FATAL:  database "d" does not exist', False, False),
        ("connection failed: SSL error: certificate verify failed", False, False),
    ],
)
def test_postgresql_is_waited_for_at_first_contact_only_where_it_says_later(
    text: str, first: bool, later: bool
) -> None:
    assert faults.comes_back(psycopg(text), answered=False) is first
    assert faults.comes_back(psycopg(text), answered=True) is later


def test_a_number_means_what_it_means_in_its_own_database(pyodbc: ModuleType) -> None:
    assert faults.read(odbc(pyodbc, 1105)).says("full")
    assert not faults.read(pymysql(1105, "Unknown error")).says("full")
    assert faults.read(pymysql(1114, "The table is full")).says("full")
    assert not faults.is_transient(psycopg("a text with (1205) in it"))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (
            "Driver Error: Serialization failure; DDBC Error: chosen as the deadlock victim",
            "passing",
        ),
        (
            "Driver Error: x; DDBC Error: Invalid object name 'mlflow_artifact_schema'",
            "missing table",
        ),
        ("Driver Error: x; DDBC Error: Cannot insert duplicate key in object 'dbo.t'", "duplicate"),
        ("Driver Error: x; DDBC Error: Login failed for user 'u'", "login"),
        ('Driver Error: x; DDBC Error: Cannot open database "d" requested', "no database"),
        ("Driver Error: x; DDBC Error: CREATE TABLE permission denied in database 'd'", "denied"),
    ],
)
def test_mssql_python_is_understood_by_its_words(
    install: Callable[..., ModuleType], text: str, kind: faults.Kind
) -> None:
    driver = install("mssql_python")

    assert faults.read(exc.OperationalError("INSERT", {}, driver.OperationalError(text))).says(kind)


class Failing:
    """A step that fails some times, and then ends."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error = error
        self.left = times
        self.calls = 0

    def __call__(self, _connection: Connection) -> str:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise self.error
        return "done"


def test_a_step_that_is_a_deadlocks_victim_twice_is_repeated_and_ends_once(
    sqlite_location: str, pyodbc: ModuleType
) -> None:
    step = Failing(odbc(pyodbc, 1205), times=2)

    assert open_store(sqlite_location).database.write(step, what="Cannot try") == "done"
    assert step.calls == 3


def test_a_step_that_fails_fast_is_repeated_for_as_long_as_retry_timeout_says(
    sqlite_location: str, pyodbc: ModuleType
) -> None:
    database = open_store(f"{sqlite_location}?retry_timeout=2").database
    database.prepare()
    step = Failing(odbc(pyodbc, 1205), times=1_000_000)

    started = time.monotonic()
    with pytest.raises(MlflowException, match="1205") as error:
        database.write(step, what="Cannot try")

    # Nothing begins after two seconds; the last pause may begin just before.
    assert 1 < time.monotonic() - started < 6
    assert step.calls >= 4
    assert error.value.error_code == "TEMPORARILY_UNAVAILABLE"


def test_without_a_retry_timeout_only_a_lost_race_is_repeated(
    sqlite_location: str, pyodbc: ModuleType
) -> None:
    database = open_store(f"{sqlite_location}?retry_timeout=0").database
    database.prepare()
    lost = Failing(odbc(pyodbc, 2627, "IntegrityError"), times=2)
    passing = Failing(odbc(pyodbc, 1205), times=2)

    assert database.write(lost, what="Cannot try") == "done"
    with pytest.raises(MlflowException):
        database.write(passing, what="Cannot try")
    assert (lost.calls, passing.calls) == (3, 1)


def test_the_wait_for_a_lock_belongs_to_the_connection_and_other_repeats_do_not(
    sqlite_location: str,
) -> None:
    def engines(location: str) -> set[object]:
        queries = ("retry_timeout=5", "retry_timeout=6", "retry_timeout=6&chunk_size=65536")
        return {open_store(f"{location}?{query}").database.engine for query in queries}

    pytest.importorskip("pymysql")
    assert len(engines(sqlite_location)) == 2
    assert len(engines("mysql://u:p@h/d")) == 1


def test_a_locked_sqlite_file_is_waited_for_and_named_in_the_end(
    sqlite_location: str,
) -> None:
    database = open_store(f"{sqlite_location}?retry_timeout=1").database
    database.prepare()
    other = sqlite3.connect(database.target.location.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    step = Failing(OSError(), times=0)

    with pytest.raises(MlflowException, match="database is locked") as error:
        database.write(step, what="Cannot try")
    other.execute("ROLLBACK")
    other.close()

    assert error.value.error_code == "TEMPORARILY_UNAVAILABLE"
    assert database.write(step, what="Cannot try") == "done"
    assert step.calls == 1
