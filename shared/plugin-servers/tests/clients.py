"""The two drivers behind one function."""

from __future__ import annotations

from typing import Any

import psycopg
import pymysql

from mlflow_plugin_servers.addresses import Address

__all__ = ["REFUSED", "connect", "query"]

REFUSED = (psycopg.OperationalError, pymysql.err.OperationalError)


def connect(uri: str) -> Any:
    """Open a connection of the driver that a URL names."""
    where = Address.parse(uri, 0)
    if uri.startswith("postgresql"):
        return psycopg.connect(where.url("postgresql"), connect_timeout=10)
    options = {
        "host": where.host,
        "port": where.port,
        "user": where.user,
        "password": where.password,
    }
    return pymysql.connect(database=where.database, connect_timeout=10, **options)


def query(uri: str, statement: str) -> list[tuple[Any, ...]]:
    """Run one statement in a transaction of its own and return its rows."""
    connection = connect(uri)
    try:
        cursor = connection.cursor()
        cursor.execute(statement)
        rows = [tuple(row) for row in cursor.fetchall()] if cursor.description else []
        connection.commit()
        return rows
    finally:
        connection.close()
