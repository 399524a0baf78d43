"""Resolves the pinned environments: versions only, no addresses, for every supported Python."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

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
matplotlib
onnx
onnxruntime
scikit-learn
skl2onnx
"""
# MLflow before 3.9 imports what SQLAlchemy 2.1 no longer has, and does not say so.
_OLD_SQLALCHEMY = "sqlalchemy<2.1"
_FIRST_WITHOUT = (3, 9)


def main() -> None:
    """Write constraints.txt and one file for each older MLflow minor."""
    for minor in MLFLOW_MINORS:
        newest = minor == MLFLOW_MINORS[-1]
        target = ROOT / ("constraints.txt" if newest else f"tools/constraints/mlflow-{minor}.txt")
        wanted = [f"mlflow=={minor}.*", *(TOOLS.split() if newest else [])]
        if tuple(map(int, minor.split("."))) < _FIRST_WITHOUT:
            wanted.append(_OLD_SQLALCHEMY)
        _compile(wanted, target)


def _compile(wanted: list[str], target: Path) -> None:
    own = {item.name for item in distributions()}
    for item in distributions():
        project = item.metadata["project"]
        listed = list(project.get("dependencies", []))
        for name, extra in project.get("optional-dependencies", {}).items():
            # Its extra asks for a SQLAlchemy that the older MLflow versions cannot work with.
            listed += [] if name == "mssql-python" and _OLD_SQLALCHEMY in wanted else extra
        for group in item.metadata.get("dependency-groups", {}).values():
            listed += group
        wanted += [text for text in listed if not any(text.startswith(name) for name in own)]
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
                "--upgrade",
                str(source),
            ],
            check=True,
            cwd=folder,
        )


if __name__ == "__main__":
    main()
