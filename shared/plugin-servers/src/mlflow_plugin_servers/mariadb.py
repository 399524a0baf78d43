"""MariaDB: from the system."""

from __future__ import annotations

import contextlib
import secrets
import signal
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
    from pathlib import Path

    from mlflow_plugin_servers.binaries import Binaries
    from mlflow_plugin_servers.process import Process

__all__ = ["ENTRY", "MariadbServer", "find", "mariadb", "prepare"]

ADMIN = "admin"
USER = "app"
_ANSWER_WITHIN = 5
_PROGRAMS = ("mariadbd", "mariadb-install-db")
_SMALL = {
    "innodb_buffer_pool_size": "64M",
    "innodb_log_file_size": "48M",
    "max_connections": "200",
    "character_set_server": "utf8mb4",
    # The server's own default order, in which case and trailing spaces do not count: what users meet.
    "collation_server": "utf8mb4_general_ci",
}
_BASICS = (
    "--no-defaults",
    "--skip-name-resolve",
    "--socket=",
    "--pid-file=server.pid",
    "--skip-log-bin",
)


def find() -> Binaries | None:
    """Look for MariaDB on this machine.

    Returns:
        What the environment names, else the system's; None when there is none.
    """
    return binaries.chosen(MariadbServer.name, *_PROGRAMS) or binaries.on_path(*_PROGRAMS)


def prepare(*, required: bool = True) -> Binaries:
    """Make sure that MariaDB is there.

    Args:
        required: Whether packages of the system may be installed for it, where this process is root on Debian. They
            hold its programs alone: no service of it is set up or started.

    Returns:
        Its programs.

    Raises:
        ServerUnavailableError: It cannot be had; the message says what to install.
    """
    found = find()
    if found is None and required:
        install.debian_packages("MariaDB", "mariadb-server-core", "mariadb-client-core")
        found = find()
    if found is None:
        message = (
            "MariaDB is not installed. Debian, Ubuntu: apt-get install mariadb-server-core mariadb-client-core, or "
            "as root: python -m mlflow_plugin_servers prepare mariadb; macOS: brew install mariadb"
        )
        raise ServerUnavailableError(message)
    return found


