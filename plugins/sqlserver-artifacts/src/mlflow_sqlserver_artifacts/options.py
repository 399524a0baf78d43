"""The driver options a location may carry, for every supported driver. Pure.

An allow-list: a location is stored in the tracking database and may be opened by a server for any
user, and drivers have options that load libraries or read files.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlflow_plugin_core import errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlflow_sqlserver_artifacts.location import SqlLocation

# A name as `odbcinst -q -d` prints it. A path would make the driver manager load that file.
_REGISTERED_DRIVER = re.compile(r"[\w .+()-]+")


@dataclass(frozen=True)
class Driver:
    """One SQLAlchemy driver that the plugin supports.

    Attributes:
        name: As written behind the plus sign.
        module: What it imports.
        install: What `pip install` takes.
        options: Names that go to the driver as they are.
        paths: Those of them that name a file on the machine that connects.
    """

    name: str
    module: str
    install: str
    options: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()


_ODBC = frozenset(
    {
        "ApplicationIntent",
        "Authentication",
        "Encrypt",
        "HostNameInCertificate",
        "LongAsMax",
        "MultiSubnetFailover",
        "ServerCertificate",
        "Trusted_Connection",
        "TrustServerCertificate",
        "driver",
    }
)
_POSTGRESQL = frozenset(
    {
        "application_name",
        "channel_binding",
        "gssencmode",
        "krbsrvname",
        "sslmode",
        "sslcert",
        "sslkey",
        "sslrootcert",
        "target_session_attrs",
    }
)
_POSTGRESQL_FILES = frozenset({"sslcert", "sslkey", "sslrootcert"})
_PACKAGE = "mlflow-sqlserver-artifacts"

DRIVERS: Mapping[str, Mapping[str, Driver]] = {
    "mssql": {
        "pyodbc": Driver(
            "pyodbc", "pyodbc", f"'{_PACKAGE}[pyodbc]'", _ODBC, frozenset({"ServerCertificate"})
        ),
        "pymssql": Driver(
            "pymssql",
            "pymssql",
            f"'{_PACKAGE}[pymssql]'",
            frozenset({"charset", "encryption", "tds_version"}),
        ),
        "mssqlpython": Driver(
            "mssqlpython",
            "mssql_python",
            f"'{_PACKAGE}[mssql-python]'",
            _ODBC - {"driver", "LongAsMax"},
            frozenset({"ServerCertificate"}),
        ),
    },
    "postgresql": {
        "psycopg": Driver(
            "psycopg", "psycopg", f"'{_PACKAGE}[psycopg]'", _POSTGRESQL, _POSTGRESQL_FILES
        ),
        "psycopg2": Driver(
            "psycopg2", "psycopg2", "psycopg2-binary", _POSTGRESQL, _POSTGRESQL_FILES
        ),
    },
    "mysql": {
        "pymysql": Driver(
            "pymysql",
            "pymysql",
            f"'{_PACKAGE}[pymysql]'",
            frozenset(
                {
                    "charset",
                    "ssl_ca",
                    "ssl_cert",
                    "ssl_key",
                    "ssl_verify_cert",
                    "ssl_verify_identity",
                }
            ),
            frozenset({"ssl_ca", "ssl_cert", "ssl_key"}),
        ),
    },
    "sqlite": {"pysqlite": Driver("pysqlite", "sqlite3", "python")},
}


def driver_of(location: SqlLocation) -> Driver:
    """Return the driver of a location, or the default one of its dialect.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE for a driver that is not supported.
    """
    drivers = DRIVERS[location.dialect]
    if location.driver is None:
        return next(iter(drivers.values()))
    if location.driver not in drivers:
        message = errors.explain(
            f"Unknown driver {location.driver!r} for {location.dialect}",
            location=location.uri,
            remedy=_suggest(location.driver, drivers),
        )
        raise errors.invalid_parameter(message)
    return drivers[location.driver]


def split_options(
    location: SqlLocation, plugin_options: Iterable[str], *, in_server: bool
) -> tuple[dict[str, str], dict[str, str]]:
    """Part the query of a location into the plugin's own options and the driver's.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE for an option that neither knows, with the
            nearest name, and in a server process for one that names a file.
    """
    driver = driver_of(location)
    ours = set(plugin_options)
    own = {name: value for name, value in location.query.items() if name in ours}
    rest = {name: value for name, value in location.query.items() if name not in ours}
    folded = {option.lower(): option for option in driver.options}
    passed: dict[str, str] = {}
    for name, value in rest.items():
        option = folded.get(name.lower())
        if option is None:
            message = errors.explain(
                f"Unknown option {name!r}",
                location=location.uri,
                remedy=_suggest(name, sorted(ours | driver.options)),
            )
            raise errors.invalid_parameter(message)
        _check_value(location, driver, option, value, in_server=in_server)
        passed[option] = value
    return own, passed


def _check_value(
    location: SqlLocation, driver: Driver, option: str, value: str, *, in_server: bool
) -> None:
    if any(character in value for character in ";{}\0\r\n"):
        why = "it holds a character that ends or begins another option"
    elif in_server and option in driver.paths:
        why = "a server opens no file that a location names"
    elif in_server and option == "driver" and not _REGISTERED_DRIVER.fullmatch(value):
        why = "in a server it has to be the registered name of a driver, not a path"
    else:
        return
    message = errors.explain(
        f"Refused the value of option {option!r}",
        location=location.uri,
        why=why,
        remedy="leave it out of the location",
    )
    raise errors.invalid_parameter(message)


def _suggest(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(name.lower(), [item.lower() for item in names], n=1)
    if near:
        nearest = next(item for item in names if item.lower() == near[0])
        return f"did you mean {nearest!r}?"
    return f"known are: {', '.join(names)}"
