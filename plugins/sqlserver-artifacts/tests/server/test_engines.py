"""One engine for each database and process, and what becomes of it and of the tables meanwhile."""

from __future__ import annotations

import gc
import io
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException

from mlflow_sqlserver_artifacts import ddl, schema_setup
from mlflow_sqlserver_artifacts.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from mlflow_plugin_servers.database import DatabaseServer
    from mlflow_sqlserver_artifacts.repository import SqlArtifactRepository

    Open = Callable[[str], SqlArtifactRepository]

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

_TABLES = ("entries", "chunks", "pending", "schema")


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> DatabaseServer:
    """Each server in turn."""
    return request.getfixturevalue(f"{request.param}_server")  # type: ignore[no-any-return]


@pytest.fixture
def uri(server: DatabaseServer) -> Iterator[str]:
    """The location of an empty database."""
    with server.fresh_database() as found:
        yield found
        from mlflow_sqlserver_artifacts.client import dispose_engines

        dispose_engines()


def name_of(uri: str) -> str:
    """Return the name of the database."""
    return uri.rpartition("/")[2]


def store_text(repository: SqlArtifactRepository, path: str, text: str = "x") -> None:
    """Store a small file."""
    folder, _, name = path.rpartition("/")
    repository.log_artifact_from_stream(io.BytesIO(text.encode()), name, folder or None)


def test_two_runs_share_the_connections_of_their_database(uri: str, server: DatabaseServer) -> None:
    first, second = (open_store(f"{uri}/1/{run}/artifacts") for run in ("a", "b"))
    with server.fresh_database() as elsewhere:
        other = open_store(f"{elsewhere}/1/a/artifacts")

    assert first.database.engine is second.database.engine
    assert first.database.engine is not other.database.engine


