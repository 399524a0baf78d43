"""Tells which distributions a change concerns, by the true dependencies in the pyproject files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from discover import ROOT, Distribution, distributions

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# A change outside of the distributions' folders concerns all of them, but for these.
_HARMLESS = (
    "docs/",
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CODE_OF_CONDUCT.md",
    "LICENSE",
)


def affected(changed: Iterable[str], root: Path = ROOT) -> list[Distribution]:
    """Return the distributions to test for a set of changed paths.

    Args:
        changed: Paths relative to the root, with forward slashes.
        root: The repository.
    """
    everything = distributions(root)
    folders = {f"{item.folder.relative_to(root).as_posix()}/": item for item in everything}
    touched: set[str] = set()
    for path in changed:
        owner = next((item for folder, item in folders.items() if path.startswith(folder)), None)
        if owner is not None:
            touched.add(owner.name)
        elif not path.startswith(_HARMLESS):
            return everything
    return [item for item in everything if _closure(item, everything) & touched]


def _closure(item: Distribution, everything: list[Distribution]) -> set[str]:
    """Return the names of an item and of all that it needs, in its tests too."""
    known = {other.name: other for other in everything}
    found: set[str] = set()
    waiting = [item.name]
    while waiting:
        name = waiting.pop()
        if name in known and name not in found:
            found.add(name)
            waiting += known[name].requirements
            if known[name].own.get("servers"):
                waiting.append("mlflow-plugin-servers")
            if (known[name].folder / "tests/conformance").is_dir():
                waiting.append("mlflow-plugin-testing")
    return found


def changed_since(base: str, root: Path = ROOT) -> list[str]:
    """Return the paths that differ from where this branch left a commit.

    Args:
        base: The commit; "" where there is none to compare with, and every file is new.
        root: The repository.
    """
    # A moved file concerns the place it left as well, and -z leaves odd names as they are.
    command = ["git", "diff", "--no-renames", "--name-only", "-z", f"{base}...HEAD"]
    if not base:
        command = ["git", "ls-tree", "-r", "--name-only", "-z", "HEAD"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout
    return [os.fsdecode(name) for name in listed.split(b"\0") if name]


if __name__ == "__main__":
    since = sys.argv[1] if len(sys.argv) > 1 else "origin/main"
    print(json.dumps([item.short for item in affected(changed_since(since))]))
