"""The sessions of those who look after the repository: versions, releases, new plugins, servers.

`noxfile.py` imports this module, and nox finds what is decorated here like what stands there.
"""

from __future__ import annotations

import sys

import nox

from discover import ROOT, by_name, distributions
from requirements import CONSTRAINTS, built_files, editable
from session_basics import SHORTS, build_files, choice, named


@nox.session(python=False)
def affected(session: nox.Session) -> None:
    """Print the distributions that a change concerns: `-- BASE`, by default origin/main."""
    session.run(sys.executable, "tools/affected.py", *session.posargs, external=True)


@nox.session(python=False)
def release_check(session: nox.Session) -> None:
    """Check that tag, version and changelog agree: `-- mlflow-DIST-vX.Y.Z`."""
    session.run(sys.executable, "tools/release.py", *session.posargs, external=True)


@nox.session(python=False)
def build(session: nox.Session) -> None:
    """Build sdist and wheel into dist/, of all distributions or of those chosen."""
    chosen = choice(session)
    for item in distributions():
        if chosen.includes(item.short):
            build_files(session, item, ROOT / "dist")


@nox.session(python=False)
def publish(session: nox.Session) -> None:
    """Publish one distribution's files from dist/ by hand; the release workflow needs no hand."""
    found = named(session)
    if len(found) != 1:
        session.error("one distribution at a time")
    session.run("uv", "publish", *map(str, built_files(found[0], ROOT / "dist")), external=True)


@nox.session
def version(session: nox.Session) -> None:
    """Print a version, or set it: `-- sqlserver-artifacts minor`, or `patch`, `rc`, `1.2.3`."""
    if not session.posargs:
        session.error(f"name a distribution: {', '.join(SHORTS)}")
    short, *wanted = session.posargs
    try:
        item = by_name(short)
    except LookupError as error:
        session.error(str(error.args[0]))
    # What `hatch version` runs, without the environment that it would make for each distribution.
    session.install(*item.metadata["build-system"]["requires"], "-c", str(CONSTRAINTS))
    with session.chdir(item.folder):
        session.run("python", "-m", "hatchling", "version", *wanted)


@nox.session
def news(session: nox.Session) -> None:
    """Write the changelog of one distribution from its fragments: `-- sqlserver-artifacts`."""
    found = named(session)
    session.install("towncrier", "-c", str(CONSTRAINTS))
    for item in found:
        with session.chdir(item.folder):
            extra = choice(session).options
            session.run("towncrier", "build", "--yes", "--version", item.version, *extra)


@nox.session
def tables(session: nox.Session) -> None:
    """Write the generated tables of the READMEs anew."""
    for item in distributions():
        session.install(*editable(item, extras=False), "-c", str(CONSTRAINTS))
    session.run("python", "tools/tables.py", *session.posargs)


@nox.session
def servers(session: nox.Session) -> None:
    """Fetch or build the real servers and try each: `-- postgresql s3`, or all of them."""
    session.install("-e", str(ROOT / "shared/plugin-servers"), "-c", str(CONSTRAINTS))
    session.run("python", "-m", "mlflow_plugin_servers", "prepare", *session.posargs)


@nox.session
def survey(session: nox.Session) -> None:
    """Run the kit on plugins that others have published, and write the page about them."""
    session.install("tomli", "-e", str(ROOT / "shared/plugin-servers"), "-c", str(CONSTRAINTS))
    session.run("python", "tools/survey.py", *session.posargs)


@nox.session
def new_plugin(session: nox.Session) -> None:
    """Make a plugin: `-- NAME --kind artifact_repository [--scheme SCHEME]`."""
    session.install("ruff", "tomli", "-c", str(CONSTRAINTS))
    session.run("python", "tools/new_plugin.py", *session.posargs)


@nox.session(python=False)
def pin(session: nox.Session) -> None:
    """Pin what is new in the environments; `-- --upgrade` resolves all of it anew."""
    session.run(sys.executable, "tools/pin.py", *session.posargs, external=True)
