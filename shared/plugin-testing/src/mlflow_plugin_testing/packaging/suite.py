"""The suite of packaging: what a distribution declares to MLflow, seen from a clean interpreter."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint, distribution, entry_points, packages_distributions
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from mlflow_plugin_testing.packaging.contracts import complaint
from mlflow_plugin_testing.packaging.interpreter import MADE_AT_ONCE, cost, probe
from mlflow_plugin_testing.suite import PluginSuite

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PackagingSuite"]

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")
# What MLflow gives each plugin anyway, and what may stand beside it at no cost.
_FREE = ("mlflow", "mlflow-skinny", "mlflow-tracing", "mlflow-plugin-core")


class PackagingSuite(PluginSuite):
    """Tests of what every plugin has to be, whatever its kind: MLflow imports all that are installed, at start.

    Attributes:
        import_budget: Seconds of CPU time that the module of an entry point may cost beyond MLflow.
        import_allowed: Names of modules that may be imported with the plugin though they belong to a dependency.

    Example:
        >>> class TestPackaging(PackagingSuite):
        ...     @pytest.fixture
        ...     def distribution(self):
        ...         return "mlflow-mine"
    """

    kind: ClassVar[str] = "packaging"
    import_budget: ClassVar[float] = 0.1
    import_allowed: ClassVar[tuple[str, ...]] = ()

    @pytest.fixture
    def distribution(self) -> str:
        """Name of the installed distribution."""
        message = f"{type(self).__name__} needs a fixture `distribution` that returns its name"
        raise NotImplementedError(message)

    @pytest.fixture
    def points(self, distribution: str) -> list[EntryPoint]:
        """Its entry points in MLflow's groups."""
        return _points(distribution)

    def test_it_declares_something_to_mlflow(self, points: list[EntryPoint]) -> None:
        """Without an entry point MLflow never hears of it."""
        assert points, "the distribution has no entry point in a group of MLflow's"

    def test_import_mlflow_survives_it(self, distribution: str, points: list[EntryPoint]) -> None:
        """While `import mlflow` runs, MLflow forgives AttributeError and ImportError, and nothing else."""
        for point, report in _reports(distribution, points):
            assert "import mlflow" not in report, (
                f"with {distribution} installed, `import mlflow` fails in {point.value}: {report['import mlflow']}"
            )

    def test_each_entry_point_is_found_in_a_clean_interpreter(
        self, distribution: str, points: list[EntryPoint]
    ) -> None:
        """A module that imports what MLflow has not finished importing fails here, and works inside pytest."""
        for point, report in _reports(distribution, points):
            assert "load" not in report, f"{point.value} cannot be loaded: {report['load']}"
            failures = [text for text in report.get("warnings", []) if "Failure attempting" in text]
            assert not failures, f"MLflow could not register {point.name}: {failures[0]}"

    def test_providers_are_made_without_any_setting(
        self, distribution: str, points: list[EntryPoint]
    ) -> None:
        """MLflow makes them with no arguments while it loads them; a constructor that raises breaks every program."""
        for point, report in _reports(distribution, points):
            if point.group in MADE_AT_ONCE:
                assert "constructor" not in report, (
                    f"{point.value}() raises where nothing is set: {report['constructor']}"
                )

    def test_import_reaches_for_no_network_and_starts_no_process(
        self, distribution: str, points: list[EntryPoint]
    ) -> None:
        """It would happen in each program that uses MLflow, whether it needs the plugin or not."""
        usual = probe(distribution, "", "", hidden=True)
        for point, report in _reports(distribution, points):
            for what in ("network", "processes"):
                more = [place for place in report.get(what, []) if place not in usual.get(what, [])]
                assert not more, f"importing {point.value} uses {what}: {more[0]}"

    def test_import_prints_and_logs_nothing(
        self, distribution: str, points: list[EntryPoint]
    ) -> None:
        """A line at import stands in each program's output, and breaks those whose output is read by others."""
        usual = probe(distribution, "", "", hidden=True)
        for point, report in _reports(distribution, points):
            for what in ("printed", "log"):
                more = [line for line in report.get(what, []) if line not in usual.get(what, [])]
                assert not more, f"importing {point.value} says: {more[0]}"

    def test_import_brings_no_sdk(self, distribution: str, points: list[EntryPoint]) -> None:
        """The SDK of a service costs seconds and memory, and belongs to the first call that needs it."""
        usual = set(probe(distribution, "", "", hidden=True).get("modules", []))
        owned = _modules_of_dependencies(distribution)
        for point, report in _reports(distribution, points):
            heavy = {
                name.partition(".")[0]
                for name in report.get("modules", [])
                if name not in usual and name.partition(".")[0] in owned
            } - set(self.import_allowed)
            assert not heavy, (
                f"importing {point.value} imports {', '.join(sorted(heavy))}; import it where it is used first"
            )

    def test_import_stays_within_its_budget(self, points: list[EntryPoint]) -> None:
        """All plugins together are paid for by each program at its start."""
        for module in sorted({point.module for point in points}):
            seconds = cost(module)
            assert seconds <= self.import_budget, (
                f"importing {module} costs {seconds * 1000:.0f} ms of CPU time beyond MLflow; "
                f"{self.import_budget * 1000:.0f} ms are allowed"
            )

    def test_each_entry_point_is_what_mlflow_calls(self, points: list[EntryPoint]) -> None:
        """MLflow of each generation calls it in its own way, and all of them must fit."""
        for point in points:
            found = complaint(point.group, point.load())
            assert not found, f"{point.group} {point.name} = {point.value}: {found}"

    def test_no_other_distribution_has_the_same_names(
        self, distribution: str, points: list[EntryPoint]
    ) -> None:
        """With two of one name MLflow takes the one that it happens to load last."""
        for point in points:
            owners = {
                other.dist.name
                for other in entry_points(group=point.group, name=point.name)
                if other.dist
            }
            assert owners == {distribution}, (
                f"{point.group} {point.name} is declared by {', '.join(sorted(owners))}"
            )


def _points(name: str) -> list[EntryPoint]:
    return [p for p in distribution(name).entry_points if p.group.startswith("mlflow.")]


def _reports(name: str, points: list[EntryPoint]) -> Iterator[tuple[EntryPoint, dict[str, Any]]]:
    """Probe each module once: many schemes of one plugin lead to the same class."""
    seen = set()
    for point in points:
        if (point.group, point.value) not in seen:
            seen.add((point.group, point.value))
            yield point, probe(name, point.group, point.name)


def _modules_of_dependencies(name: str) -> set[str]:
    """The top modules of all that the distribution needs, MLflow and what it needs itself left out."""
    mlflows = _closure(set(_FREE))
    needed = _closure({name}) - mlflows - {name}
    return {
        module
        for module, owners in packages_distributions().items()
        if any(_canonical(owner) in needed for owner in owners)
    }


def _closure(names: set[str]) -> set[str]:
    from importlib.metadata import PackageNotFoundError

    found: set[str] = set()
    left = {_canonical(name) for name in names}
    while left:
        name = left.pop()
        found.add(name)
        try:
            required = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        for text in required:
            match = _NAME.match(text)
            if match and "extra ==" not in text and _canonical(match.group()) not in found:
                left.add(_canonical(match.group()))
    return found


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
