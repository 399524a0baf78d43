"""`mlflow-xet-artifacts`: what an operator needs beside MLflow's own commands."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from mlflow_plugin_core import command_line
from mlflow_plugin_core.checks import Subject
from mlflow_xet_artifacts.__about__ import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlflow_plugin_core.blob_store import BlobStore
    from mlflow_xet_artifacts.file_store import XetFileStore


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Look after MLflow artifacts on the Hugging Face Hub and in local Xet stores."""


@cli.command()
@click.argument("location")
@click.option(
    "--full",
    is_flag=True,
    help="Rewrite the chunks even if nothing was deleted: removes what killed uploads left.",
)
def gc(location: str, full: bool) -> None:  # noqa: FBT001  # click passes options by name
    """Give the space of deleted artifacts in the local store of LOCATION back.

    What lives is copied beside the old chunks, so it needs as much free space for a while. Others
    may read and write meanwhile, and it may be killed at any moment.
    """
    from mlflow_xet_artifacts import file_garbage

    with _progress("copying") as advance:
        report = file_garbage.collect(_local(location).database, full=full, advance=advance)
    click.echo(
        f"removed {report.contents} contents that no artifact points to; "
        f"{report.before} bytes before, {report.after} after"
        + ("" if report.rewritten else "; the chunks stayed as they are")
    )


@cli.command()
@click.argument("location")
@click.option(
    "--forget",
    is_flag=True,
    help="Delete the damaged artifacts and run gc, so that they are stored anew when logged again.",
)
def verify(location: str, forget: bool) -> None:  # noqa: FBT001  # click passes options by name
    """Read all artifacts at LOCATION in a local store and compare their digests."""
    from mlflow_xet_artifacts import file_garbage, file_survey

    store = _local(location)
    damages = []
    with _progress("reading") as bar:
        total = 0

        def advance(done: int, of: int) -> None:
            nonlocal total
            total = of
            bar(done, of)

        for damage in file_survey.verify(store.database, store.root, advance):
            damages.append(damage)
            click.echo(f"DAMAGED  {damage.path}\n         {damage.why}")
    if not damages:
        click.echo(f"all artifacts are as they were stored: {total} read")
        return
    click.echo(f"{len(damages)} of {total} artifacts are damaged", err=True)
    if forget:
        file_survey.forget(store.database, damages)
        with _progress("copying") as copied:
            file_garbage.collect(store.database, full=True, advance=copied)
        click.echo("they are deleted, and may be logged again", err=True)
    sys.exit(1)


@cli.command()
@click.argument("location")
def stats(location: str) -> None:
    """Count what the local store of LOCATION holds, and what it takes on the disk."""
    from mlflow_xet_artifacts import file_survey

    found = file_survey.stats(_local(location).database)
    click.echo(
        f"files           {found.files}\n"
        f"logical bytes   {found.logical}\n"
        f"contents        {found.contents}\n"
        f"unique bytes    {found.unique}\n"
        f"stored bytes    {found.stored}\n"
        f"ratio           {found.ratio:.2f}\n"
        f"dead contents   {found.dead}"
    )


@contextmanager
def _progress(label: str) -> Iterator[Callable[[int, int], None]]:
    with click.progressbar(length=0, label=label, file=sys.stderr) as bar:

        def advance(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield advance


def _local(location: str) -> XetFileStore:
    from mlflow_plugin_core import errors
    from mlflow_xet_artifacts.file_location import SCHEME
    from mlflow_xet_artifacts.file_opening import open_store

    if not location.lower().startswith(f"{SCHEME}:"):
        message = errors.explain(
            "This command is for local Xet stores",
            location=location,
            remedy=f"give it a location such as {SCHEME}:///srv/artifacts.xet; "
            "the Hub keeps the history of its repositories itself",
        )
        raise errors.invalid_parameter(message)
    return open_store(location)


def open_any(location: str) -> BlobStore:
    """Return the store of a location of either kind, for `check`."""
    from mlflow_xet_artifacts import file_opening, hub_opening
    from mlflow_xet_artifacts.file_location import SCHEME

    if location.lower().startswith(f"{SCHEME}:"):
        return file_opening.open_store(location)
    return hub_opening.open_store(location)


command_line.add_to(
    cli,
    Subject(
        distribution="mlflow-xet-artifacts",
        opening="mlflow_xet_artifacts.cli:open_any",
        repository="mlflow_xet_artifacts.repository:XetRepository",
    ),
)


def main() -> None:
    """Run the command line; errors are one sentence and exit code 1."""
    command_line.run(cli)


if __name__ == "__main__":
    main()
