"""A process of its own that uses a repository: what it answers does not come from the memory of the one that asks.

It reads one request a line, as JSON, and writes one answer a line. Whatever a plugin prints goes elsewhere.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["main"]


def main() -> None:
    """Answer until there is nothing more to read."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"value": _TASKS[request["task"]](_opener(request), **request["given"])}
        except Exception as error:  # noqa: BLE001  (the one that asked judges it)
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _opener(request: dict[str, Any]) -> Any:
    module, _, name = request["opener"].partition(":")
    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return lambda: found(request["uri"])


def _tree(opened: Any) -> dict[str, str]:
    from mlflow_plugin_testing.artifacts.content import read_tree

    if not opened().list_artifacts():
        return {}
    with tempfile.TemporaryDirectory() as folder:
        opened().download_artifacts("", folder)
        return read_tree(Path(folder))


def _log(opened: Any, local: str, folder: str | None) -> None:
    opened().log_artifact(local, folder)


def _listed(opened: Any, path: str | None) -> list[list[Any]]:
    return sorted(
        [info.path, info.is_dir, info.file_size] for info in opened().list_artifacts(path)
    )


def _memory(opened: Any, warm: str, local: str, folder: str) -> dict[str, int]:
    """Log a file and fetch it, and return by how many bytes this process grew above what a small file takes."""
    from mlflow_plugin_testing.artifacts.memory import Growth

    opened().log_artifact(warm)
    opened().download_artifacts(Path(warm).name, folder)
    growth = Growth()
    opened().log_artifact(local)
    up = growth.bytes()
    growth = Growth()
    opened().download_artifacts(Path(local).name, folder)
    return {"logged": up, "downloaded": growth.bytes()}


def _limited(opened: Any, path: str, folder: str, limit: int) -> str:
    """Fetch a file where no file may grow beyond a limit, and return the error; empty when there was none."""
    import resource

    opened().list_artifacts()
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        opened().download_artifacts(path, folder)
    except Exception as error:  # noqa: BLE001  (any error is right; none would be wrong)
        return f"{type(error).__name__}: {error}"
    return ""


_TASKS: dict[str, Any] = {
    "limited": _limited,
    "listed": _listed,
    "log": _log,
    "memory": _memory,
    "tree": _tree,
}

if __name__ == "__main__":
    main()
