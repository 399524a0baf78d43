"""What goes over the wire: how often it turns, and what happens when it breaks."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException

from mlflow_plugin_servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlflow_plugin_servers.database import DatabaseServer
    from mlflow_plugin_servers.proxy import Proxy
    from mlflow_sqlserver_artifacts.repository import SqlArtifactRepository

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

Open = "Callable[[str], SqlArtifactRepository]"


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> DatabaseServer:
    """Each server in turn."""
    return request.getfixturevalue(f"{request.param}_server")  # type: ignore[no-any-return]


@pytest.fixture
def proxy(server: DatabaseServer, tcp_proxy: Callable[[int], Proxy]) -> Proxy:
    """A wire to that server that can be counted and cut."""
    return tcp_proxy(server.port)


@pytest.fixture
def repository(
    server: DatabaseServer, proxy: Proxy, open_repository: Open
) -> Iterator[SqlArtifactRepository]:  # type: ignore[valid-type]
    """A repository behind the proxy, connected, with its tables."""
    with server.fresh_database() as direct:
        uri = direct.replace(f":{server.port}/", f":{proxy.port}/")
        opened: SqlArtifactRepository = open_repository(f"{uri}/1/run/artifacts")  # type: ignore[operator]
        opened.log_artifact_from_stream(io.BytesIO(b"first"), "first")
        yield opened
        from mlflow_sqlserver_artifacts.client import dispose_engines

        dispose_engines()


def test_2000_small_files_take_at_most_60_round_trips_each_way(
    repository: SqlArtifactRepository, proxy: Proxy, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(2_000):
        (source / f"{number:04}").write_bytes(os.urandom(10_000))

    before = proxy.round_trips
    repository.log_artifacts(str(source), "many")
    up = proxy.round_trips - before
    before = proxy.round_trips
    listed = repository.list_artifacts("many")
    listing = proxy.round_trips - before
    before = proxy.round_trips
    (tmp_path / "target").mkdir()
    repository.download_artifacts("many", str(tmp_path / "target"))
    down = proxy.round_trips - before

    assert len(listed) == 2_000
    assert len(list((tmp_path / "target/many").iterdir())) == 2_000
    assert 0 < up <= 60
    assert 0 < listing <= 5
    assert 0 < down <= 60


def test_an_upload_goes_on_after_its_connection_broke(
    repository: SqlArtifactRepository, proxy: Proxy, tmp_path: Path
) -> None:
    content = os.urandom(48 << 20)
    proxy.cut_after(20 << 20)

    repository.log_artifact_from_stream(io.BytesIO(content), "large")

    assert proxy.cuts == 1
    fetched = Path(repository.download_artifacts("large", str(tmp_path)))
    assert fetched.read_bytes() == content


def test_a_download_goes_on_after_its_connection_broke(
    repository: SqlArtifactRepository, proxy: Proxy, tmp_path: Path
) -> None:
    content = os.urandom(24 << 20)
    repository.log_artifact_from_stream(io.BytesIO(content), "large")
    proxy.cut_after(10 << 20, answers=True)

    fetched = Path(repository.download_artifacts("large", str(tmp_path)))

    assert proxy.cuts == 1
    assert fetched.read_bytes() == content


def test_small_files_arrive_once_although_a_connection_broke(
    repository: SqlArtifactRepository, proxy: Proxy, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(200):
        (source / f"{number:03}").write_bytes(os.urandom(50_000))
    proxy.cut_after(3 << 20)

    repository.log_artifacts(str(source), "many")

    (tmp_path / "target").mkdir()
    repository.download_artifacts("many", str(tmp_path / "target"))
    assert proxy.cuts == 1
    assert {path.name: _digest(path) for path in (tmp_path / "target/many").iterdir()} == {
        path.name: _digest(path) for path in source.iterdir()
    }


def test_an_upload_waits_for_a_server_that_restarts(
    repository: SqlArtifactRepository, proxy: Proxy, tmp_path: Path
) -> None:
    before = proxy.connections
    proxy.refuse()

    def come_back_after_some_attempts() -> None:
        while proxy.connections < before + 3:
            time.sleep(0.01)
        proxy.heal()

    restart = threading.Thread(target=come_back_after_some_attempts, daemon=True)
    restart.start()
    repository.log_artifact_from_stream(io.BytesIO(b"content"), "late")
    restart.join()

    fetched = Path(repository.download_artifacts("late", str(tmp_path)))
    assert fetched.read_bytes() == b"content"


def test_an_address_where_no_server_ever_answered_is_given_up_at_once(
    server: DatabaseServer, open_repository: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    opened = open_repository(f"{server.url(port=free_port())}/1/run/artifacts")  # type: ignore[operator]
    with pytest.raises(MlflowException) as error:
        opened.log_artifact_from_stream(io.BytesIO(b"content"), "never")

    assert error.value.error_code == "TEMPORARILY_UNAVAILABLE"
    assert "trying again" not in caplog.text


def test_a_server_that_fell_silent_is_given_up_in_time(
    server: DatabaseServer, proxy: Proxy, open_repository: Open
) -> None:
    uri = server.url(port=proxy.port)
    proxy.stall()

    opened = open_repository(f"{uri}/1/run/artifacts?connect_timeout=1&retry_timeout=0")  # type: ignore[operator]
    with pytest.raises(MlflowException) as error:
        opened.list_artifacts()

    assert error.value.error_code == "TEMPORARILY_UNAVAILABLE"
    assert "connect_timeout" in error.value.message
    proxy.heal()


def test_a_server_that_answered_and_fell_silent_is_waited_for_as_long_as_was_set(
    server: DatabaseServer, proxy: Proxy, open_repository: Open
) -> None:
    with server.fresh_database() as direct:
        uri = direct.replace(f":{server.port}/", f":{proxy.port}/")
        opened = open_repository(f"{uri}/1/run/artifacts?connect_timeout=1&retry_timeout=4")  # type: ignore[operator]
        opened.log_artifact_from_stream(io.BytesIO(b"content"), "file")
        before = proxy.connections
        proxy.cut()
        proxy.stall()

        started = time.monotonic()
        with pytest.raises(MlflowException, match="within 1 s") as error:
            opened.list_artifacts()
        seconds = time.monotonic() - started
        tries = proxy.connections - before
        proxy.heal()

        assert error.value.error_code == "TEMPORARILY_UNAVAILABLE"
        assert seconds < 15
        assert tries > 1
        assert [info.path for info in opened.list_artifacts()] == ["file"]


def test_a_connection_asks_for_a_sign_of_life(mariadb_uri: str, open_repository: Open) -> None:
    import socket

    if not hasattr(socket, "TCP_KEEPIDLE"):
        pytest.skip("this system names it otherwise")
    opened = open_repository(f"{mariadb_uri}/1/run/artifacts")  # type: ignore[operator]
    engine = opened._store.database.engine  # type: ignore[attr-defined]
    with engine.connect() as connection:
        wire = connection.connection.dbapi_connection._sock
        assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
