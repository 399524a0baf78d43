"""What is said about one broken plugin."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import broken

if TYPE_CHECKING:
    from mlflow_plugin_testing.suite import PluginSuite

__all__ = ["Broken", "all_broken"]


@dataclass(frozen=True)
class Broken:
    """One broken plugin.

    Attributes:
        name: A few words, as a slug: `last-page-lost`.
        sentence: What it does wrong, for the reader of the table.
        suite: The suite that it is given to, by a function, so that nothing is imported before it is needed.
        fixtures: The fixtures of the test class by name; each is called with the test's temporary folder.
        rejected_by: The test of the suite that fails: `test_scenario[a_page_is_followed_by_the_next_one]`.
    """

    name: str
    sentence: str
    suite: Callable[[], type[PluginSuite]]
    fixtures: Mapping[str, Callable[[Path], Any]]
    rejected_by: str


def all_broken() -> list[Broken]:
    """Collect the broken plugins of all modules."""
    found: list[Broken] = []
    for module in pkgutil.iter_modules(broken.__path__, "broken."):
        found += getattr(importlib.import_module(module.name), "BROKEN", [])
    return found
