"""What every database server offers to a test, whether it was started here or given by its URI."""

from __future__ import annotations

import contextlib
import secrets
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from mlflow_plugin_servers.addresses import Address
from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.server import Server

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from mlflow_plugin_servers.local import LocalServer

__all__ = ["DatabaseServer", "durable_argument"]


class DatabaseServer(Server):
    """A running database server, its application user and its administrator.

    The application user owns the databases made here and nothing else; the administrator may make further users.
    """

    scheme: ClassVar[str]
    default_port: ClassVar[int]

    def __init__(self, address: Address, admin: Address, local: LocalServer | None = None) -> None:
        """Describe a server.

        Args:
            address: The application user's database.
            admin: The administrator's.
            local: The process, when it was started here.
        """
        super().__init__(local)
        self.address = address
        self.admin = admin

    @classmethod
    def at(cls, uri: str) -> DatabaseServer:
        """Take a server that is there already, and check that it can be used.

        Args:
            uri: A user who may create databases; this user is then the application user and the administrator.

        Returns:
            The server.

        Raises:
            ServerUnavailableError: The URI cannot be read, or the server does not answer this user.
        """
        try:
            address = Address.parse(uri, cls.default_port)
        except ValueError as error:
            raise ServerUnavailableError(str(error)) from None
        server = cls(address, address)
        problem = server.problem()
        if problem:
            message = f"{cls.name} at {address.host}:{address.port} does not answer: {problem}"
            raise ServerUnavailableError(message)
        return server

    @property
    def uri(self) -> str:
        """The application user's URL of the default database, as SQLAlchemy reads it."""
        return self.url()

    @property
    def admin_uri(self) -> str:
        """The administrator's URL."""
        return self.admin.url(self.scheme)

    @property
    def host(self) -> str:
        """The address it serves on."""
        return self.address.host

    @property
    def port(self) -> int:
        """The port it serves on."""
        return self.address.port

    def facts(self) -> dict[str, str]:
        """Tell a person both URLs; see the base class."""
        return {"application": self.uri, "administrator": self.admin_uri}

    def url(
        self,
        database: str | None = None,
        *,
        user: str | None = None,
        password: str | None = None,
        port: int | None = None,
    ) -> str:
        """Write a URL of this server.

        Args:
            database: Database; the default one if left out.
            user: User; the application user if left out.
            password: Password that goes with it.
            port: Another port, such as that of a proxy before the server.

        Returns:
            The URL, as SQLAlchemy reads it.
        """
        return self.address.to(database=database, user=user, password=password, port=port).url(
            self.scheme
        )

    @abstractmethod
    def execute(self, *statements: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Run statements as the administrator, each in a transaction of its own.

        Args:
            statements: SQL.
            database: Where; the administrator's own database if left out.

        Returns:
            The rows of the last statement.
        """

    @abstractmethod
    def create_database(self, name: str) -> str:
        """Make an empty database that the application user owns.

        Args:
            name: Its name.

        Returns:
            Its URL.
        """

    @abstractmethod
    def drop_database(self, name: str) -> None:
        """Remove a database, whoever still uses it.

        Args:
            name: Its name; nothing happens when there is none.
        """

    @abstractmethod
    def problem(self, timeout: int = 10) -> str:
        """Ask whether it answers the administrator.

        Args:
            timeout: Seconds it may take to do so.

        Returns:
            What the driver complains about; empty when it answers.
        """

    @contextlib.contextmanager
    def fresh_database(self) -> Iterator[str]:
        """Lend a new, empty database, which is dropped afterwards.

        A server that an earlier test left stopped is started again first.

        Yields:
            Its URL.
        """
        if self._local:
            self._local.start()
        name = f"test_{secrets.token_hex(6)}"
        uri = self.create_database(name)
        try:
            yield uri
        finally:
            if self._local:
                self._local.start()
            self.drop_database(name)


def durable_argument(parser: argparse.ArgumentParser) -> None:
    """Add what databases take on the command line besides.

    Args:
        parser: Where to add it.
    """
    parser.add_argument(
        "--durable", action="store_true", help="wait for the disk, as production does"
    )
