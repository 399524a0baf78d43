"""What the command line of every artifact plugin has: check, copy, and clean where parts may be left.

    SUBJECT = Subject(
        distribution="mlflow-example",
        opening="mlflow_example.opening:open_store",
        repository="mlflow_example.repository:ExampleRepository",
    )
    command_line.add_to(cli, SUBJECT)

`cli` is the plugin's own click group, and its `main` is `command_line.run(cli)`.
"""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow_plugin_core.checks import Subject

_TITLE_WIDTH = 52


def add_to(group: click.Group, subject: Subject) -> None:
    """Add `check` and `copy` to a plugin's group, and `clean` for an object service."""
    group.add_command(_check(subject))
    group.add_command(copy)
    if subject.objects:
        group.add_command(_clean(subject))


def run(command: Callable[[], object]) -> None:
    """Run a command line; MLflow's errors are one sentence and exit code 1."""
    from mlflow.exceptions import MlflowException

    try:
        command()
    except MlflowException as error:
        click.echo(f"error: {error.message}", err=True)
        sys.exit(1)


def _check(subject: Subject) -> click.Command:
    @click.command()
    @click.argument("location")
    def check(location: str) -> None:
        """Test LOCATION step by step: settings, connection, and each right; leaves nothing there."""
        from mlflow_plugin_core import checks

        failed = 0
        for step in checks.run(subject, location):
            if step.error is None:
                click.echo(f"ok      {step.title:<{_TITLE_WIDTH}} {step.seconds * 1000:7.1f} ms")
            else:
                failed += 1
                click.echo(f"FAILED  {step.title}\n        {step.error.message}")
        if failed:
            sys.exit(1)

    return check


@click.command()
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


def _clean(subject: Subject) -> click.Command:
    @click.command()
    @click.argument("location")
    @click.option(
        "--older-than",
        type=click.FloatRange(min=0),
        default=24.0,
        show_default=True,
        help="Hours since an upload was begun.",
    )
    @click.option("--dry-run", is_flag=True, help="Only list them.")
    def clean(location: str, older_than: float, dry_run: bool) -> None:  # noqa: FBT001  # click
        """Give up the uploads in parts that were begun below LOCATION and never ended.

        The service keeps their parts, and bills them, until somebody does.
        """
        store, limit = subject.open_store(location), dt.timedelta(hours=older_than)
        found = store.pending_uploads(limit) if dry_run else store.clean(limit)
        for upload in found:
            click.echo(f"{upload.initiated:%Y-%m-%d %H:%M}  {upload.key}")
        click.echo(f"{len(found)} unfinished uploads {'found' if dry_run else 'given up'}")

    return clean
