"""Checks what no linter knows: sizes, file names, and who may look at MLflow's version."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING

from discover import ROOT, distributions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODULE_LINES = 400
FUNCTION_LINES = 60
_VERSION_NAMES = {"VERSION", "__version__"}


def faults(root: Path = ROOT) -> Iterator[str]:
    """Yield one sentence for each place that breaks a rule of the layout."""
    for item in distributions(root):
        for needed in ("README.md", "CHANGELOG.md", "LICENSE", "changes"):
            if not (item.folder / needed).exists():
                yield f"{item.folder.relative_to(root)}: has no {needed}"
        package = item.folder / "src" / item.module
        for needed in ("__init__.py", "__about__.py", "py.typed"):
            if not (package / needed).exists():
                yield f"{package.relative_to(root)}: has no {needed}"
        for path in sorted(package.rglob("*.py")):
            yield from _module_faults(path, root)


def _module_faults(path: Path, root: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    shown = path.relative_to(root)
    lines = text.count("\n")
    if lines > MODULE_LINES:
        yield f"{shown}: {lines} lines; a module is one idea, {MODULE_LINES} lines at most"
    tree = ast.parse(text)
    if ast.get_docstring(tree) is None:
        yield f"{shown}: has no docstring"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                yield f"{shown}:{node.lineno}: {node.name} has {length} lines"
        if path.name != "compat.py" and _reads_mlflow_version(node):
            line = getattr(node, "lineno", 1)
            yield f"{shown}:{line}: only compat.py looks at MLflow's version"


def _reads_mlflow_version(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "mlflow.version" or (
            node.module == "mlflow" and any(alias.name in _VERSION_NAMES for alias in node.names)
        )
    return (
        isinstance(node, ast.Attribute)
        and node.attr in _VERSION_NAMES
        and isinstance(node.value, ast.Name)
        and node.value.id == "mlflow"
    )


def main() -> int:
    """Print every fault; 1 if there is one."""
    found = list(faults())
    for fault in found:
        print(fault)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
