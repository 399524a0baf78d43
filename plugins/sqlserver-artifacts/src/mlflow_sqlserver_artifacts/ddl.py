"""The script that makes the tables, as text for a database administrator."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert
from sqlalchemy.dialects import mssql, mysql, postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from mlflow_sqlserver_artifacts.schema import SCHEMA_VERSION, metadata, schema_table

_DIALECTS: dict[str, Any] = {
    "mssql": mssql.dialect,
    "postgresql": postgresql.dialect,
    "mysql": mysql.dialect,
    "sqlite": sqlite.dialect,
}
_GRANT = "-- Then: GRANT SELECT, INSERT, UPDATE, DELETE ON these tables TO the user of MLflow."


def statements(dialect: str, schema: str | None = None) -> list[str]:
    """Return the statements in their order, without a terminator."""
    used = _DIALECTS[dialect]()
    used.identifier_preparer = used.preparer(used)
    options = {"schema_translate_map": {None: schema}, "render_schema_translate": True}
    texts: list[str] = []
    for table in metadata.sorted_tables:
        create: list[Any] = [CreateTable(table), *(CreateIndex(index) for index in table.indexes)]
        texts += [str(_compile(item, used, options if schema else {})) for item in create]
    version = insert(schema_table).values(id=1, version=SCHEMA_VERSION)
    literal = {"compile_kwargs": {"literal_binds": True}}
    texts.append(str(_compile(version, used, options if schema else {}, **literal)))
    return [text.strip() for text in texts]


def script(dialect: str, schema: str | None = None) -> str:
    """Return the whole script."""
    terminator = "\nGO\n" if dialect == "mssql" else ";\n"
    body = "".join(f"{text}{terminator}\n" for text in statements(dialect, schema))
    return (
        f"-- Tables of mlflow-sqlserver-artifacts, schema version {SCHEMA_VERSION}\n{body}{_GRANT}"
    )


def _compile(
    statement: Any,  # noqa: ANN401  # SQLAlchemy's DDL and DML share no public base
    dialect: Any,  # noqa: ANN401
    options: dict[str, object],
    **arguments: Any,  # noqa: ANN401
) -> object:
    return statement.compile(dialect=dialect, **options, **arguments)
