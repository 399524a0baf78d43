"""`mlflow-sqlserver-artifacts`: what an operator needs beside MLflow's own commands."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from mlflow_sqlserver_artifacts.__about__ import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

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


@cli.command()
@click.argument("location")
def check(location: str) -> None:
    """Test LOCATION step by step: settings, connection, tables, write, read, delete."""
    from mlflow_sqlserver_artifacts.checks import run

    for step, seconds in run(location):
        click.echo(f"ok  {step:<52} {seconds * 1000:7.1f} ms")


@cli.command()
@click.argument("source", metavar="FROM")
@click.argument("destination", metavar="TO")
@click.option(
    "--journal",
    type=click.Path(dir_okay=False),
    default=None,
    help="Where to remember what was copied; by default a file of the user's cache folder.",
)
@click.option("--verify/--no-verify", default=True, help="Read every copy back and compare it.")
def copy(source: str, destination: str, journal: str | None, verify: bool) -> None:  # noqa: FBT001  # click passes options by name
    """Copy all artifacts below one location to another; run it again to go on.

    FROM and TO are any two locations that MLflow can open: the artifact location of an experiment,
    `runs:/<run id>`, a folder, a bucket.
    """
    from mlflow_plugin_core import copying

    with click.progressbar(length=0, label="copying", file=sys.stderr) as bar:

        def advance(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        report = copying.copy(source, destination, journal=journal, verify=verify, advance=advance)
    click.echo(
        f"copied {report.copied} files, {report.copied_bytes} bytes; "
        f"{report.skipped} were there already; {report.verified} digests compared"
    )


def main() -> None:
    """Run the command line; errors are one sentence and exit code 1."""
    _run(cli)


def _run(command: Callable[[], object]) -> None:
    from mlflow.exceptions import MlflowException

    try:
        command()
    except MlflowException as error:
        click.echo(f"error: {error.message}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
