#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.10,<3.14"
# dependencies = ["nox[uv]>=2025.2", "tomli; python_version < '3.11'"]
# ///
"""Every verb of a developer and of CI: `uv run noxfile.py -s NAME [-- PLUGIN… [FOR PYTEST…]]`.

Sets of plugins are discovered from folders. The parts that `tests` runs stand in tools/parts.py.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "tools"))
# Run as a program this file is loaded twice, and nox forgets all sessions in between: a module that
# is there already would not declare its own again.
sys.modules.pop("maintenance", None)

import actionlint  # noqa: E402  # tools/ is not a package on the path
import demo_needs  # noqa: E402
import interpreters  # noqa: E402
import maintenance  # noqa: E402, F401  # its sessions
import parallel  # noqa: E402
import parts  # noqa: E402
from discover import PYTHONS, Distribution, by_name, distributions, needs, plugins  # noqa: E402
from matrix import MAIN, NONE  # noqa: E402
from requirements import (  # noqa: E402
    CONSTRAINTS,
    NEWEST,
    built_files,
    constraints_of,
    editable,
    group_of,
    newest_minor,
    pinned_mlflow,
    with_needs,
)
from session_basics import SHORTS, build_files, choice, install_servers, named  # noqa: E402

nox.needs_version = ">=2025.2"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["tests"]

REPORTS = ROOT / "reports"
# Each server takes memory, and four parts may have started what they need at the same time.
MOST_AT_ONCE = 4
# The kit of shared/plugin-testing, which these tests are made of, is in its own session's environment.
CONFORMANCE = "tests/conformance"
NO_CONFORMANCE = "--ignore-glob=*/tests/conformance/*"
# Without network: a test that reaches for one fails, unless it says that it needs loopback. What
# stands in tests/server may import what only the session `server` installs.
CLOSED = (
    "--ignore-glob=*/tests/server/*",
    NO_CONFORMANCE,
    "--disable-socket",
    "--allow-unix-socket",
)
WITHOUT_SERVERS = ("-m", "not server", *CLOSED)
# The wheel and the lowest dependencies: what takes minutes is not told apart by them.
QUICK = ("-m", "not server and not slow", *CLOSED)

# A missing interpreter is left out at once; nothing is downloaded behind the user's back.
os.environ.setdefault("UV_PYTHON_DOWNLOADS", "never")
os.environ.setdefault("UV_LINK_MODE", "copy" if os.name == "nt" else "hardlink")
interpreters.extend_path()
AVAILABLE = interpreters.available()
OLDEST_PYTHON, NEWEST_PYTHON = AVAILABLE[0], AVAILABLE[-1]


def _cells() -> list[nox._parametrize.Param]:
    """Return floor and newest MLflow of each: the floor on the oldest Python, and the other way."""
    cells = []
    for item in distributions():
        if item.floor is None:
            for python in dict.fromkeys((OLDEST_PYTHON, NEWEST_PYTHON)):
                name = f"{item.short}-python{python}"
                cells.append(nox.param(python, item.short, NONE, id=name))
            continue
        also = dict.fromkeys(item.own.get("also-mlflow", []), OLDEST_PYTHON)
        for minor, python in {item.floor: OLDEST_PYTHON, **also, NEWEST: NEWEST_PYTHON}.items():
            cells.append(nox.param(python, item.short, minor, id=f"{item.short}-mlflow{minor}"))
    return cells


def _enter(session: nox.Session, short: str) -> Distribution:
    """Return the distribution of a session, or skip where others were chosen."""
    chosen = choice(session)
    if chosen.paths and not chosen.shorts:
        session.error(f"{chosen.paths[0][0]} belongs to no distribution: -s tools runs it")
    if not chosen.includes(short):
        session.skip(f"{short} was not chosen")
    return by_name(short)


def _install_cell(session: nox.Session, item: Distribution, minor: str, *groups: str) -> None:
    parts = [*with_needs(item), *pinned_mlflow(minor)]
    parts += [part for group in groups for part in group_of(item, group)]
    session.install(*parts, "-c", constraints_of(minor))


def _pytest(
    session: nox.Session,
    item: Distribution,
    *arguments: str,
    folder: str = "tests",
    measured: bool = False,
) -> None:
    chosen = choice(session)
    extra = chosen.for_pytest(item.short)
    floor = item.own.get("coverage")
    if measured and floor and not extra:
        report = REPORTS / "coverage" / item.short
        arguments += (
            *(f"--cov={item.module}", "--cov-branch", f"--cov-config={ROOT / 'pyproject.toml'}"),
            *("--cov-report=term:skip-covered", f"--cov-report=html:{report}"),
            f"--cov-fail-under={floor}",
        )
    session.run(
        "pytest",
        "-c",
        str(ROOT / "pyproject.toml"),
        f"--rootdir={ROOT}",
        "-q",
        *arguments,
        *extra,
        *([] if chosen.paths_of(item.short) else [str(item.folder / folder)]),
        # 5: a distribution without a test of this kind. Who chose tests meant to run some.
        success_codes=[0] if extra else [0, 5],
        # Two sessions may measure at once.
        env={"COVERAGE_FILE": str(REPORTS / "coverage" / f"data-{item.short}")},
    )


@nox.session(python=False)
def tests(session: nox.Session) -> None:
    """Run all that CI runs, a part for each core, and print what each said and what it left out."""
    program = [sys.executable, "-m", "nox", "-f", str(ROOT / "noxfile.py"), "-s"]
    commands = parts.commands(choice(session), program)
    missing = [f"Python {item}: not on this machine" for item in PYTHONS if item not in AVAILABLE]
    at_once = max(2, min(os.cpu_count() or 2, MOST_AT_ONCE))
    failed = parallel.run(commands, REPORTS, at_once=at_once, left_out=missing)
    if failed:
        session.error(f"failed: {', '.join(failed)}")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, layout, imports between modules, spelling and workflows."""
    tools = ["ruff", "import-linter", "codespell", "zizmor", "validate-pyproject"]
    # With their dependencies: the tables are made from the settings classes themselves.
    own = [part for item in distributions() for part in editable(item, extras=False)]
    session.install(*tools, *own, "-c", str(CONSTRAINTS))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("python", "tools/check_layout.py")
    session.run("python", "tools/import_contracts.py", "reports/importlinter.ini")
    session.run("lint-imports", "--config", "reports/importlinter.ini")
    session.run("codespell", ".")
    session.run("zizmor", "--offline", "--quiet", ".github/workflows")
    actionlint.run(session)
    session.run(
        "validate-pyproject", *[str(item.folder / "pyproject.toml") for item in distributions()]
    )
    session.run("python", "tools/tables.py", "--check")


