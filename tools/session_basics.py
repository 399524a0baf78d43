"""What several sessions begin with: what the command line chose, and built files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import choose
from discover import ROOT, Distribution, by_name, distributions

if TYPE_CHECKING:
    from pathlib import Path

    import nox

SHORTS = [item.short for item in distributions()]


def choice(session: nox.Session) -> choose.Choice:
    """Return what stands behind `--`; ends the session where it names nothing that is there."""
    try:
        return choose.parse(session.posargs)
    except LookupError as error:
        session.error(str(error.args[0]))


def named(session: nox.Session) -> list[Distribution]:
    """Return the distributions of a session that has none by default."""
    chosen = choice(session)
    if not chosen.shorts:
        session.error(f"name a distribution: {', '.join(SHORTS)}")
    return [by_name(short) for short in chosen.shorts]


def install_servers(session: nox.Session, item: Distribution, constraints: str) -> None:
    """Install the fixtures of real servers, and make sure of those that are required.

    Some are built for minutes, which is more than a test may take.
    """
    session.install("-e", str(ROOT / "shared/plugin-servers"), "-c", constraints)
    servers = item.own.get("servers", [])
    if servers:
        names = [] if servers == ["all"] else servers
        prepare = ("-m", "mlflow_plugin_servers", "prepare", "--required", "--untried")
        session.run("python", *prepare, *names)


def build_files(session: nox.Session, item: Distribution, target: Path) -> None:
    """Build sdist and wheel of a distribution into a folder."""
    target.mkdir(parents=True, exist_ok=True)
    # Without --wheel or --sdist the wheel is made from the sdist, as the index's users would;
    # `hatch build` makes both from the tree, where a file that the sdist lacks is not missed.
    session.run("uv", "build", "-q", str(item.folder), "--out-dir", str(target), external=True)
