"""Users with few rights, and those that cannot log in at all."""

from __future__ import annotations

import io
import secrets
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException

from mlflow_sqlserver_artifacts import ddl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlflow_plugin_servers.database import DatabaseServer
    from mlflow_sqlserver_artifacts.repository import SqlArtifactRepository

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

_SCRIPT_DIALECT = {"postgresql": "postgresql", "mariadb": "mysql"}


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> DatabaseServer:
    """Each server in turn."""
    return request.getfixturevalue(f"{request.param}_server")  # type: ignore[no-any-return]


@pytest.fixture
def database(server: DatabaseServer) -> Iterator[str]:
    """The name of an empty database."""
    with server.fresh_database() as uri:
        yield uri.rpartition("/")[2]
        from mlflow_sqlserver_artifacts.client import dispose_engines

        dispose_engines()


@pytest.fixture
def clerk(server: DatabaseServer, database: str) -> Iterator[tuple[str, str]]:
    """A user who may read and write rows of that database and make no table."""
    name, password = f"clerk_{secrets.token_hex(4)}", secrets.token_hex(8)
    quoted = f'"{name}"' if server.name == "postgresql" else f"'{name}'@'%'"
    if server.name == "postgresql":
        server.execute(f"CREATE USER {quoted} PASSWORD '{password}'")
        server.execute(
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
            f"GRANT USAGE ON SCHEMA public TO {quoted}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public "
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {quoted}",
            database=database,
        )
    else:
        server.execute(
            f"CREATE USER {quoted} IDENTIFIED BY '{password}'",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON `{database}`.* TO {quoted}",
        )
    yield name, password
    if server.name == "postgresql":
        server.execute(f"DROP OWNED BY {quoted}", database=database)
    server.execute(f"DROP USER {quoted}")


def test_a_user_who_may_create_no_table_works_with_those_that_are_there(
    server: DatabaseServer,
    database: str,
    clerk: tuple[str, str],
    open_repository: Callable[[str], SqlArtifactRepository],
) -> None:
    server.execute(*ddl.statements(_SCRIPT_DIALECT[server.name]), database=database)
    user, password = clerk
    location = server.url(database, user=user, password=password)
    repository = open_repository(f"{location}/1/run/artifacts")

    repository.log_artifact_from_stream(io.BytesIO(b"new"), "notes", "folder")
    repository.log_artifact_from_stream(io.BytesIO(b"newer"), "notes", "folder")

    assert [info.path for info in repository.list_artifacts("folder")] == ["folder/notes"]
    repository.delete_artifacts()
    assert repository.list_artifacts() == []


def test_a_user_who_may_create_no_table_is_told_about_the_script(
    server: DatabaseServer,
    database: str,
    clerk: tuple[str, str],
    open_repository: Callable[[str], SqlArtifactRepository],
) -> None:
    user, password = clerk
    location = server.url(database, user=user, password=password)
    repository = open_repository(f"{location}/1/run/artifacts")

    assert repository.list_artifacts() == []
    with pytest.raises(MlflowException) as error:
        repository.log_artifact_from_stream(io.BytesIO(b"new"), "notes")

    assert error.value.error_code == "PERMISSION_DENIED"
    assert "mlflow-sqlserver-artifacts ddl" in error.value.message
    assert password not in error.value.message


def test_a_wrong_password_is_unauthenticated(
    server: DatabaseServer, open_repository: Callable[[str], SqlArtifactRepository]
) -> None:
    location = server.url(password="wrong-and-secret")
    repository = open_repository(f"{location}/1/run/artifacts")

    with pytest.raises(MlflowException) as error:
        repository.list_artifacts()

    assert error.value.error_code == "UNAUTHENTICATED"
    assert "check user and password" in error.value.message
    assert "wrong-and-secret" not in error.value.message


def test_a_missing_database_is_named(
    server: DatabaseServer, open_repository: Callable[[str], SqlArtifactRepository]
) -> None:
    location = server.url("no_such_database")
    repository = open_repository(f"{location}/1/run/artifacts")

    with pytest.raises(MlflowException) as error:
        repository.list_artifacts()

    # MariaDB does not tell a user which databases there are.
    denied = server.name == "mariadb" and error.value.error_code == "PERMISSION_DENIED"
    assert denied or error.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert "no_such_database" in error.value.message


def test_a_port_where_nobody_listens_is_named_at_once(
    open_repository: Callable[[str], SqlArtifactRepository],
) -> None:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    repository = open_repository(f"postgresql://u@127.0.0.1:{port}/db/1/run?retry_timeout=0")

    with pytest.raises(MlflowException) as error:
        repository.list_artifacts()

    assert error.value.error_code == "TEMPORARILY_UNAVAILABLE"
    assert str(port) in error.value.message
