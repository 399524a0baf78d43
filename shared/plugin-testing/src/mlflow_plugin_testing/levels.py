"""From tests to cells, and from cells to a level."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlflow_plugin_testing.support import Cell, Level, Support, Tier
from mlflow_plugin_testing.verdicts import Outcome

if TYPE_CHECKING:
    from mlflow_plugin_testing.capabilities import Capability
    from mlflow_plugin_testing.results import Check, Subject

__all__ = ["Row", "level_of", "rows_of"]


@dataclass(frozen=True)
class Row:
    """One capability of one plugin.

    Attributes:
        capability: The capability; None for the tests that hold for each plugin of a kind.
        cell: Its place on the scale.
        passed: How many tests passed.
        failed: How many failed.
        total: How many there were.
        available: Whether the installed MLflow has it.
    """

    capability: Capability | None
    cell: Cell
    passed: int
    failed: int
    total: int
    available: bool = True

    @property
    def title(self) -> str:
        """How tables name it."""
        return self.capability.facts.title if self.capability else "what holds for each plugin"

    @property
    def tier(self) -> Tier:
        """From which level on it is asked for."""
        return self.capability.facts.tier if self.capability else Tier.BASE

    @property
    def counts(self) -> bool:
        """Whether a level can depend on it."""
        return self.available and self.tier is not Tier.REFERENCE

    @property
    def holds(self) -> bool:
        """Whether nothing is missing from it."""
        return self.cell.works and not self.failed


def rows_of(subject: Subject) -> list[Row]:
    """Sum up the tests of each capability.

    Args:
        subject: A plugin's test class, with its tests.

    Returns:
        One row for what holds for each plugin, and one for each capability of the kind.
    """
    capabilities: list[Capability | None] = [None, *subject.capabilities]
    rows = []
    for capability in capabilities:
        name = capability.name if capability else ""
        checks = [check for check in subject.checks if check.capability == name]
        if capability or checks:
            rows.append(_row(capability, checks))
    return rows


def level_of(subject: Subject) -> Level:
    """Compute the level of a plugin: it is never claimed.

    Args:
        subject: A plugin's test class, with its tests.

    Returns:
        The highest level below which nothing that the installed MLflow has is missing. With tests of the suite
        deselected there is none, since nobody knows what they would have found.
    """
    rows = [row for row in rows_of(subject) if row.counts]
    reached = Level.NONE
    if subject.deselected or not any(row.passed for row in rows):
        return reached
    for level in (Level.BASE, Level.EXTENDED, Level.FULL):
        if not all(row.holds for row in rows if row.tier <= level):
            break
        reached = level
    return reached


def _row(capability: Capability | None, checks: list[Check]) -> Row:
    count = Counter(check.outcome for check in checks)
    present = [check for check in checks if check.outcome is not Outcome.ABSENT]
    cell = _cell(present, count)
    since = capability.facts.since if capability else ""
    available = bool(present) or not checks
    if not available:
        cell = Cell(
            Support.UNKNOWN, f"MLflow has it since {since}" if since else "not in this MLflow"
        )
    return Row(
        capability,
        cell,
        count[Outcome.PASSED],
        count[Outcome.FAILED],
        len(present),
        available,
    )


def _cell(checks: list[Check], count: Counter[Outcome]) -> Cell:
    declared = next((check for check in checks if check.outcome is Outcome.DECLARED), None)
    if declared:
        for support in (Support.UNSUPPORTED, Support.NOT_IMPLEMENTED):
            if declared.detail.startswith(support.value):
                return Cell(support, declared.detail.removeprefix(support.value).removeprefix(": "))
    if count[Outcome.FAILED]:
        return Cell(Support.UNKNOWN, f"{count[Outcome.FAILED]} of {len(checks)} tests failed")
    if count[Outcome.MISSING]:
        methods = sorted({check.detail for check in checks if check.outcome is Outcome.MISSING})
        return Cell(Support.NOT_IMPLEMENTED, ", ".join(methods))
    if count[Outcome.LEFT_OUT]:
        reasons = sorted({check.detail for check in checks if check.outcome is Outcome.LEFT_OUT})
        return Cell(Support.UNKNOWN, "; ".join(reasons))
    return Cell(Support.FULL if checks else Support.UNKNOWN)
