"""PostgreSQL: from the system, or from a wheel that holds its programs."""

from __future__ import annotations

import contextlib
import ctypes
import secrets
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow_plugin_servers import binaries, install
from mlflow_plugin_servers.addresses import Address
from mlflow_plugin_servers.catalog import Entry
from mlflow_plugin_servers.database import DatabaseServer, durable_argument
from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.local import LocalServer, Recipe
from mlflow_plugin_servers.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlflow_plugin_servers.binaries import Binaries
    from mlflow_plugin_servers.process import Process

__all__ = ["ENTRY", "PostgresqlServer", "find", "postgresql", "prepare"]

ADMIN = "admin"
USER = "app"
_ANSWER_WITHIN = 5
_PROGRAMS = ("postgres", "initdb")
_SMALL = {
    "shared_buffers": "32MB",
    "max_connections": "200",
    # Files below the data folder instead of /dev/shm, which is small in containers and not emptied after a crash.
    "dynamic_shared_memory_type": "mmap",
    # No socket file: its path would have to be shorter than many temporary folders are.
    "unix_socket_directories": "",
}


def find() -> Binaries | None:
    """Look for PostgreSQL on this machine.

    Returns:
        What the environment names, else the newest of the system's, else one fetched before, else None.
    """
    if told := binaries.chosen(PostgresqlServer.name, *_PROGRAMS):
        return told
    folders = Path("/usr/lib/postgresql").glob("*/bin")
    system = [binaries.in_folder(folder, *_PROGRAMS, origin="system") for folder in folders]
    system.append(binaries.on_path(*_PROGRAMS))
    fetched = install.wheel_folder("postgresql").glob("*/*/bin")
    wheel = [binaries.in_folder(folder, *_PROGRAMS, origin="wheel") for folder in fetched]
    return binaries.newest([each for each in system if each]) or binaries.newest(
        [each for each in wheel if each]
    )


def prepare(*, required: bool = True) -> Binaries:
    """Make sure that PostgreSQL is there; the wheel is fetched in any case, for it touches only the user's cache.

    Args:
        required: Not looked at.

    Returns:
        Its programs.

    Raises:
        ServerUnavailableError: It cannot be had; the message says what to install.
    """
    del required
    found = find()
    if found is None:
        try:
            install.wheel("postgresql")
        except ServerUnavailableError as error:
            message = f"PostgreSQL is not installed (Debian, Ubuntu: postgresql) and cannot be fetched: {error}"
            raise ServerUnavailableError(message) from error
        found = find()
    if found is None:
        message = "the PostgreSQL that was fetched does not run here; install PostgreSQL (Debian, Ubuntu: postgresql)"
        raise ServerUnavailableError(message)
    return found


class PostgresqlServer(DatabaseServer):
    """A PostgreSQL server."""

    name = "postgresql"
    scheme = "postgresql+psycopg"
    default_port = 5432

    def execute(self, *statements: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Run statements as the administrator; see the base class."""
        import psycopg

        admin = self.admin.to(database=database)
        rows: list[tuple[Any, ...]] = []
        with psycopg.connect(
            admin.url("postgresql"), autocommit=True, connect_timeout=10
        ) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
                rows = cursor.fetchall() if cursor.description else []
        return rows

    def create_database(self, name: str) -> str:
        """Make an empty database; see the base class."""
        self.execute(f'CREATE DATABASE "{name}" OWNER "{self.address.user}" TEMPLATE template0')
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database; see the base class."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def problem(self, timeout: int = 10) -> str:
        """Ask whether it answers; see the base class."""
        import psycopg

        try:
            psycopg.connect(self.admin.url("postgresql"), connect_timeout=timeout).close()
        except psycopg.OperationalError as error:
            return str(error).strip()
        return ""


class _Recipe(Recipe):
    name = PostgresqlServer.name
    accounts = ("postgres", "nobody")
    stop_signal = signal.SIGINT
    # Immediate shutdown: as fast as SIGKILL, and gives its System V shared memory back to the system.
    leave_signal = signal.SIGQUIT

    def __init__(self, programs: Binaries, options: dict[str, str], admin_password: str) -> None:
        self._programs = programs
        self._options = options
        self._admin_password = admin_password

    def server(self, port: int) -> PostgresqlServer:
        admin = Address(LOOPBACK, port, ADMIN, self._admin_password, "postgres")
        return PostgresqlServer(admin, admin)

    def initialise(self, process: Process) -> None:
        secret = process.add_file("secret", self._admin_password + "\n")
        process.run(
            [
                self._programs["initdb"],
                f"--pgdata={process.folder / 'data'}",
                f"--username={ADMIN}",
                f"--pwfile={secret}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ]
        )
        secret.unlink()

    def command(self, folder: Path, port: int) -> list[str]:
        settings = {**self._options, "listen_addresses": LOOPBACK, "port": str(port)}
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [self._programs["postgres"], "-D", str(folder / "data"), *options]

    def ready(self, port: int) -> bool:
        return not self.server(port).problem(_ANSWER_WITHIN)


@contextlib.contextmanager
def postgresql(
    *,
    durable: bool = False,
    options: Mapping[str, str] | None = None,
    port: int | None = None,
    required: bool = False,
) -> Iterator[PostgresqlServer]:
    """Run a PostgreSQL server of one's own.

    Args:
        durable: Whether it waits for the disk (fsync). Without it a killed server loses nothing either, as what it
            wrote is with the operating system; only a machine that loses its power does.
        options: Settings of the server, by name as in postgresql.conf.
        port: Port on loopback; a free one by default.
        required: Whether everything is done to have it.

    Yields:
        The running server.

    Raises:
        ServerUnavailableError: It cannot be had or does not start.
    """
    programs = prepare(required=required)
    fast = {} if durable else {"fsync": "off"}
    settings = {**_SMALL, **fast, **(options or {})}
    recipe = _Recipe(programs, settings, secrets.token_hex(12))
    local = LocalServer(recipe, port)
    try:
        admin = recipe.server(local.port).admin
        address = admin.to(user=USER, password=secrets.token_hex(12), database=USER)
        server = PostgresqlServer(address, admin, local)
        server.execute(f"CREATE ROLE \"{USER}\" LOGIN PASSWORD '{address.password}'")
        server.create_database(USER)
        yield server
    finally:
        if local.pid is None:
            _free_shared_memory(local.folder / "data" / "postmaster.pid")
        local.close()


def _free_shared_memory(lock_file: Path) -> None:
    """Give back what a killed server still holds: 56 bytes, but the system has only 4,096 such segments."""
    if sys.platform != "linux" or not lock_file.is_file():
        return
    key_and_id = lock_file.read_text(encoding="utf-8").splitlines()[6].split()
    ipc_rmid = 0
    ctypes.CDLL(None).shmctl(int(key_and_id[1]), ipc_rmid, None)


ENTRY = Entry(postgresql, PostgresqlServer.at, prepare, find, durable_argument)
