"""What a session installs for a distribution, as arguments of `uv pip install`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from discover import MLFLOW_MINORS, ROOT, Distribution, needs
from matrix import NONE

if TYPE_CHECKING:
    from pathlib import Path

NEWEST = MLFLOW_MINORS[-1]
CONSTRAINTS = ROOT / "constraints.txt"


def constraints_of(minor: str) -> str:
    """Return the file that pins the environment of an MLflow minor."""
    newest = minor in {NEWEST, NONE}
    return str(CONSTRAINTS if newest else ROOT / "tools/constraints" / f"mlflow-{minor}.txt")


def editable(item: Distribution, *, extras: bool = True) -> list[str]:
    """Return the distribution itself, with the extras that its tests need."""
    names = ",".join(item.own.get("test-extras", [])) if extras else ""
    suffix = f"[{names}]" if names else ""
    return ["-e", f"{item.folder}{suffix}"]


def with_needs(item: Distribution) -> list[str]:
    """Return the distribution and what it needs of this repository."""
    return [part for each in (item, *needs(item)) for part in editable(each)]


def group_of(item: Distribution, name: str) -> list[str]:
    """Return one of its dependency groups, nothing where it has no such group."""
    return ["--group", f"{item.folder}/pyproject.toml:{name}"] if name in item.groups else []


def pinned_mlflow(minor: str) -> list[str]:
    """Return the newest MLflow of a minor."""
    return [] if minor == NONE else [f"mlflow=={minor}.*"]


def newest_minor(item: Distribution) -> str:
    """Return the newest minor that it is tested with."""
    return NEWEST if item.floor else NONE


def built_files(item: Distribution, folder: Path) -> tuple[Path, Path]:
    """Return sdist and wheel of this very version: 0.1.0rc1 is not 0.1.0."""
    stem = f"{item.module}-{item.version}"
    return folder / f"{stem}.tar.gz", folder / f"{stem}-py3-none-any.whl"
