"""No password anywhere: not in a log, an error or its causes, a repr, or what a command prints."""

from __future__ import annotations

import io
import json
import logging
import traceback
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from mlflow.exceptions import MlflowException

from mlflow_sqlserver_artifacts.cli import cli
from mlflow_sqlserver_artifacts.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlflow_plugin_servers.database import DatabaseServer
    from mlflow_sqlserver_artifacts.repository import SqlArtifactRepository
    from mlflow_sqlserver_artifacts.store import SqlBlobStore

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

WRONG = "wrong-and-very-secret"


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> DatabaseServer:
    """Each server in turn."""
    return request.getfixturevalue(f"{request.param}_server")  # type: ignore[no-any-return]


@pytest.fixture(params=["location", "environment", "file"])
def locate(
    request: pytest.FixtureRequest,
    server: DatabaseServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Callable[[str], str]]:
    """Give the location of an empty database, and its password by each way there is."""
    from mlflow_sqlserver_artifacts.client import dispose_engines

    with server.fresh_database() as uri:

        def give(password: str) -> str:
            database, user = uri.rpartition("/")[2], server.address.user
            if request.param == "location":
                return f"{server.url(database, password=password)}/1/run/artifacts"
            host = f"{server.host}:{server.port}"
            if request.param == "environment":
                monkeypatch.setenv("MLFLOW_SQLSERVER_HOST", host)
                monkeypatch.setenv("MLFLOW_SQLSERVER_USERNAME", user)
                monkeypatch.setenv("MLFLOW_SQLSERVER_PASSWORD", password)
            else:
                file = tmp_path / "credentials.json"
                file.write_text(json.dumps({host: {"username": user, "password": password}}))
                file.chmod(0o600)
                monkeypatch.setenv("MLFLOW_SQLSERVER_CREDENTIALS_FILE", str(file))
            return f"{uri.partition('://')[0]}://{host}/{database}/1/run/artifacts"

        yield give
        dispose_engines()


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], str]]:
    """Everything that any logger says, at DEBUG."""
    caplog.set_level(logging.DEBUG)
    names = [name for name in logging.root.manager.loggerDict if name.startswith("sqlalchemy")]
    levels = {name: logging.getLogger(name).level for name in [*names, "sqlalchemy", "psycopg"]}
    for name in levels:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield lambda: "\n".join(
        [record.getMessage() for record in caplog.records]
        + [str(record.exc_info) for record in caplog.records]
        + [caplog.text]
    )
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def faces(store: SqlBlobStore) -> str:
    """Return every way in which the objects of a connection print themselves."""
    target, engine = store.database.target, store.database.engine
    objects = [
        *(store, store.database, target, target.location, target.credentials, target.settings),
        *(engine, engine.url, engine.pool, engine.dialect),
    ]
    return "\n".join(f"{thing!r} {thing}" for thing in objects)


def test_a_round_trip_prints_no_password(
    server: DatabaseServer,
    locate: Callable[[str], str],
    logged: Callable[[], str],
    open_repository: Callable[[str], SqlArtifactRepository],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    password = server.address.password
    location = locate(password)
    repository = open_repository(location)
    repository.log_artifact_from_stream(io.BytesIO(b"content"), "file")
    repository.download_artifacts("file", str(tmp_path))
    repository.delete_artifacts("file")
    checked = CliRunner().invoke(cli, ["check", location])

    printed = "\n".join(
        [repr(repository), str(repository), faces(open_store(location))]
        + [checked.output, logged(), *capfd.readouterr()]
    )
    assert checked.exit_code == 0
    assert "INSERT INTO mlflow_artifact_entries" in printed  # that is, the loggers were heard
    assert password not in printed


def test_a_wrong_password_is_not_printed_either(
    locate: Callable[[str], str],
    logged: Callable[[], str],
    open_repository: Callable[[str], SqlArtifactRepository],
    capfd: pytest.CaptureFixture[str],
) -> None:
    location = locate(WRONG)
    repository = open_repository(location)
    texts = [repr(repository), faces(open_store(location))]
    for use in (
        repository.list_artifacts,
        lambda: repository.log_artifact_from_stream(io.BytesIO(b"content"), "file"),
    ):
        with pytest.raises(MlflowException) as error:
            use()
        assert error.value.error_code == "UNAUTHENTICATED"
        texts += traceback.format_exception(error.value)
        current: BaseException | None = error.value
        while current is not None:
            texts += [str(current), repr(current), *map(repr, current.args)]
            current = current.__cause__ or current.__context__
    checked = CliRunner().invoke(cli, ["check", location])
    assert checked.exit_code != 0
    texts += [checked.output, repr(checked.exception), logged(), *capfd.readouterr()]

    assert WRONG not in "\n".join(texts)
