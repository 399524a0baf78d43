"""Where a database is and who one is there, as a URL and apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote, urlsplit

__all__ = ["Address"]


@dataclass(frozen=True)
class Address:
    """A database server, a user and a database.

    Attributes:
        host: Name or number of the machine.
        port: Port of the server.
        user: User's name.
        password: User's password.
        database: Database's name; empty for none.
        query: What stands behind the question mark, as it is.
    """

    host: str
    port: int
    user: str
    password: str
    database: str = ""
    query: str = ""

    def url(self, scheme: str) -> str:
        """Write it as SQLAlchemy reads it.

        Args:
            scheme: Dialect and driver, such as `postgresql+psycopg`.

        Returns:
            The URL, with the password in it.
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        query = f"?{self.query}" if self.query else ""
        return f"{scheme}://{user}@{host}:{self.port}/{quote(self.database, safe='')}{query}"

    def to(self, **changes: str | int | None) -> Address:
        """Copy it with some parts changed.

        Args:
            changes: New values by attribute; None keeps the old one.

        Returns:
            The copy.
        """
        kept: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
        return replace(self, **kept)

    @classmethod
    def parse(cls, url: str, default_port: int) -> Address:
        """Read a URL.

        Args:
            url: The URL; its scheme does not matter.
            default_port: For a URL without a port.

        Returns:
            Its parts.

        Raises:
            ValueError: It names no host or no user.
        """
        parts = urlsplit(url)
        if not parts.hostname or not parts.username:
            # The URL itself is not shown: it holds a password.
            message = "the URI must have the form dialect://user:password@host:port/database"
            raise ValueError(message)
        return cls(
            host=parts.hostname,
            port=parts.port or default_port,
            user=unquote(parts.username),
            password=unquote(parts.password or ""),
            database=unquote(parts.path.lstrip("/")),
            query=parts.query,
        )
