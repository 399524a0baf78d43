"""Sees, in the environment it runs in, that MLflow finds what a distribution declares."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import distribution, metadata

# A clean interpreter that only imports MLflow: inside a test everything is imported already, and
# the commonest fault of a plugin, an import circle, stays hidden.
_IMPORT = """
import warnings
warnings.filterwarnings("error", message="Failure attempting to register")
import logging
records = []
class Keep(logging.Handler):
    def emit(self, record):
        records.append(record)
logging.getLogger("mlflow_plugin_core").addHandler(Keep())
import mlflow
import sys
assert not records, records
"""
_CHECKS = {
    "mlflow.artifact_repository": (
        "from mlflow.store.artifact import artifact_repository_registry as registry\n"
        "assert {name!r} in registry.get_registered_artifact_repositories()\n"
    ),
}


# A link or an image of Markdown that leads to a neighbour of the page.
_RELATIVE = re.compile(r"\]\((?![a-z][a-z+.-]*:|#)([^)\s]+)\)")


def check(name: str) -> None:
    """Load every entry point of one distribution as MLflow does, and look at its page."""
    page = str(metadata(name).json.get("description", ""))
    if not page or _RELATIVE.search(page):
        dead = ", ".join(_RELATIVE.findall(page)) or "it is empty"
        raise SystemExit(f"{name}: its page on the index has links that lead nowhere: {dead}")
    print(f"ok  {name}: the page on the index", flush=True)
    for point in distribution(name).entry_points:
        if not point.group.startswith("mlflow."):
            continue
        module = point.value.partition(":")[0]
        program = _IMPORT + (
            f"from importlib.metadata import distribution\n"
            f"(point,) = [p for p in distribution({name!r}).entry_points\n"
            f"            if (p.group, p.name) == ({point.group!r}, {point.name!r})]\n"
            f"assert point.load() is not None and {module!r} in sys.modules\n"
        )
        program += _CHECKS.get(point.group, "").format(name=point.name)
        subprocess.run([sys.executable, "-c", program], check=True)
        print(f"ok  {name}: {point.group} {point.name} = {point.value}", flush=True)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        check(argument)
