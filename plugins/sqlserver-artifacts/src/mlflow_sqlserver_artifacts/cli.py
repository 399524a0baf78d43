"""`mlflow-sqlserver-artifacts`: what an operator needs beside MLflow's own commands."""

from __future__ import annotations

import click

from mlflow_plugin_core import command_line
from mlflow_sqlserver_artifacts.__about__ import __version__
from mlflow_sqlserver_artifacts.checks import SUBJECT

_DIALECTS = ("mssql", "postgresql", "mysql", "sqlite")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Look after MLflow artifacts in a SQL database."""


@cli.command()
@click.option("--dialect", type=click.Choice(_DIALECTS), default="mssql", show_default=True)
@click.option("--schema", default=None, help="Database schema to put in front of the table names.")
def ddl(dialect: str, schema: str | None) -> None:
    """Print the script that makes the tables, for a database administrator."""
    from mlflow_sqlserver_artifacts.ddl import script

    click.echo(script(dialect, schema))


@cli.command()
@click.argument("location")
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    default=24.0,
    show_default=True,
    help="Hours since an upload last sent anything.",
)
def gc(location: str, older_than: float) -> None:
    """Remove the chunks that killed uploads left in the database of LOCATION."""
    from mlflow_sqlserver_artifacts import garbage
    from mlflow_sqlserver_artifacts.opening import open_store

    database = open_store(location).database
    contents, chunks = garbage.collect(database, older_than=older_than * 3600)
    click.echo(f"removed {chunks} chunks of {contents} contents that no artifact points to")


command_line.add_to(cli, SUBJECT)


def main() -> None:
    """Run the command line; errors are one sentence and exit code 1."""
    command_line.run(cli)


if __name__ == "__main__":
    main()
