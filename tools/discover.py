"""Finds the distributions of this repository in their folders; nothing lists them by hand."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent

# The minors that are tested; the last one is the newest that installs. A plugin's floor is what its
# own requirement on mlflow-skinny says.
MLFLOW_MINORS = ("2.22", "3.5", "3.9", "3.12", "3.17")
PYTHONS = ("3.10", "3.11", "3.12", "3.13")

_REQUIREMENT = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True)
class Distribution:
    """One folder that becomes one package on the index."""

    folder: Path
    metadata: dict[str, Any]

    @property
    def short(self) -> str:
        """The folder's name, by which sessions choose it."""
        return self.folder.name

    @property
    def name(self) -> str:
        """The name on the index."""
        return str(self.metadata["project"]["name"])

    @property
    def module(self) -> str:
        """The import name."""
        return self.name.replace("-", "_")

    @property
    def is_plugin(self) -> bool:
        """Whether it stands under plugins/."""
        return self.folder.parent.name == "plugins"

    @property
    def description(self) -> str:
        """One sentence."""
        return str(self.metadata["project"]["description"])

    @property
    def own(self) -> dict[str, Any]:
        """What `[tool.mlflow-plugin]` says: SDKs, test extras, servers, coverage."""
        return dict(self.metadata.get("tool", {}).get("mlflow-plugin", {}))

    @property
    def entry_points(self) -> dict[str, dict[str, str]]:
        """MLflow's groups, each with its names."""
        groups = self.metadata["project"].get("entry-points", {})
        return {group: names for group, names in groups.items() if group.startswith("mlflow.")}

    @property
    def requirements(self) -> set[str]:
        """Names of everything it needs, in extras and dependency groups too."""
        project = self.metadata["project"]
        listed = list(project.get("dependencies", []))
        for extra in project.get("optional-dependencies", {}).values():
            listed += extra
        for group in self.groups.values():
            listed += [item for item in group if isinstance(item, str)]
        return {match.group(1).lower() for item in listed if (match := _REQUIREMENT.match(item))}

    @property
    def groups(self) -> dict[str, list[Any]]:
        """What its tests, its benchmark and its step of the demo need besides."""
        return dict(self.metadata.get("dependency-groups", {}))

    @property
    def floor(self) -> str | None:
        """The oldest MLflow minor it supports; None where it does not need MLflow."""
        for item in self.metadata["project"].get("dependencies", []):
            if match := re.match(r"mlflow(?:-skinny)?>=(\d+\.\d+)", item):
                return match.group(1)
        return None

    @property
    def minors(self) -> list[str]:
        """The tested MLflow minors from its floor on; none where it does not need MLflow."""
        floor = self.floor
        if floor is None:
            return []
        return [minor for minor in MLFLOW_MINORS if _number(minor) >= _number(floor)]

    @property
    def version(self) -> str:
        """The version in its `__about__.py`."""
        text = (self.folder / "src" / self.module / "__about__.py").read_text(encoding="utf-8")
        match = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
        if match is None:
            message = f"{self.folder}: __about__.py has no __version__"
            raise ValueError(message)
        return match.group(1)


def _number(minor: str) -> tuple[int, ...]:
    return tuple(int(part) for part in minor.split("."))


def distributions(root: Path = ROOT) -> list[Distribution]:
    """Return every distribution, the shared ones first, in the order of their names."""
    return [
        Distribution(path.parent, tomllib.loads(path.read_text(encoding="utf-8")))
        for parent in ("shared", "plugins")
        for path in sorted((root / parent).glob("*/pyproject.toml"))
    ]


def plugins(root: Path = ROOT) -> list[Distribution]:
    """Return the distributions under plugins/."""
    return [item for item in distributions(root) if item.is_plugin]


def by_name(name: str, root: Path = ROOT) -> Distribution:
    """Return a distribution by its folder's name or its name on the index.

    Raises:
        LookupError: Naming what there is.
    """
    found = {key: item for item in distributions(root) for key in (item.short, item.name)}
    if name not in found:
        known = ", ".join(item.short for item in distributions(root))
        message = f"There is no distribution {name!r}; there are: {known}"
        raise LookupError(message)
    return found[name]


def needs(item: Distribution, root: Path = ROOT) -> list[Distribution]:
    """Return the distributions of this repository that one needs to run, itself left out."""
    own = {other.name: other for other in distributions(root)}
    listed = item.metadata["project"].get("dependencies", [])
    names = {match.group(1).lower() for text in listed if (match := _REQUIREMENT.match(text))}
    direct = [own[name] for name in sorted(names & set(own))]
    return direct + [far for near in direct for far in needs(near, root) if far not in direct]
