"""Writes the generated parts of the kit's pages: capabilities, tests and scenarios of each suite, and broken plugins.

A page of shared/plugin-testing/docs holds `<!-- suite NAME:begin -->` for a suite, or `<!-- broken:begin -->`.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from typing import TYPE_CHECKING, Any

from discover import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KIT = ROOT / "shared/plugin-testing"
_MARK = re.compile(r"<!-- (suite (\w+)|broken):begin -->.*?<!-- \1:end -->", re.DOTALL)
_TIERS = {"BASE": "base", "EXTENDED": "extended", "FULL": "full", "REFERENCE": "no level"}


def pages() -> dict[Path, str]:
    """Return the kit's pages that hold generated parts, as they should be."""
    found = {}
    for path in sorted((KIT / "docs").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if _MARK.search(text):
            found[path] = _MARK.sub(_replaced, text)
    return found


def _replaced(match: re.Match[str]) -> str:
    body = suite(match[2]) if match[2] else broken()
    return f"<!-- {match[1]}:begin -->\n{body}\n<!-- {match[1]}:end -->"


def suite(name: str) -> str:
    """Return the tables of one suite."""
    import mlflow_plugin_testing

    cls = getattr(mlflow_plugin_testing, name)
    tests: dict[str, list[str]] = {}
    for capability, sentence in _tests(cls):
        tests.setdefault(capability, []).append(sentence)
    parts = ["## What is tested\n", *([_capabilities(cls, tests)] if cls.capabilities else [])]
    for capability, sentences in tests.items():
        title = cls.capabilities[capability].facts.title if capability else "For each plugin"
        parts.append(f"### {title[0].upper()}{title[1:]}\n")
        parts += [f"- {sentence}" for sentence in sentences]
        parts.append("")
    return "\n".join(parts).rstrip()


def broken() -> str:
    """Return the table of the plugins that are broken on purpose."""
    sys.path.insert(0, str(KIT / "tests"))
    all_broken = importlib.import_module("broken.model").all_broken

    rows = ["| what is wrong with it | suite | rejected by |", "|---|---|---|"]
    for each in all_broken():
        suite_name = next(
            base.__name__
            for base in each.suite().__mro__
            if "mlflow_plugin_testing" in base.__module__
        )
        test = each.rejected_by.removeprefix("test_scenario[").removesuffix("]")
        rows.append(f"| {each.sentence} | {suite_name.removesuffix('Suite')} | {_sentence(test)} |")
    return "\n".join(rows)


def _capabilities(cls: Any, tests: dict[str, list[str]]) -> str:
    rows = ["| capability | asked for by | MLflow | tests | methods |", "|---|---|---|---|---|"]
    for capability in cls.capabilities:
        facts = capability.facts
        methods = ", ".join(f"`{method}`" for method in (*facts.methods, *facts.undeclared))
        since = f"{facts.since} and later" if facts.since else "all"
        count = len(tests.get(capability.name, []))
        rows.append(
            f"| {facts.title} | {_TIERS[facts.tier.name]} | {since} | {count} | {methods} |"
        )
    return "\n".join(rows) + "\n"


def _tests(cls: Any) -> Iterator[tuple[str, str]]:
    """Go through the tests of a suite, those with parameters as many."""
    for name, function in inspect.getmembers(cls, inspect.isfunction):
        if not name.startswith("test_"):
            continue
        marks = getattr(function, "pytestmark", [])
        cases = [case for mark in marks if mark.name == "parametrize" for case in mark.args[1]]
        if cases and all(hasattr(case, "id") for case in cases):
            for case in cases:
                yield _about(case.marks) or _about(marks), _sentence(str(case.id))
        else:
            yield _about(marks), _sentence(name)


def _about(marks: Any) -> str:
    return next((mark.args[0].name for mark in marks if mark.name == "mlflow_contract"), "")


def _sentence(name: str) -> str:
    return re.sub(r"^test_", "", re.sub(r"\[.*", "", name)).replace("_", " ")


def stale(complain: Callable[[str], None], *, check: bool) -> bool:
    """Write the pages, or tell which are out of date.

    Args:
        complain: Takes a sentence about each page that is out of date.
        check: Whether nothing is written.
    """
    found = False
    for path, text in pages().items():
        if path.read_text(encoding="utf-8") != text:
            found = True
            if check:
                complain(
                    f"{path.relative_to(ROOT)}: its tables are out of date; run `nox -s tables`"
                )
            else:
                path.write_text(text, encoding="utf-8")
    return found and check
