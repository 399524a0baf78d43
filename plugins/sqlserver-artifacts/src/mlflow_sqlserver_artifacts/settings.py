"""Every setting of the plugin, with its environment name and its URI parameter."""

from __future__ import annotations

from pydantic_settings import SettingsConfigDict

from mlflow_plugin_core.settings import PluginSettings, SecretStr, option

MEBIBYTE = 1 << 20


class SqlSettings(PluginSettings):
    """Settings of mlflow-sqlserver-artifacts: URI parameter, environment, file, default."""

    model_config = SettingsConfigDict(env_prefix="MLFLOW_SQLSERVER_")

    username: str | None = option(
        None, help="User name, sent only to the server that HOST names.", parameter=None
    )
    password: SecretStr | None = option(
        None,
        help="Password, sent only to the server that HOST names; without USERNAME for any user of it.",
        parameter=None,
    )
    host: str | None = option(
        None,
        help="The one server, `host` or `host:port`, that USERNAME and PASSWORD are for.",
        parameter=None,
    )
    credentials_file: str | None = option(
        None,
        help="JSON file that maps `host` or `host:port` to `username` and `password`.",
        parameter=None,
    )
    entra: bool = option(
        default=False,
        help="Sign in to SQL Server with a Microsoft Entra token of the machine's own identity "
        "(needs the `entra` extra, and pyodbc or mssql-python; other drivers and databases ignore "
        "the environment's value); renewed whenever the pool opens a connection. The token is sent "
        "only to Azure's servers and to the one that HOST names.",
        parameter="entra",
    )
    chunk_size: int = option(
        MEBIBYTE,
        help="Bytes in one row of a file; 64 KiB to 4 MiB. A change concerns new files only.",
        parameter="chunk_size",
        ge=64 << 10,
        le=4 << 20,
    )
    workers: int = option(
        4,
        help="Transfers at once for one process and database (SQLite: one upload at once); "
        "as many connections are kept, and up to twice as many are open at a peak.",
        parameter="workers",
        ge=1,
        le=64,
    )
    connect_timeout: int = option(
        10,
        help="Seconds until a connection attempt is given up (PostgreSQL: for each address that "
        "the host name has).",
        parameter="connect_timeout",
        ge=1,
        le=600,
    )
    statement_timeout: int = option(
        300,
        help="Seconds until one statement (at most a few MiB of data) is given up; 0 for never. "
        "MySQL, MariaDB: seconds without a byte from the server. SQLite: not used. PgBouncer needs "
        "0, which also turns prepared statements off.",
        parameter="statement_timeout",
        ge=0,
        le=86_400,
    )
    retry_timeout: int = option(
        60,
        help="Seconds during which a step that failed for a passing reason is repeated; also how "
        "long a writer of SQLite waits for another one. 0 repeats nothing but a step that another "
        "writer of the same path overtook.",
        parameter="retry_timeout",
        ge=0,
        le=3_600,
    )
    table_schema: str | None = option(
        None,
        help="Database schema that holds the tables; the user's own by default.",
        parameter="table_schema",
    )
    sqlite_folders: str = option(
        "",
        help="Folders, separated by the path separator (`:`; `;` on Windows), in which a tracking "
        "server may open SQLite databases that a location names.",
        parameter=None,
    )
