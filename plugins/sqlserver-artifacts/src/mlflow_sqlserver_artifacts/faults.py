"""What an error of a database says, whichever driver brings it, and whether it passes by itself.

Numbers mean one thing in each database and another in the next (1105 is SQL Server's full disk and
MySQL's unknown error), so the driver that raised an error decides which table is read. Where a
driver gives no number (psycopg while it connects, mssql-python always), the words decide.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from sqlalchemy import exc

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Kind = Literal[
    "passing",
    "later",
    "duplicate",
    "missing table",
    "denied",
    "login",
    "no database",
    "full",
    "no driver",
]

_FAMILIES: Final = {
    "pyodbc": "mssql",
    "pymssql": "mssql",
    "mssql_python": "mssql",
    "pymysql": "mysql",
    "psycopg": "postgresql",
    "psycopg2": "postgresql",
    "sqlite3": "sqlite",
}

# By which an Azure SQL database says that it cannot be connected to now and can be soon
# ("Troubleshoot transient connection errors", "Error messages: resource governance").
_AZURE_LATER = "615 926 4221 10928 10929 10936 40197 40501 40613 49918 49919 49920"

# SQL Server: its own numbers, and SQLSTATEs where ODBC gives one. MySQL and MariaDB: the server's
# error reference. PostgreSQL: SQLSTATEs of its Appendix A; a dot stands for any character.
_CODES: Final[Mapping[str, Mapping[Kind, str]]] = {
    "mssql": {
        # Deadlock, lock time-out, what Azure SQL documents as transient, and the socket errors that
        # ODBC drivers (1005x) and FreeTDS (200xx) report for a lost connection.
        "passing": f"1205 1222 40001 40143 40540 42108 42109 {_AZURE_LATER} "
        "10053 10054 10060 20003 20004 20006 20047",
        "later": _AZURE_LATER,
        "duplicate": "2601 2627",
        "missing table": "208 42S02",
        "denied": "229 230 262 3906",
        "login": "18452 18456",
        "no database": "4060",
        "full": "1101 1105 9002 40544",
        "no driver": "IM002 IM003",
    },
    "mysql": {
        # Too many connections, shutting down, lock wait time-out, deadlock, killed, server gone,
        # connection lost, idle for too long.
        "passing": "1040 1053 1205 1213 1927 2006 2013 2055 4031",
        "later": "1040 1203",
        "duplicate": "1062",
        "missing table": "1146",
        "denied": "1044 1142 1290 1370 1792 1836",
        "login": "1045 1698",
        "no database": "1049",
        "full": "1021 1114",
    },
    "postgresql": {
        # Serialization failure, deadlock, too many connections, shut down, crashed, starting up,
        # lock not available, connection exceptions.
        "passing": "40001 40P01 53300 57P01 57P02 57P03 55P03 08...",
        "later": "53300 57P03",
        "duplicate": "23505",
        "missing table": "42P01",
        "denied": "42501 25006",
        "login": "28P01 28000",
        "no database": "3D000",
        "full": "53100",
    },
    "sqlite": {},
}
_WORDS: Final[Mapping[str, Mapping[Kind, str]]] = {
    "mssql": {
        "passing": "deadlock victim|lock request time out",
        "later": "is not currently available|service is currently busy",
        "duplicate": "duplicate key",
        "missing table": "invalid object name",
        "denied": "permission was denied|permission denied|database is read-only",
        "login": "login failed for user",
        "no database": "cannot open database",
        "no driver": "can't open lib|data source name not found|failed to load the driver"
        "|driver could not be loaded",
    },
    "mysql": {"full": r"errcode: 28\b|no space left"},
    "postgresql": {
        "later": "too many clients|too many connections|remaining connection slots|starting up"
        "|shutting down|in recovery mode|not (?:yet )?accepting connections",
        "login": "authentication failed|no password supplied|no pg_hba.conf entry"
        '|role "[^"]*" (?:does not exist|is not permitted)',
        "no database": 'database "[^"]*" does not exist',
        "full": "no space left",
    },
    "sqlite": {
        "passing": "database is locked|database table is locked",
        "duplicate": "unique constraint",
        "missing table": "no such table",
        "denied": "attempt to write a readonly",
        "full": "database or disk is full",
    },
}
_TIMEOUT = re.compile(r"time-?d? ?out")


class Fault(NamedTuple):
    """An error, read once.

    Attributes:
        family: Which database it comes from: mssql, mysql, postgresql, sqlite, or "".
        codes: Every code it carries: SQLSTATE, native number.
        text: What it says, in one line.
    """

    family: str
    codes: frozenset[str]
    text: str

    def says(self, kind: Kind) -> bool:
        """Tell whether a code or the words mean this."""
        patterns = _CODES.get(self.family, {}).get(kind, "").split()
        words = _WORDS.get(self.family, {}).get(kind)
        return any(
            re.fullmatch(pattern, code) for pattern in patterns for code in self.codes
        ) or bool(words and re.search(words, self.text.lower()))

    @property
    def is_timeout(self) -> bool:
        """Whether nobody answered in time."""
        return bool(_TIMEOUT.search(self.text.lower()))

    @property
    def is_certificate(self) -> bool:
        """Whether a TLS certificate was not accepted."""
        return "certificate" in self.text.lower()


def read(error: BaseException) -> Fault:
    """Read what an error of SQLAlchemy or of a driver says."""
    origin: BaseException = getattr(error, "orig", None) or error
    family = _FAMILIES.get(type(origin).__module__.partition(".")[0], "")
    pieces = list(_pieces(origin.args))
    numbers = [piece for piece in pieces if isinstance(piece, int)]
    text = " ".join(" ".join(piece for piece in pieces if isinstance(piece, str)).split())
    codes = {str(number) for number in numbers}
    state = getattr(origin, "sqlstate", None) or getattr(origin, "pgcode", None)
    if isinstance(state, str):
        codes.add(state)
    if family == "mssql":
        codes.update(
            piece
            for piece in pieces
            if isinstance(piece, str) and re.fullmatch(r"[0-9A-Z]{5}", piece)
        )
        # ODBC puts the native number in brackets at the end: "… (1205) (SQLExecDirectW)".
        codes.update(re.findall(r"\((\d{2,5})\)", text))
        codes.update(re.findall(r"\b(?:msg|error|message|number:?) (\d{3,5})\b", text.lower()))
    shown = text or str(origin)
    if family == "mysql" and numbers:
        shown = f"{shown} ({numbers[0]})"
    return Fault(family, frozenset(codes), shown)


def _pieces(arguments: tuple[object, ...]) -> Iterator[str | int]:
    """Flatten an error's arguments: pymssql packs (number, bytes) into one of them."""
    for argument in arguments:
        if isinstance(argument, tuple):
            yield from _pieces(argument)
        elif isinstance(argument, bytes):
            yield argument.decode("utf-8", "replace")
        elif isinstance(argument, int) and not isinstance(argument, bool):
            yield argument
        else:
            yield str(argument)


