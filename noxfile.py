#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.10"
# dependencies = ["nox[uv]>=2025.2", "tomli; python_version < '3.11'"]
# ///
"""Every verb of a developer and of CI: `uv run noxfile.py -s NAME [-- PLUGIN… [FOR PYTEST…]]`.

Sets of plugins are discovered from folders. The parts that `tests` runs stand in `CI_PARTS`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "tools"))

import parallel  # noqa: E402  # tools/ is not a package on the path
from discover import MLFLOW_MINORS, PYTHONS, Distribution, distributions, needs, plugins  # noqa: E402
from matrix import MAIN  # noqa: E402

nox.needs_version = ">=2025.2"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["tests"]

NEWEST = MLFLOW_MINORS[-1]
CONSTRAINTS = ROOT / "constraints.txt"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "mlflow-plugins"
# What `tests` and so CI runs, the longest first: two at a time end sooner that way.
CI_PARTS = (
    "server",
    "unit",
    "wheel",
    "minimums",
    "tools",
    "demo",
    "together",
    "types",
    "docs",
    "lint",
)

# A missing interpreter is left out at once; nothing is downloaded behind the user's back.
os.environ.setdefault("UV_PYTHON_DOWNLOADS", "never")
os.environ.setdefault("UV_LINK_MODE", "copy" if os.name == "nt" else "hardlink")
# pyenv's shims answer "command not found" for versions that are there and not active.
if (_pyenv := Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions").is_dir():
    _found = [str(folder) for folder in sorted(_pyenv.glob("3.1[0-3]*/bin"))]
    os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], *_found])


def _available_pythons() -> list[str]:
    """Return the supported interpreters of this machine, the oldest first."""
    this = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = [item for item in PYTHONS if item == this or _runs(f"python{item}")]
    return found or [this]


def _runs(command: str) -> bool:
    for folder in os.environ["PATH"].split(os.pathsep):
        path = shutil.which(command, path=folder)
        if (
            path
            and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0
        ):
            return True
    return False


AVAILABLE = _available_pythons()
OLDEST_PYTHON, NEWEST_PYTHON = AVAILABLE[0], AVAILABLE[-1]


def _constraints(minor: str) -> str:
    return str(
        CONSTRAINTS if minor == NEWEST else ROOT / "tools/constraints" / f"mlflow-{minor}.txt"
    )


def _cells(found: list[Distribution]) -> list[nox._parametrize.Param]:
    """Return floor and newest MLflow of each: the floor on the oldest Python, and the other way."""
    cells = []
    for item in found:
        for minor, python in {item.floor: OLDEST_PYTHON, NEWEST: NEWEST_PYTHON}.items():
            cells.append(nox.param(python, item.short, minor, id=f"{item.short}-mlflow{minor}"))
    return cells


def _arguments(session: nox.Session) -> tuple[list[str], list[str]]:
    """Part the positional arguments into distributions and what goes to the tool."""
    known = {item.short for item in distributions()}
    chosen = [text for text in session.posargs if text in known]
    return chosen, [text for text in session.posargs if text not in known]


def _enter(session: nox.Session, short: str) -> Distribution:
    """Return the distribution of a session, or skip where others were chosen."""
    chosen, _ = _arguments(session)
    if chosen and short not in chosen:
        session.skip(f"{short} was not chosen")
    return next(item for item in distributions() if item.short == short)


def _editable(item: Distribution, *, extras: bool = True) -> list[str]:
    names = ",".join(item.own.get("test-extras", [])) if extras else ""
    suffix = f"[{names}]" if names else ""
    return ["-e", f"{item.folder}{suffix}"]


def _install_cell(session: nox.Session, item: Distribution, minor: str, *groups: str) -> None:
    parts = [*_editable(item)]
    for other in needs(item):
        parts += _editable(other)
    for group in groups:
        parts += ["--group", f"{item.folder}/pyproject.toml:{group}"]
    session.install(*parts, f"mlflow=={minor}.*", "-c", _constraints(minor))


def _pytest(session: nox.Session, item: Distribution, *arguments: str) -> None:
    _, extra = _arguments(session)
    named = any(Path(text.partition("::")[0]).exists() for text in extra)
    session.run(
        "pytest",
        "-c",
        str(ROOT / "pyproject.toml"),
        f"--rootdir={ROOT}",
        "-q",
        *arguments,
        *extra,
        *([] if named else [str(item.folder / "tests")]),
        # 5: a distribution without a test of this kind.
        success_codes=[0, 5],
    )


@nox.session(python=False)
def tests(session: nox.Session) -> None:
    """Run all that CI runs, two parts at a time, and print what each of them said."""
    part = [sys.executable, "-m", "nox", "-f", str(ROOT / "noxfile.py"), "-s"]
    chosen = ["--", *session.posargs] if session.posargs else []
    failed = parallel.run({name: [*part, name, *chosen] for name in CI_PARTS}, ROOT / "reports")
    if failed:
        session.error(f"failed: {', '.join(failed)}")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, layout, imports between modules, spelling and workflows."""
    tools = ["ruff", "import-linter", "codespell", "zizmor", "validate-pyproject"]
    # With their dependencies: the tables are made from the settings classes themselves.
    own = [part for item in distributions() for part in _editable(item, extras=False)]
    session.install(*tools, *own, "-c", str(CONSTRAINTS))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("python", "tools/check_layout.py")
    session.run("python", "tools/import_contracts.py", "reports/importlinter.ini")
    session.run("lint-imports", "--config", "reports/importlinter.ini")
    session.run("codespell", ".")
    session.run("zizmor", "--offline", "--quiet", ".github/workflows")
    _actionlint(session)
    session.run(
        "validate-pyproject", *[str(item.folder / "pyproject.toml") for item in distributions()]
    )
    session.run("python", "tools/tables.py", "--check")


