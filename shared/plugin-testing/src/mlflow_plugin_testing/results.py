"""What became of the tests of each suite, gathered while pytest runs, in this process and in those of xdist."""

from __future__ import annotations

from dataclasses import dataclass, field
from pydoc import locate
from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.suite import MARK, PluginSuite
from mlflow_plugin_testing.verdicts import Outcome, outcome_of_skip

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

    from mlflow_plugin_testing.capabilities import Capability

__all__ = ["Check", "Results", "Subject", "describe"]

_SUBJECT, _REACHED = f"{MARK}_subject", f"{MARK}_reached"
_UNCONDITIONAL = "unconditional skip"


@dataclass(frozen=True)
class Check:
    """One test.

    Attributes:
        name: Its name, with the parameters.
        capability: Name of the capability it is about; empty for what holds for each plugin.
        outcome: What became of it.
        detail: Why, where it did not pass.
    """

    name: str
    capability: str
    outcome: Outcome
    detail: str = ""


@dataclass
class Subject:
    """One test class that inherits from a suite: a plugin, at one place.

    Attributes:
        title: Name of the test class.
        kind: Kind of plugin.
        suite: Name of the suite.
        enum: Full name of the enum of capabilities; empty for kinds without.
        abstract: Full name of MLflow's abstract class; empty where methods are not counted.
        claims: Declarations, as tables show them, by name of the capability; None when nothing is declared.
        checks: The tests that ran.
        reached: Methods of MLflow's class that were called.
        deselected: How many tests of the suite were left out by the command line, while others of it ran.
    """

    title: str
    kind: str
    suite: str
    enum: str = ""
    abstract: str = ""
    claims: dict[str, str] | None = None
    checks: list[Check] = field(default_factory=list)
    reached: set[str] = field(default_factory=set)
    deselected: int = 0

    @property
    def capabilities(self) -> list[Capability]:
        """All capabilities of the kind."""
        found: Any = locate(self.enum) if self.enum else ()
        return list(found)


class Results:
    """All subjects of a run, by the node id of their class."""

    def __init__(self) -> None:
        """Begin empty."""
        self.subjects: dict[str, Subject] = {}

    def add(self, report: pytest.TestReport) -> None:
        """Take in what pytest reports of a test; other tests than a suite's are passed over.

        Args:
            report: pytest's report of one phase of a test.
        """
        facts = _property(report.user_properties, _SUBJECT)
        if facts is None:
            return
        node, _, name = report.nodeid.rpartition("::")
        subject = self._subject(node, facts["subject"])
        # A fixture writes them down when the test is over, so that the last phase tells.
        subject.reached.update(_property(report.user_properties, _REACHED) or ())
        if _counts(report):
            outcome, detail = _outcome(report)
            subject.checks = [check for check in subject.checks if check.name != name]
            subject.checks.append(Check(name, facts["capability"], outcome, detail))

    def leave_out(self, items: Iterable[pytest.Item], kept: Iterable[pytest.Item]) -> None:
        """Take note of tests that the command line deselects.

        Args:
            items: The tests that will not run.
            kept: The tests that will. A suite of which none is kept claims nothing, and is not looked at.
        """
        running = {item.nodeid.rpartition("::")[0] for item in kept}
        for item in items:
            node = item.nodeid.rpartition("::")[0]
            described = describe(item)
            if described is None or node not in running:
                continue
            subject = self._subject(node, described["subject"])
            subject.deselected += 1

    def _subject(self, node: str, facts: dict[str, Any]) -> Subject:
        if node not in self.subjects:
            self.subjects[node] = Subject(**{**facts, "reached": set(facts["reached"])})
        return self.subjects[node]


def describe(item: pytest.Item) -> dict[str, Any] | None:
    """Say what a test is, in values that can travel from process to process.

    Args:
        item: A test.

    Returns:
        The facts; None for a test that belongs to no suite.
    """
    cls = getattr(item, "cls", None)
    if not (isinstance(cls, type) and issubclass(cls, PluginSuite)):
        return None
    mark = item.get_closest_marker(MARK)
    claims = (
        None
        if cls.declared is None
        else {key.name: str(cell) for key, cell in cls.declared.items()}
    )
    suite = next(
        base for base in cls.__mro__ if base.__module__.split(".")[0] == __name__.split(".")[0]
    )
    enum = cls.capabilities
    return {
        "capability": mark.args[0].name if mark else "",
        "subject": {
            "title": cls.__name__,
            "kind": cls.kind,
            "suite": suite.__name__,
            "enum": f"{enum.__module__}.{enum.__qualname__}" if enum else "",
            "abstract": str(getattr(cls, "abstract", "")),
            "claims": claims,
            "reached": list(cls.calls),
        },
    }


def attach(item: pytest.Item) -> None:
    """Write the facts onto a test, so that they are part of its reports.

    Args:
        item: A test.
    """
    if described := describe(item):
        item.user_properties.append((_SUBJECT, described))


def _property(properties: Iterable[tuple[str, Any]], name: str) -> Any:
    return next((value for key, value in properties if key == name), None)


def _counts(report: pytest.TestReport) -> bool:
    # A test counts once: by its call, or by the phase that kept it from being called or spoiled its end.
    return report.when == "call" or not report.passed


def _outcome(report: pytest.TestReport) -> tuple[Outcome, str]:
    if report.passed:
        return Outcome.PASSED, ""
    if report.skipped:
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        reason = reason.removeprefix("Skipped: ")
        if hasattr(report, "wasxfail"):
            return Outcome.LEFT_OUT, f"expected to fail: {report.wasxfail}"
        if reason == _UNCONDITIONAL:
            return Outcome.FAILED, "skipped without a reason"
        return outcome_of_skip(reason)
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else report.longreprtext
    return Outcome.FAILED, text.splitlines()[0] if text else "failed"