def is_transient(error: BaseException) -> bool:
    """Tell whether a step that failed on a good connection may succeed a little later."""
    if isinstance(error, exc.TimeoutError):  # the pool had no free connection in time
        return True
    if not isinstance(error, exc.DBAPIError):
        return False
    return error.connection_invalidated or read(error).says("passing")


def comes_back(error: BaseException, *, answered: bool) -> bool:
    """Tell whether a connection that could not be made may be made a little later.

    Who cannot be reached at first is a wrong address, a firewall or a certificate, and the user
    wants to know at once: only a server that itself says "later" is asked again. SQLAlchemy's own
    `connection_invalidated` is no help: it counts a log-in that timed out as a lost connection. Who
    answered before, though, restarts or fails over.

    Args:
        error: Why the connection could not be made.
        answered: Whether this process was ever connected to this database.
    """
    if isinstance(error, exc.TimeoutError):
        return True
    if not isinstance(error, exc.DBAPIError):
        return False
    fault = read(error)
    if fault.says("later") or (fault.family == "sqlite" and fault.says("passing")):
        return True
    if not answered:
        return False
    # A database of Azure SQL that moves is not there for a moment: 4060.
    is_moving = fault.family == "mssql" and fault.says("no database")
    return is_moving or fault.says("passing") or is_outage(error)


def is_outage(error: BaseException) -> bool:
    """Tell whether a connection could not be made for want of a server, not of rights.

    Drivers have no common code for it: psycopg has none at all for a refused connection.
    """
    if not isinstance(error, exc.OperationalError | exc.InterfaceError):
        return False
    fault = read(error)
    kinds: tuple[Kind, ...] = ("login", "denied", "no database", "no driver")
    return not fault.is_certificate and not any(fault.says(kind) for kind in kinds)


def is_duplicate(error: BaseException) -> bool:
    """Tell whether another writer inserted the same key first."""
    return isinstance(error, exc.IntegrityError) and read(error).says("duplicate")


def is_missing_table(error: BaseException) -> bool:
    """Tell whether the tables are not there."""
    return isinstance(error, exc.DBAPIError) and read(error).says("missing table")
