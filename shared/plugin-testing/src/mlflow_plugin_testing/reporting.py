"""Gathers results while pytest runs, writes the report, and fails a run that left tests of a suite out in silence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlflow_plugin_testing.results import Results, attach

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Reporter"]


class Reporter:
    """One run of pytest; a run inside another one has its own."""

    def __init__(self, config: pytest.Config) -> None:
        """Begin with nothing.

        Args:
            config: pytest's configuration.
        """
        self._option = config.option
        self._is_worker = hasattr(config, "workerinput")
        self._results = Results()
        self._deselected: list[pytest.Item] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Write onto each test what it is about, so that its reports tell, from whichever process they come."""
        attach(item)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in what became of a test."""
        self._results.add(report)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Take note of tests that the command line leaves out."""
        self._deselected.extend(items)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Compare what was left out with what is left."""
        self._results.leave_out(self._deselected, session.items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the report, and fail where tests were left out without a reason or a level is not reached."""
        if self._is_worker:
            return
        if self._option.mlflow_plugin_json and self._results.subjects:
            from mlflow_plugin_testing.report import write_json

            write_json(self._results, Path(self._option.mlflow_plugin_json))
        if self._complaints() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the level of each plugin."""
        if not self._results.subjects:
            return
        from mlflow_plugin_testing.report import as_lines

        option = self._option
        wide = bool(option.mlflow_plugin or option.mlflow_plugin_uri or option.verbose > 0)
        terminalreporter.section("MLflow plugins")
        for line in as_lines(self._results, wide=wide):
            terminalreporter.write_line(line)
        for line in self._complaints():
            terminalreporter.write_line(line, red=True)

    def _complaints(self) -> list[str]:
        return [*self._partial(), *self._below()]

    def _below(self) -> list[str]:
        wanted = self._option.mlflow_plugin_level
        if not wanted:
            return []
        from mlflow_plugin_testing.levels import level_of
        from mlflow_plugin_testing.support import Level

        return [
            f"{subject.title}: level {level_of(subject).name.lower()}, and level {wanted} is asked for"
            for subject in self._results.subjects.values()
            if level_of(subject) < Level[wanted.upper()]
        ]

    def _partial(self) -> list[str]:
        if self._option.mlflow_plugin_partial:
            return []
        return [
            f"{subject.title}: {subject.deselected} tests of {subject.suite} were deselected; say why with "
            "--mlflow-plugin-partial REASON, or run the whole suite"
            for subject in self._results.subjects.values()
            if subject.deselected
        ]