def test_a_connection_that_the_server_ended_is_replaced_before_it_is_used(
    uri: str, server: DatabaseServer, open_repository: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    repository = open_repository(f"{uri}/1/a/artifacts")
    store_text(repository, "file")
    if server.name == "postgresql":
        ended = server.execute(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
            f"WHERE datname = '{name_of(uri)}' AND pid <> pg_backend_pid()"
        )[0][0]
    else:
        idle = server.execute(
            f"SELECT id FROM information_schema.processlist WHERE db = '{name_of(uri)}'"
        )
        for (number,) in idle:
            server.execute(f"KILL CONNECTION {number}")
        ended = len(idle)

    assert ended >= 1
    assert [info.path for info in repository.list_artifacts()] == ["file"]
    assert "trying again" not in caplog.text


def test_a_forked_child_leaves_its_parents_connections_alone(
    postgresql_uri: str, open_repository: Open
) -> None:
    repository = open_repository(f"{postgresql_uri}/1/a/artifacts")
    store_text(repository, "parent")
    engine = open_store(f"{postgresql_uri}/1/a/artifacts").database.engine
    with engine.connect() as connection:
        inherited = weakref.ref(connection.connection.dbapi_connection)
    del engine, connection
    child = os.fork()
    if child == 0:  # pragma: no cover  # measured in the parent only
        try:
            store_text(repository, "child")
            gc.collect()
            found = inherited()
            os._exit(0 if found is not None and not found.closed else 3)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert sorted(info.path for info in repository.list_artifacts()) == ["child", "parent"]


def test_two_writers_of_one_path_both_succeed_without_a_retry_timeout(
    uri: str, open_repository: Open
) -> None:
    location = f"{uri}/1/a/artifacts?retry_timeout=0"
    store_text(open_repository(location), "first")
    both = threading.Barrier(2)
    failures: list[BaseException] = []

    def write(letter: str) -> None:
        repository = open_repository(location)
        try:
            for index in range(20):
                both.wait(30)
                store_text(repository, f"folder-{index}/contested", letter * 10)
        except BaseException as error:  # noqa: BLE001  # shown by the test
            failures.append(error)
            both.abort()

    writers = [threading.Thread(target=write, args=(letter,)) for letter in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert failures == []
    repository = open_repository(location)
    assert len(repository.list_artifacts()) == 21


def test_tables_that_were_dropped_meanwhile_are_made_again(
    uri: str, server: DatabaseServer, open_repository: Open
) -> None:
    repository = open_repository(f"{uri}/1/a/artifacts")
    store_text(repository, "before")
    server.execute(
        *(f"DROP TABLE mlflow_artifact_{name}" for name in _TABLES), database=name_of(uri)
    )

    assert repository.list_artifacts() == []
    store_text(repository, "after")

    assert [info.path for info in repository.list_artifacts()] == ["after"]


def test_a_creation_that_was_killed_is_completed(
    uri: str, server: DatabaseServer, open_repository: Open
) -> None:
    dialect = {"postgresql": "postgresql", "mariadb": "mysql"}[server.name]
    script = [text for text in ddl.statements(dialect) if "mlflow_artifact_pending" not in text]
    server.execute(*script[:-1], database=name_of(uri))  # without the row of the version
    if server.name == "postgresql":
        server.execute(
            *(
                f"GRANT ALL ON mlflow_artifact_{name} TO PUBLIC"
                for name in ("entries", "chunks", "schema")
            ),
            database=name_of(uri),
        )
    repository = open_repository(f"{uri}/1/a/artifacts")

    assert repository.list_artifacts() == []
    store_text(repository, "file")

    assert [info.path for info in repository.list_artifacts()] == ["file"]
    rows = server.execute("SELECT version FROM mlflow_artifact_schema", database=name_of(uri))
    assert [tuple(row) for row in rows] == [(1,)]


def test_a_lock_that_was_not_given_is_not_taken_for_one(mariadb_uri: str) -> None:
    database = open_store(f"{mariadb_uri}/1/a/artifacts").database
    place, engine = database.target.location, database.engine
    with engine.connect() as holder, engine.connect() as waiter:
        schema_setup.take_lock(holder, place)
        number = waiter.exec_driver_sql("SELECT CONNECTION_ID()").scalar()
        # Ended from outside, a wait is answered with NULL: that spares the test its 60 seconds.
        killer = threading.Thread(target=_end_wait, args=(engine, number))
        killer.start()
        with pytest.raises(MlflowException, match="another process has held their lock") as error:
            schema_setup.take_lock(waiter, place)
        killer.join()

    assert error.value.error_code == "TEMPORARILY_UNAVAILABLE"


def _end_wait(engine: Engine, number: int) -> None:
    waits = (
        "SELECT COUNT(*) FROM information_schema.processlist "
        f"WHERE id = {number} AND info LIKE 'SELECT GET_LOCK%%'"
    )
    with engine.connect() as connection:
        while not connection.exec_driver_sql(waits).scalar():
            time.sleep(0.01)
        connection.exec_driver_sql(f"KILL QUERY {number}")


def test_a_newer_schema_is_refused_before_anything_is_read(
    uri: str, server: DatabaseServer, open_repository: Open
) -> None:
    store_text(open_repository(f"{uri}/1/a/artifacts"), "file")
    server.execute("UPDATE mlflow_artifact_schema SET version = 2", database=name_of(uri))
    from mlflow_sqlserver_artifacts.client import dispose_engines

    dispose_engines()
    for _ in range(2):
        with pytest.raises(MlflowException, match="version 2, this plugin knows 1") as error:
            open_repository(f"{uri}/1/a/artifacts").list_artifacts()
        assert error.value.error_code == "BAD_REQUEST"


def test_tables_that_a_dba_made_in_a_schema_are_used_there(
    postgresql_uri: str, postgresql_server: DatabaseServer, open_repository: Open
) -> None:
    database = name_of(postgresql_uri)
    user = postgresql_server.address.user
    postgresql_server.execute(
        "CREATE SCHEMA files",
        *ddl.statements("postgresql", "files"),
        f'GRANT USAGE ON SCHEMA files TO "{user}"',
        f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA files TO "{user}"',
        database=database,
    )
    repository = open_repository(f"{postgresql_uri}/1/a/artifacts?table_schema=files")

    store_text(repository, "folder/file")
    store_text(repository, "folder/file", "newer")

    assert [info.path for info in repository.list_artifacts("folder")] == ["folder/file"]
    tables = postgresql_server.execute(
        "SELECT table_schema FROM information_schema.tables WHERE table_name LIKE 'mlflow_artifact%'",
        database=database,
    )
    assert {row[0] for row in tables} == {"files"}
    assert len(tables) == 4
