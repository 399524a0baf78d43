"""What the demo's environment needs, read without importing anything of it: nox asks, too."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# What the model that every step logs is trained and loaded with; MLflow asks pip what it needs.
MODEL = ("matplotlib", "onnx", "onnxruntime", "pip", "scikit-learn", "skl2onnx")
STEP = "examples/demo_step.py"


def servers_of(plugin: Path) -> tuple[str, ...]:
    """Return the kinds of servers that a plugin's step asks for by `SERVERS = (…)`.

    Args:
        plugin: The plugin's folder.
    """
    path = plugin / STEP
    if not path.exists():
        return ()
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "SERVERS" for target in statement.targets
        ):
            return tuple(ast.literal_eval(statement.value))
    return ()
