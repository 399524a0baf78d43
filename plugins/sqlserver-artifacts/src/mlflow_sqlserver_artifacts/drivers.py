"""Loads a driver, or says in one sentence what is missing."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from mlflow_plugin_core import errors

if TYPE_CHECKING:
    from mlflow_sqlserver_artifacts.location import SqlLocation
    from mlflow_sqlserver_artifacts.options import Driver

_SQLALCHEMY_MODULE = {"mssqlpython": "sqlalchemy.dialects.mssql.mssqlpython"}
# A driver that is installed loads a library of the system's, which pip does not bring.
_LIBRARY = {
    "pyodbc": "install unixODBC (Debian: apt-get install unixodbc) and Microsoft's ODBC driver, or "
    "use mssql+mssqlpython, which brings its own",
    "mssqlpython": "install the libraries that it loads (Debian: libltdl7, libkrb5-3 and "
    "libgssapi-krb5-2)",
}


def require(driver: Driver, location: SqlLocation) -> None:
    """Import a driver.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE with the command that installs what is missing.
    """
    try:
        importlib.import_module(driver.module)
    except ImportError as error:
        message = _explain(driver, location, error)
        raise errors.invalid_parameter(message, cause=error) from error
    try:
        importlib.import_module(_SQLALCHEMY_MODULE.get(driver.name, "sqlalchemy"))
    except ImportError as error:
        message = errors.explain(
            "mssql+mssqlpython needs SQLAlchemy 2.1",
            location=location.uri,
            why="older ones have no such dialect, and MLflow before 3.9 needs an older one",
            remedy="use mssql+pyodbc, or MLflow 3.9 and 'sqlalchemy>=2.1'",
        )
        raise errors.invalid_parameter(message, cause=error) from error


def _explain(driver: Driver, location: SqlLocation, error: ImportError) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name == driver.module:
        return errors.explain(
            f"The driver {driver.module!r} is not installed",
            location=location.uri,
            remedy=f"pip install {driver.install}",
        )
    return errors.explain(
        f"The driver {driver.module!r} is installed and cannot be loaded",
        location=location.uri,
        why=" ".join(str(error).split()),
        remedy=_LIBRARY.get(driver.name, f"pip install {driver.install}"),
    )
