"""Resolves the pinned environments: versions only, no addresses, for every supported Python.

What is pinned stays as it is, and what is new is added; with --upgrade all of it is resolved anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from demo_needs import MODEL
from discover import MLFLOW_MINORS, PYTHONS, ROOT, distributions

# What the sessions install beside the distributions themselves.
TOOLS = """
check-wheel-contents
codespell
furo
import-linter
mypy
myst-parser
nox[uv]
rich
ruff
sphinx
towncrier
types-pymysql
validate-pyproject
zizmor
"""
# MLflow before 3.9 imports what SQLAlchemy 2.1 no longer has, and does not say so.
_OLD_SQLALCHEMY = "sqlalchemy<2.1"
_FIRST_WITHOUT = (3, 9)


def main(arguments: list[str]) -> None:
    """Write constraints.txt and one file for each older MLflow minor."""
    for minor in MLFLOW_MINORS:
        newest = minor == MLFLOW_MINORS[-1]
        target = ROOT / ("constraints.txt" if newest else f"tools/constraints/mlflow-{minor}.txt")
        wanted = [f"mlflow=={minor}.*", *([*TOOLS.split(), *MODEL] if newest else [])]
        if tuple(map(int, minor.split("."))) < _FIRST_WITHOUT:
            wanted.append(_OLD_SQLALCHEMY)
        # The demo runs on the newest MLflow only.
        left = frozenset() if newest else frozenset({"demo"})
        _compile([*wanted, *_own_needs(left, old=_OLD_SQLALCHEMY in wanted)], target, *arguments)


def _own_needs(left: frozenset[str], *, old: bool) -> list[str]:
    """Return what the distributions require, in extras and groups too, but for the groups left."""
    found = distributions()
    listed: list[str] = []
    for item in found:
        project = item.metadata["project"]
        listed += project.get("dependencies", [])
        listed += item.metadata["build-system"]["requires"]
        for name, extra in project.get("optional-dependencies", {}).items():
            # Its extra asks for a SQLAlchemy that the older MLflow versions cannot work with.
            listed += [] if name == "mssql-python" and old else extra
        for name, group in item.groups.items():
            listed += [] if name in left else group
    own = tuple(item.name for item in found)
    return [text for text in listed if not text.startswith(own)]


def _compile(wanted: list[str], target: Path, *options: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "requirements.in")
        source.write_text("\n".join(wanted), encoding="utf-8")
        subprocess.run(
            [
                os.environ.get("UV", "uv"),
                "pip",
                "compile",
                "-q",
                "--universal",
                f"--python-version={PYTHONS[0]}",
                "--no-header",
                "--no-annotate",
                "--no-emit-index-url",
                "--no-emit-find-links",
                f"--output-file={target}",
                *options,
                str(source),
            ],
            check=True,
            cwd=folder,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