class MariadbServer(DatabaseServer):
    """A MariaDB server; one of MySQL, given by its URI, does as well."""

    name = "mariadb"
    scheme = "mysql+pymysql"
    default_port = 3306

    def execute(self, *statements: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Run statements as the administrator; see the base class."""
        rows: list[tuple[Any, ...]] = []
        with (
            self._connect(self.admin.to(database=database)) as connection,
            connection.cursor() as cursor,
        ):
            for statement in statements:
                cursor.execute(statement)
                rows = list(cursor.fetchall())
        return rows

    def create_database(self, name: str) -> str:
        """Make an empty database; see the base class."""
        statements = [f"CREATE DATABASE `{name}`"]
        if self.address.user != self.admin.user:
            # In a grant `_` stands for any character.
            pattern = name.replace("_", r"\_")
            statements.append(f"GRANT ALL ON `{pattern}`.* TO '{self.address.user}'@'%'")
        self.execute(*statements)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database; see the base class."""
        import pymysql

        # A transaction that a test left open would make this wait for ever.
        sessions = self.execute(
            f"SELECT id FROM information_schema.processlist WHERE db = '{name}'"
        )
        for (session,) in sessions:
            with contextlib.suppress(pymysql.err.OperationalError):  # It may have ended by itself.
                self.execute(f"KILL {session}")
        self.execute("SET lock_wait_timeout = 30", f"DROP DATABASE IF EXISTS `{name}`")
        if self.address.user != self.admin.user:
            # Rights outlive their database.
            pattern = name.replace("_", r"\\_")
            self.execute(f"DELETE FROM mysql.db WHERE Db = '{pattern}'", "FLUSH PRIVILEGES")

    def problem(self, timeout: int = 10) -> str:
        """Ask whether it answers; see the base class."""
        import pymysql

        try:
            self._connect(self.admin, connect_timeout=timeout, read_timeout=timeout).close()
        except pymysql.err.OperationalError as error:
            return str(error)
        return ""

    @staticmethod
    def _connect(where: Address, **options: Any) -> Any:
        import pymysql

        return pymysql.connect(
            host=where.host,
            port=where.port,
            user=where.user,
            password=where.password,
            database=where.database or None,
            autocommit=True,
            **options,
        )


class _Recipe(Recipe):
    name = MariadbServer.name
    accounts = ("mysql", "nobody")
    stop_signal = signal.SIGTERM
    leave_signal = signal.SIGKILL

    def __init__(
        self, programs: Binaries, options: dict[str, str], passwords: dict[str, str]
    ) -> None:
        self._programs = programs
        self._options = [f"--{name}={value}" for name, value in options.items()]
        self._passwords = passwords
        self._users_made = False

    def server(self, port: int, local: LocalServer | None = None) -> MariadbServer:
        admin = Address(LOOPBACK, port, ADMIN, self._passwords[ADMIN])
        address = Address(LOOPBACK, port, USER, self._passwords[USER], USER)
        return MariadbServer(address, admin, local)

    def initialise(self, process: Process) -> None:
        options = [
            f"--datadir={process.folder / 'data'}",
            "--skip-test-db",
            "--auth-root-authentication-method=normal",
        ]
        process.run(
            [self._programs["mariadb-install-db"], "--no-defaults", *options, *self._options]
        )
        # Read by the server before it listens, so that there is no moment without passwords.
        process.add_file("users.sql", self._users())

    def command(self, folder: Path, port: int) -> list[str]:
        place = [f"--datadir={folder / 'data'}", f"--bind-address={LOOPBACK}", f"--port={port}"]
        users = [f"--init-file={folder / 'users.sql'}"] if not self._users_made else []
        return [self._programs["mariadbd"], *_BASICS, *place, *users, *self._options]

    def ready(self, port: int) -> bool:
        self._users_made = not self.server(port).problem(_ANSWER_WITHIN)
        return self._users_made

    def _users(self) -> str:
        made = "\n".join(
            f"CREATE USER '{name}'@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('{password}');"
            for name, password in self._passwords.items()
        )
        # One statement to a line: the server reads this file line by line.
        return (
            "DELETE FROM mysql.global_priv WHERE User IN ('root', '');\n"
            "FLUSH PRIVILEGES;\n"
            f"{made}\n"
            f"GRANT ALL ON *.* TO '{ADMIN}'@'%' WITH GRANT OPTION;\n"
        )


@contextlib.contextmanager
def mariadb(
    *,
    durable: bool = False,
    options: Mapping[str, str] | None = None,
    port: int | None = None,
    required: bool = False,
) -> Iterator[MariadbServer]:
    """Run a MariaDB server of one's own.

    Args:
        durable: Whether it waits for the disk at each commit. Without it a killed server loses nothing either, as
            what it wrote is with the operating system; only a machine that loses its power does.
        options: Settings of the server, by name as in its configuration file.
        port: Port on loopback; a free one by default.
        required: Whether everything is done to have it.

    Yields:
        The running server.

    Raises:
        ServerUnavailableError: It cannot be had or does not start.
    """
    programs = prepare(required=required)
    fast = {} if durable else {"innodb_flush_log_at_trx_commit": "2"}
    settings = {**_SMALL, **fast, **(options or {})}
    passwords = {ADMIN: secrets.token_hex(12), USER: secrets.token_hex(12)}
    recipe = _Recipe(programs, settings, passwords)
    local = LocalServer(recipe, port)
    try:
        (local.folder / "users.sql").unlink()  # It holds the passwords.
        server = recipe.server(local.port, local)
        server.create_database(USER)
        yield server
    finally:
        local.close()


ENTRY = Entry(mariadb, MariadbServer.at, prepare, find, durable_argument)
