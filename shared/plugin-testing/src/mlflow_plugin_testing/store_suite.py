"""What the suites of tracking and registry stores share: the scenarios, and what a missing method means."""

from __future__ import annotations

from importlib.metadata import version
from pydoc import locate
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from mlflow_plugin_testing.methods import overridden
from mlflow_plugin_testing.pair import NotImplementedByStoreError, Pair
from mlflow_plugin_testing.scenario import Catalogue, Scenario, World
from mlflow_plugin_testing.suite import MARK, PluginSuite, about
from mlflow_plugin_testing.support import Tier
from mlflow_plugin_testing.verdicts import skip_absent, skip_declared, skip_missing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlflow_plugin_testing.capabilities import Capability
    from mlflow_plugin_testing.support import Cell

__all__ = ["StoreSuite", "cases", "judged", "too_old_for_stores"]


def cases(catalogue: Catalogue) -> list[Any]:
    """Return the scenarios of a catalogue as parameters of a test.

    Args:
        catalogue: The catalogue.
    """
    return [
        pytest.param(scenario, id=scenario.name, marks=about(scenario.capability))
        for scenario in catalogue
    ]


def judged(run: Callable[[], object], capability: Capability, claim: Cell | None) -> None:
    """Run something, and compare how it went with what the plugin claims.

    Args:
        run: Takes both stores through the same operations.
        capability: What it is about.
        claim: What the plugin claims about it; None when it claims nothing.

    Raises:
        AssertionError: The stores differ, or the plugin claims something else than what is true.
        pytest.skip.Exception: It is not implemented, and nobody said that it was.
    """
    try:
        run()
    except NotImplementedByStoreError as missing:
        if claim is not None and not claim.works:
            skip_declared(claim)
        if claim is not None or capability.facts.tier is Tier.BASE:
            pytest.fail(f"{capability.facts.title}: {missing}", pytrace=False)
        skip_missing(missing.method)
    except AssertionError:
        if claim is not None and not claim.works:
            skip_declared(claim)
        raise
    if claim is not None and not claim.works:
        pytest.fail(
            f"{capability.facts.title} works here, and is declared as {claim}", pytrace=False
        )


def too_old_for_stores() -> str:
    """Tell why stores cannot be tested on the installed MLflow.

    Returns:
        A sentence; empty when they can.
    """
    from mlflow.store.tracking.abstract_store import AbstractStore

    # One of the methods that 3.5 brought.
    if hasattr(AbstractStore, "unlink_traces_from_run"):
        return ""
    return f"stores are tested on MLflow 3.5 or newer, and this is {version('mlflow')}"


class StoreSuite(PluginSuite):
    """Base of the suites that compare a store with MLflow's own."""

    # Where pytest-socket closes sockets: a store talks to its service, and MLflow looks the hosts of webhooks up.
    pytestmark: ClassVar[Any] = pytest.mark.enable_socket

    #: Full name of MLflow's abstract class; imported when a test runs.
    abstract: ClassVar[str] = ""

    @pytest.fixture(autouse=True)
    def _recent_mlflow(self) -> None:
        """The surface of stores before 3.5 is another one: trace and dataset methods had other names."""
        if reason := too_old_for_stores():
            pytest.skip(reason)

    @pytest.fixture
    def store_uri(self) -> str:
        """The URI of the store under test, as a user gives it to MLflow. It may hold other things."""
        message = (
            f"{type(self).__name__} needs a fixture `store_uri` that returns the URI of the store"
        )
        raise NotImplementedError(message)

    @pytest.fixture
    def store(self, store_uri: str) -> Any:
        """The store under test; by default what MLflow opens for `store_uri`."""
        raise NotImplementedError

    @pytest.fixture
    def reference(self) -> Any:
        """MLflow's own store, on SQLite."""
        raise NotImplementedError

    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        """What one test has to itself in both stores."""
        return World(folder=tmp_path)

    @pytest.fixture
    def pair(self, reference: Any, store: Any, request: pytest.FixtureRequest) -> Any:
        """Both stores in lock step."""
        pair = Pair(reference, store)
        yield pair
        request.node.user_properties.append((f"{MARK}_reached", sorted(pair.reached)))

    def run_scenario(self, scenario: Scenario, pair: Pair, world: World, reference: Any) -> None:
        """Take both stores through one scenario; the tests of the suites call it.

        Args:
            scenario: The scenario.
            pair: Both stores.
            world: What it has to itself.
            reference: MLflow's own store, which tells what the installed MLflow has.
        """
        missing = [name for name in scenario.needs if not hasattr(reference, name)]
        if missing:
            skip_absent(missing)
        judged(
            lambda: pair.run(lambda store: scenario.run(store, world)),
            scenario.capability,
            self.claim(scenario.capability),
        )

    def test_each_abstract_method_is_written(self, store: Any) -> None:
        """MLflow's class enforces nothing: a forgotten method has an empty body, and answers None to everything."""
        abstract: Any = locate(self.abstract)
        forgotten = sorted(
            name
            for base in abstract.__mro__
            for name, value in vars(base).items()
            # MLflow marks them, though its metaclass, written as in Python 2, does nothing with the marks.
            if getattr(value, "__isabstractmethod__", False)
            and not overridden(type(store), name, abstract)
        )

        assert not forgotten, (
            f"{type(store).__name__} does not define {', '.join(forgotten)}: MLflow's class has an empty body there, "
            "so that each call would answer None"
        )