def _actionlint(session: nox.Session) -> None:
    """Check the workflows with actionlint, where Go can build it; its wheel downloads a binary."""
    go = shutil.which("go")
    if go is None:
        session.log("actionlint left out: it is built by Go, which is not installed")
        return
    target = _CACHE / "bin"
    program = target / "actionlint"
    if not program.exists():
        package = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7"
        session.run(go, "install", package, external=True, env={"GOBIN": str(target)})
    session.run(str(program), *map(str, ROOT.glob(".github/workflows/*.yml")), external=True)


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
        session.install(*_editable(item), "-c", str(CONSTRAINTS))
    for item in distributions():
        session.run("mypy", str(item.folder / "src"))
    session.run("mypy", "tools", "noxfile.py")


@nox.session
@nox.parametrize("python,dist,mlflow", _cells(distributions()))
def unit(session: nox.Session, dist: str, mlflow: str) -> None:
    """Run the tests that need no server: floor and newest MLflow."""
    item = _enter(session, dist)
    _install_cell(session, item, mlflow, "test")
    _pytest(session, item, "-m", "not server")


@nox.session(python=PYTHONS)
def cell(session: nox.Session) -> None:
    """Run one cell of the workflows' matrix: `CELL_MLFLOW=3.9 … -s cell-3.10 -- DIST`."""
    minor = os.environ.get("CELL_MLFLOW", NEWEST)
    chosen, _ = _arguments(session)
    for short in chosen:
        item = _enter(session, short)
        _install_cell(session, item, NEWEST if minor == MAIN else minor, "test")
        if minor == MAIN:
            # The three overlap in files, so all of them come from one place.
            source = "git+https://github.com/mlflow/mlflow@master"
            session.install(
                f"mlflow @ {source}",
                f"mlflow-skinny @ {source}#subdirectory=libs/skinny",
                f"mlflow-tracing @ {source}#subdirectory=libs/tracing",
            )
        _pytest(session, item, "-m", "not server")


@nox.session(python=NEWEST_PYTHON)
@nox.parametrize("dist", [item.short for item in distributions()])
def server(session: nox.Session, dist: str) -> None:
    """Run the tests against the real systems; a missing one is a failure in CI."""
    item = _enter(session, dist)
    if not (item.own.get("servers") or (item.folder / "tests/server").is_dir()):
        session.skip(f"{dist} talks to no server")
    _install_cell(session, item, NEWEST, "test")
    session.install("-e", str(ROOT / "shared/plugin-servers"), "-c", str(CONSTRAINTS))
    _pytest(session, item, "-m", "server")


