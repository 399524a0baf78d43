"""The report of a run, as JSON for programs and as a table for people."""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pydoc import locate
from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.__about__ import __version__
from mlflow_plugin_testing.levels import level_of, rows_of
from mlflow_plugin_testing.methods import public_methods
from mlflow_plugin_testing.verdicts import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from mlflow_plugin_testing.results import Results, Subject

__all__ = ["as_dict", "as_lines", "write_json"]

_FORMAT = 1
_NARROW = 60


def as_dict(results: Results) -> dict[str, Any]:
    """Return the report.

    Args:
        results: What became of the tests.

    Returns:
        What JSON can hold. `format` counts up when a key changes its meaning or goes away; new keys may come.
    """
    return {
        "format": _FORMAT,
        "kit": __version__,
        "mlflow": _version("mlflow"),
        "python": platform.python_version(),
        "platform": sys.platform,
        "plugins": [_subject(subject) for subject in results.subjects.values()],
    }


def write_json(results: Results, path: Path) -> None:
    """Write the report to a file.

    Args:
        results: What became of the tests.
        path: The file; its folder is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(as_dict(results), indent=2) + "\n", encoding="utf-8")


def as_lines(results: Results, *, wide: bool) -> list[str]:
    """Return the report for people.

    Args:
        results: What became of the tests.
        wide: Whether each capability has a line.

    Returns:
        Lines of text.
    """
    lines: list[str] = []
    for subject in results.subjects.values():
        lines.append(_headline(subject))
        if wide:
            lines += [f"  {line}" for line in _table(subject)]
            lines += [
                f"  FAILED {check.name}: {check.detail}"
                for check in subject.checks
                if check.outcome is Outcome.FAILED
            ]
            lines.append("")
    return lines


def _subject(subject: Subject) -> dict[str, Any]:
    public = _public(subject)
    return {
        "title": subject.title,
        "kind": subject.kind,
        "suite": subject.suite,
        "level": level_of(subject).name.lower(),
        "deselected": subject.deselected,
        "declared": subject.claims,
        "capabilities": [
            {
                "name": row.capability.name if row.capability else "",
                "title": row.title,
                "tier": row.tier.name.lower(),
                "support": row.cell.support.name.lower(),
                "detail": row.cell.detail,
                "in this MLflow": row.available,
                "passed": row.passed,
                "failed": row.failed,
                "tests": row.total,
            }
            for row in rows_of(subject)
        ],
        "methods": {
            "public": len(public),
            "reached": len(public & subject.reached),
            "not reached": sorted(public - subject.reached),
        },
        "tests": [
            {
                "name": check.name,
                "capability": check.capability,
                "outcome": check.outcome.value,
                "detail": check.detail,
            }
            for check in subject.checks
        ],
    }


def _headline(subject: Subject) -> str:
    rows = [row for row in rows_of(subject) if row.counts and row.capability]
    there = sum(row.holds for row in rows)
    parts = [f"level {level_of(subject).name.lower()}"]
    if rows:
        parts.append(f"{there} of {len(rows)} capabilities")
    if public := _public(subject):
        parts.append(f"{len(public & subject.reached)} of {len(public)} methods reached")
    failed = sum(check.outcome is Outcome.FAILED for check in subject.checks)
    if failed:
        parts.append(f"{failed} of {len(subject.checks)} tests failed")
    if subject.deselected:
        parts.append(f"{subject.deselected} tests deselected")
    return f"{subject.title} ({subject.kind}): {', '.join(parts)}"


def _table(subject: Subject) -> list[str]:
    rows = [("capability", "asked for by", "tests", "support")]
    for row in rows_of(subject):
        tier = "no level" if row.tier.name == "REFERENCE" else row.tier.name.lower()
        rows.append((row.title, tier, f"{row.passed}/{row.total}", _short(str(row.cell))))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _public(subject: Subject) -> set[str]:
    abstract: Any = locate(subject.abstract) if subject.abstract else None
    return set(public_methods(abstract)) if abstract else set()


def _short(text: str) -> str:
    return text if len(text) <= _NARROW else text[: _NARROW - 1] + "…"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