@nox.session
def fmt(session: nox.Session) -> None:
    """Format the code and repair what ruff can."""
    session.install("ruff", "-c", str(CONSTRAINTS))
    session.run("ruff", "check", "--fix-only", ".")
    session.run("ruff", "format", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    session.install("mypy", "types-pymysql", "nox", "pytest", "rich", "-c", str(CONSTRAINTS))
    for item in distributions():
        session.install(*editable(item), "-c", str(CONSTRAINTS))
    for item in distributions():
        session.run("mypy", str(item.folder / "src"))
    session.run("mypy", "tools", "noxfile.py")


@nox.session
@nox.parametrize("python,dist,mlflow", _cells())
def unit(session: nox.Session, dist: str, mlflow: str) -> None:
    """Run the tests that need no server: floor and newest MLflow."""
    item = _enter(session, dist)
    _install_cell(session, item, mlflow, "test")
    # The newest alone is measured, so that the other half costs nothing.
    newest = session.python == NEWEST_PYTHON and mlflow == newest_minor(item)
    _pytest(session, item, *WITHOUT_SERVERS, measured=newest)


@nox.session(python=PYTHONS)
def cell(session: nox.Session) -> None:
    """Run one cell of the workflows' matrix: `CELL_MLFLOW=3.9 … -s cell-3.10 -- DIST`."""
    for item in named(session):
        minor = os.environ.get("CELL_MLFLOW", newest_minor(item))
        _install_cell(session, item, NEWEST if minor == MAIN else minor, "test")
        if minor == MAIN:
            # The three overlap in files, so all of them come from one place.
            source = "git+https://github.com/mlflow/mlflow@master"
            session.install(
                f"mlflow @ {source}",
                f"mlflow-skinny @ {source}#subdirectory=libs/skinny",
                f"mlflow-tracing @ {source}#subdirectory=libs/tracing",
            )
        _pytest(session, item, *WITHOUT_SERVERS)


@nox.session(python=NEWEST_PYTHON)
@nox.parametrize("dist", SHORTS)
def server(session: nox.Session, dist: str) -> None:
    """Run the tests against the real systems; a missing one is a failure in CI."""
    item = _enter(session, dist)
    if not (item.own.get("servers") or (item.folder / "tests/server").is_dir()):
        session.skip(f"{dist} talks to no server")
    _install_cell(session, item, newest_minor(item), "test")
    install_servers(session, item, str(CONSTRAINTS))
    _pytest(session, item, "-m", "server", NO_CONFORMANCE)


@nox.session
@nox.parametrize("python,dist,mlflow", _cells())
def conformance(session: nox.Session, dist: str, mlflow: str) -> None:
    """Hold a plugin against MLflow's contract with the kit; the report is left in reports/."""
    item = _enter(session, dist)
    if not (item.folder / CONFORMANCE).is_dir():
        session.skip(f"{dist} has no conformance tests")
    paths = choice(session).paths_of(dist)
    if paths and not any(CONFORMANCE in path for path in paths):
        session.skip("a conformance test was not chosen")
    _install_cell(session, item, mlflow, "test")
    session.install("-e", str(ROOT / "shared/plugin-testing"), "-c", constraints_of(mlflow))
    install_servers(session, item, constraints_of(mlflow))
    report = REPORTS / "conformance" / f"{dist}-mlflow{mlflow}.json"
    level = item.own.get("level", "full")
    asked = (f"--mlflow-plugin-level={level}", f"--mlflow-plugin-json={report}")
    _pytest(session, item, *asked, folder=CONFORMANCE)


@nox.session(python=OLDEST_PYTHON)
@nox.parametrize("dist", SHORTS)
def minimums(session: nox.Session, dist: str) -> None:
    """Run the unit tests with the lowest direct dependencies on the oldest MLflow."""
    item = _enter(session, dist)
    minor = item.floor or NONE
    old = [*pinned_mlflow(minor), "sqlalchemy<2.1"] if item.floor else []
    # pytest's plugins have no floors of ours: they come pinned, and after the rest.
    session.install(*with_needs(item), *old, "--resolution=lowest-direct")
    session.install(*group_of(item, "test"), "-c", constraints_of(minor))
    _pytest(session, item, *QUICK)


@nox.session(python=NEWEST_PYTHON)
@nox.parametrize("dist", SHORTS)
def wheel(session: nox.Session, dist: str) -> None:
    """Build, check the contents, install alone, load the entry points, test from the sdist.

    `WHEEL_FROM=dist` checks the files that `build` left there instead of building: those that a
    release publishes. What they need then comes from the index, as for everybody who installs them.
    """
    item = _enter(session, dist)
    work = Path(session.create_tmp()).resolve()
    shutil.rmtree(work / "built", ignore_errors=True)
    target = ROOT / os.environ.get("WHEEL_FROM", work / "built")
    if "WHEEL_FROM" not in os.environ:
        for each in (*needs(item), item):
            build_files(session, each, target)
    sdist, built = built_files(item, target)
    session.install("check-wheel-contents", "-c", str(CONSTRAINTS))
    session.run("check-wheel-contents", str(built))
    extras = ",".join(item.own.get("test-extras", []))
    found_there = [] if "WHEEL_FROM" in os.environ else ["--find-links", str(target)]
    fresh = [part for each in (item, *needs(item)) for part in ("--reinstall-package", each.name)]
    session.install(
        f"{item.name}{f'[{extras}]' if extras else ''} @ {built.as_uri()}",
        *pinned_mlflow(newest_minor(item)),
        *found_there,
        "--no-sources",
        *fresh,
        "-c",
        str(CONSTRAINTS),
    )
    session.run("python", "tools/check_installed.py", item.name)
    session.install(*group_of(item, "test"), "-c", str(CONSTRAINTS))
    shutil.unpack_archive(sdist, work / "built")
    unpacked = work / "built" / sdist.name.removesuffix(".tar.gz")
    session.chdir(unpacked)
    session.run(
        *("pytest", "-q", "-c", str(ROOT / "pyproject.toml")),
        # The pattern among these is for whole paths, and begins at the folder of the repository.
        *(f"--rootdir={unpacked.resolve()}", *QUICK),
        *("--ignore=tests/server", "--ignore=tests/conformance", "tests"),
        success_codes=[0, 5],
    )


@nox.session(python=NEWEST_PYTHON)
def together(session: nox.Session) -> None:
    """Install all plugins into one environment and see MLflow find every one of them."""
    parts = [part for item in distributions() for part in editable(item, extras=False)]
    pytest = ("pytest", "pytest-timeout", "tomli", "pip")
    session.install(*parts, *pytest, *pinned_mlflow(NEWEST), "-c", str(CONSTRAINTS))
    session.run("pytest", "-q", "tests/together")


@nox.session(python=NEWEST_PYTHON)
def tools(session: nox.Session) -> None:
    """Test the tools of this repository; makes a plugin of each kind of the template."""
    needed = ("pytest", "pytest-timeout", "nox[uv]", "tomli", "ruff", "import-linter", "rich")
    session.install(*needed, "-c", str(CONSTRAINTS))
    session.install("-e", str(ROOT / "shared/plugin-servers"), "-c", str(CONSTRAINTS))
    chosen = choice(session)
    everything = ["tests", "--ignore=tests/together"]
    session.run("pytest", "-q", *chosen.options, *(chosen.paths_of("") or everything))


@nox.session(python=NEWEST_PYTHON)
@nox.parametrize("dist", [item.short for item in plugins()])
def bench(session: nox.Session, dist: str) -> None:
    """Measure speed and memory beside the peer and the raw driver."""
    item = _enter(session, dist)
    program = item.folder / "benchmarks/run.py"
    if not program.exists():
        session.skip(f"{dist} has no benchmark")
    _install_cell(session, item, NEWEST, "bench")
    session.install("-e", str(ROOT / "shared/plugin-servers"), "-c", str(CONSTRAINTS))
    session.run("python", str(program), *choice(session).options)


@nox.session(python=NEWEST_PYTHON, reuse_venv=False)
def demo(session: nox.Session) -> None:
    """Build the wheels, install them in a clean environment, and run the main job there."""
    chosen = choice(session)
    # A shared library is shown at work in the plugins that need it.
    shown = [
        item
        for item in plugins()
        if any(chosen.includes(each.short) for each in (item, *needs(item)))
    ]
    if not shown:
        session.skip("a plugin was not chosen")
    target = Path(session.create_tmp()).resolve() / "wheels"
    shutil.rmtree(target, ignore_errors=True)
    asked = any(demo_needs.servers_of(item.folder) for item in shown)
    servers = [by_name("plugin-servers")] if asked else []
    # Each once, though several plugins need it.
    built = {each.name: each for one in (*shown, *servers) for each in (one, *needs(one))}
    for item in built.values():
        build_files(session, item, target)
    session.install(
        *[item.name for item in (*shown, *servers)],
        *[part for item in shown for part in group_of(item, "demo")],
        *("rich", *demo_needs.MODEL, *pinned_mlflow(NEWEST)),
        *("--no-sources", "--find-links", str(target)),
        # uv keeps wheels by name and version, and ours change under one version until a release.
        *[part for name in built for part in ("--reinstall-package", name)],
        *("-c", str(CONSTRAINTS)),
    )
    session.run("python", "tools/demo.py", *[item.short for item in shown], *chosen.options)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site, strictly."""
    session.install("sphinx", "myst-parser", "furo", "-c", str(CONSTRAINTS))
    for item in distributions():
        session.install(*editable(item, extras=False), "-c", str(CONSTRAINTS))
    session.run("python", "tools/collect_docs.py")
    session.run("sphinx-build", "-W", "-n", "-q", "-b", "html", "docs", "docs/_build/html")


if __name__ == "__main__":
    nox.main()