@nox.session(python=OLDEST_PYTHON)
@nox.parametrize("dist", [item.short for item in distributions()])
def minimums(session: nox.Session, dist: str) -> None:
    """Run the unit tests with the lowest direct dependencies on the oldest MLflow."""
    item = _enter(session, dist)
    parts = _editable(item)
    for other in needs(item):
        parts += _editable(other)
    # pytest's plugins have no floors of ours: they come pinned, and after the rest.
    session.install(
        *parts, f"mlflow=={item.floor}.*", "sqlalchemy<2.1", "--resolution=lowest-direct"
    )
    session.install("--group", f"{item.folder}/pyproject.toml:test", "-c", _constraints(item.floor))
    _pytest(session, item, "-m", "not server")


def _build(session: nox.Session, item: Distribution, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    # Without --wheel or --sdist the wheel is made from the sdist, as the index's users would.
    session.run("uv", "build", "-q", str(item.folder), "--out-dir", str(target), external=True)


@nox.session(python=NEWEST_PYTHON)
@nox.parametrize("dist", [item.short for item in distributions()])
def wheel(session: nox.Session, dist: str) -> None:
    """Build, check the contents, install alone, load the entry points, test from the sdist."""
    item = _enter(session, dist)
    target = Path(session.create_tmp()) / "dist"
    shutil.rmtree(target, ignore_errors=True)
    for other in [*needs(item), item]:
        _build(session, other, target)
    session.install("check-wheel-contents", "-c", str(CONSTRAINTS))
    stem = f"{item.module}-{item.version}"
    session.run("check-wheel-contents", str(target / f"{stem}-py3-none-any.whl"))
    extras = ",".join(item.own.get("test-extras", []))
    name = f"{item.name}[{extras}]" if extras else item.name
    session.install(
        f"{name}=={item.version}",
        f"mlflow=={NEWEST}.*",
        "--find-links",
        str(target),
        "--no-sources",
        "--reinstall-package",
        item.name,
        "--reinstall-package",
        "mlflow-plugin-core",
        "-c",
        str(CONSTRAINTS),
    )
    session.run("python", "tools/check_installed.py", item.name)
    session.install("--group", f"{item.folder}/pyproject.toml:test", "-c", str(CONSTRAINTS))
    shutil.unpack_archive(target / f"{stem}.tar.gz", target)
    session.chdir(target / stem)
    tests = Path("tests")
    session.run(
        "pytest",
        "-q",
        "-c",
        str(ROOT / "pyproject.toml"),
        f"--rootdir={tests.resolve()}",
        "-m",
        "not server",
        str(tests),
        success_codes=[0, 5],
    )


@nox.session(python=NEWEST_PYTHON)
def together(session: nox.Session) -> None:
    """Install all plugins into one environment and see MLflow find every one of them."""
    parts = [part for item in distributions() for part in _editable(item, extras=False)]
    session.install(
        *parts, f"mlflow=={NEWEST}.*", "pytest", "pytest-timeout", "-c", str(CONSTRAINTS)
    )
    session.run("python", "tools/check_installed.py", *[item.name for item in plugins()])


@nox.session(python=NEWEST_PYTHON)
def tools(session: nox.Session) -> None:
    """Test the tools of this repository; makes a plugin of each kind of the template."""
    session.install(
        "pytest", "pytest-timeout", "hypothesis", "nox[uv]", "ruff", "-c", str(CONSTRAINTS)
    )
    session.run("pytest", "-q", *(session.posargs or ["tests"]))


@nox.session(python=NEWEST_PYTHON)
@nox.parametrize("dist", [item.short for item in plugins()])
def bench(session: nox.Session, dist: str) -> None:
    """Measure speed and memory beside the peer and the raw driver."""
    item = _enter(session, dist)
    program = item.folder / "benchmarks/run.py"
    if not program.exists():
        session.skip(f"{dist} has no benchmark")
    _install_cell(session, item, NEWEST, *({"bench"} & set(item.metadata["dependency-groups"])))
    session.install("-e", str(ROOT / "shared/plugin-servers"), "-c", str(CONSTRAINTS))
    _, extra = _arguments(session)
    session.run("python", str(program), *extra)


# What the demo trains and stores; the plugins themselves need none of it.
DEMO_PACKAGES = ("scikit-learn", "skl2onnx", "onnx", "onnxruntime", "matplotlib", "rich", "pip")


@nox.session(python=NEWEST_PYTHON, reuse_venv=False)
def demo(session: nox.Session) -> None:
    """Build the wheels, install them in a clean environment, and run the main job there."""
    target = Path(session.create_tmp()) / "wheels"
    shutil.rmtree(target, ignore_errors=True)
    for item in distributions():
        if item.is_plugin or any(item in needs(other) for other in plugins()):
            _build(session, item, target)
    session.install(
        *[item.name for item in plugins()],
        *DEMO_PACKAGES,
        f"mlflow=={NEWEST}.*",
        "--no-sources",
        "--find-links",
        str(target),
        "-c",
        str(CONSTRAINTS),
    )
    _, extra = _arguments(session)
    session.run("python", "tools/demo.py", *extra)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site, strictly."""
    session.install("sphinx", "myst-parser", "furo", "-c", str(CONSTRAINTS))
    for item in distributions():
        session.install(*_editable(item, extras=False), "-c", str(CONSTRAINTS))
    session.run("python", "tools/collect_docs.py")
    session.run("sphinx-build", "-W", "-n", "-q", "-b", "html", "docs", "docs/_build/html")


@nox.session
def tables(session: nox.Session) -> None:
    """Write the generated tables of the READMEs anew."""
    for item in distributions():
        session.install(*_editable(item, extras=False), "-c", str(CONSTRAINTS))
    session.run("python", "tools/tables.py", *session.posargs)


@nox.session(python=False)
def affected(session: nox.Session) -> None:
    """Print the distributions that a change concerns: `-- BASE`, by default origin/main."""
    session.run(sys.executable, "tools/affected.py", *session.posargs, external=True)


@nox.session(python=False)
def release_check(session: nox.Session) -> None:
    """Check that tag, version and changelog agree: `-- DIST-vX.Y.Z`."""
    session.run(sys.executable, "tools/release.py", *session.posargs, external=True)


@nox.session(python=False)
def build(session: nox.Session) -> None:
    """Build sdist and wheel into dist/."""
    chosen, _ = _arguments(session)
    for item in distributions():
        if not chosen or item.short in chosen:
            _build(session, item, ROOT / "dist")


@nox.session
def publish(session: nox.Session) -> None:
    """Publish one distribution from dist/; the release workflow does it without any secret."""
    chosen, _ = _arguments(session)
    if len(chosen) != 1:
        session.error("name one distribution: -- sqlserver-artifacts")
    item = next(item for item in distributions() if item.short == chosen[0])
    files = sorted(map(str, (ROOT / "dist").glob(f"{item.module}-{item.version}*")))
    session.run("uv", "publish", *files, external=True)


@nox.session
def news(session: nox.Session) -> None:
    """Write the changelog of one distribution from its fragments: `-- sqlserver-artifacts`."""
    chosen, extra = _arguments(session)
    session.install("towncrier", "-c", str(CONSTRAINTS))
    for item in distributions():
        if item.short in chosen:
            with session.chdir(item.folder):
                session.run("towncrier", "build", "--yes", "--version", item.version, *extra)


@nox.session(python=False)
def new_plugin(session: nox.Session) -> None:
    """Make a plugin: `-- NAME --kind artifact_repository`."""
    session.run(sys.executable, "tools/new_plugin.py", *session.posargs, external=True)


@nox.session(python=False)
def pin(session: nox.Session) -> None:
    """Resolve the pinned environments anew."""
    session.run(sys.executable, "tools/pin.py", external=True)


if __name__ == "__main__":
    nox.main()
