"""PostgreSQL and MariaDB as tests find them; each sentence holds for both."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pymysql
import pytest
from clients import REFUSED, connect, query
from waiting import eventually

from mlflow_plugin_servers.errors import NotOurServerError, ServerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow_plugin_servers.database import DatabaseServer

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

KINDS = ("postgresql", "mariadb")


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest) -> DatabaseServer:
    found: DatabaseServer = request.getfixturevalue(f"{request.param}_server")
    return found


@pytest.fixture(params=KINDS)
def uri(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{request.param}_uri"))


@pytest.fixture(params=KINDS)
def private(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    return request.getfixturevalue(f"private_{request.param}_server")  # type: ignore[no-any-return]


def test_the_application_user_may_make_tables_in_a_fresh_database(uri: str) -> None:
    query(uri, "CREATE TABLE t (x INTEGER)")
    query(uri, "INSERT INTO t VALUES (7)")

    assert query(uri, "SELECT x FROM t") == [(7,)]


def test_each_fresh_database_is_empty_and_dropped_afterwards(server: DatabaseServer) -> None:
    with server.fresh_database() as first:
        query(first, "CREATE TABLE t (x INTEGER)")
    with server.fresh_database() as second:
        query(second, "CREATE TABLE t (x INTEGER)")

        assert first != second
        with pytest.raises(REFUSED):
            query(first, "SELECT 1")


def test_a_database_is_dropped_although_a_test_left_a_transaction_open(
    server: DatabaseServer,
) -> None:
    with server.fresh_database() as uri:
        query(uri, "CREATE TABLE t (x INTEGER)")
        open_connection = connect(uri)
        open_connection.cursor().execute("INSERT INTO t VALUES (1)")

    with contextlib.closing(open_connection), pytest.raises(REFUSED):
        query(uri, "SELECT 1")


def test_dropping_a_database_that_is_not_there_does_nothing(server: DatabaseServer) -> None:
    server.drop_database("never_made")


def test_nobody_gets_in_with_a_wrong_password(server: DatabaseServer) -> None:
    for user in (server.address.user, server.admin.user, "root", "postgres"):
        for password in ("", "wrong"):
            with pytest.raises(REFUSED):
                query(server.url(user=user, password=password), "SELECT 1")


def test_the_application_user_has_no_rights_outside_its_databases(server: DatabaseServer) -> None:
    for statement in (
        "CREATE DATABASE stolen",
        "CREATE ROLE stolen",
        "DROP DATABASE mysql",
        "DROP DATABASE postgres",
    ):
        with pytest.raises((psycopg.Error, pymysql.Error)):
            query(server.uri, statement)


def test_the_administrator_makes_a_user_with_fewer_rights(server: DatabaseServer) -> None:
    with server.fresh_database() as uri:
        query(uri, "CREATE TABLE t (x INTEGER)")
        database = uri.rpartition("/")[2]
        if server.name == "postgresql":
            server.execute("CREATE ROLE reader LOGIN PASSWORD 'secret'")
            server.execute("GRANT SELECT ON t TO reader", database=database)
        else:
            server.execute(
                "CREATE USER reader IDENTIFIED BY 'secret'",
                f"GRANT SELECT ON {database}.* TO reader",
            )
        reader = server.url(database, user="reader", password="secret")

        assert query(reader, "SELECT * FROM t") == []
        with pytest.raises((psycopg.Error, pymysql.Error)):
            query(reader, "INSERT INTO t VALUES (1)")
        if server.name == "postgresql":
            server.execute("DROP OWNED BY reader", database=database)
    server.execute("DROP ROLE reader" if server.name == "postgresql" else "DROP USER reader")


def test_the_server_listens_on_loopback_alone(server: DatabaseServer) -> None:
    listeners = [
        line.split()[1]
        for table in ("tcp", "tcp6")
        for line in Path("/proc/net", table).read_text(encoding="ascii").splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{server.port:04X}")
    ]

    assert listeners == [f"0100007F:{server.port:04X}"]


def test_no_password_can_be_read_off_the_list_of_processes(server: DatabaseServer) -> None:
    command = Path(f"/proc/{server.pid}/cmdline").read_text(encoding="utf-8")

    assert server.address.password not in command
    assert server.admin.password not in command


def test_no_file_keeps_the_passwords_that_the_server_was_set_up_with(
    server: DatabaseServer,
) -> None:
    folder = server.log_path.parent
    texts = [path.read_bytes() for path in folder.iterdir() if path.is_file()]

    assert texts
    assert not any(server.admin.password.encode() in text for text in texts)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
def test_the_server_of_root_does_not_run_as_root(server: DatabaseServer) -> None:
    assert Path(f"/proc/{server.pid}").stat().st_uid != 0


def test_what_was_committed_is_there_after_the_server_was_killed_and_started_again(
    private: DatabaseServer,
) -> None:
    query(private.uri, "CREATE TABLE t (x INTEGER)")
    query(private.uri, "INSERT INTO t VALUES (1)")
    killed, port = private.pid, private.port

    private.kill()

    assert private.pid is None
    with pytest.raises(REFUSED):
        query(private.uri, "SELECT 1")
    private.start()
    assert (private.port, query(private.uri, "SELECT x FROM t")) == (port, [(1,)])
    assert private.pid != killed


def test_a_killed_server_can_be_started_again_at_once_although_a_query_was_running(
    private: DatabaseServer,
) -> None:
    sleep = "SELECT pg_sleep(600)" if private.name == "postgresql" else "SELECT SLEEP(600)"
    failed = threading.Event()

    def wait() -> None:
        with pytest.raises(REFUSED):
            query(private.uri, sleep)
        failed.set()

    thread = threading.Thread(target=wait)
    thread.start()
    running = {
        "postgresql": "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'",
        "mariadb": "SELECT 1 FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'",
    }
    assert eventually(lambda: bool(private.execute(running[private.name])))
    private.kill()
    private.start()
    thread.join(30)

    assert failed.is_set()
    assert query(private.uri, "SELECT 1") == [(1,)]


def test_a_server_that_was_stopped_is_restarted_for_the_next_fresh_database(
    private: DatabaseServer,
) -> None:
    private.stop()

    with private.fresh_database() as uri:
        assert query(uri, "SELECT 1") == [(1,)]
        private.kill()

    assert private.pid is not None


def test_a_server_given_by_its_uri_is_used_and_not_touched(server: DatabaseServer) -> None:
    theirs = type(server).at(server.admin_uri)

    with theirs.fresh_database() as uri:
        query(uri, "CREATE TABLE t (x INTEGER)")
    assert not theirs.managed
    assert theirs.pid is None
    for act in (theirs.stop, theirs.kill, theirs.start, theirs.restart):
        with pytest.raises(NotOurServerError, match=f"private_{server.name}_server"):
            act()


def test_a_uri_that_does_not_answer_is_a_reason_and_names_no_password(
    server: DatabaseServer,
) -> None:
    uri = server.url(user="stranger", password="hunter2")

    with pytest.raises(ServerUnavailableError, match="does not answer") as caught:
        type(server).at(uri)

    assert "hunter2" not in str(caught.value)
