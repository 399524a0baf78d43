"""The parts of the kit that compare tracking stores, looked at by themselves."""

from __future__ import annotations

from typing import Any

import pytest
from broken import tracking_basics, tracking_search
from broken.tracking_basics import opened
from hypothesis import given, settings
from hypothesis.stateful import rule
from mlflow.utils.search_utils import SearchExperimentsUtils, SearchUtils

from mlflow_plugin_testing.calls import Calls, Failed, StoppedError
from mlflow_plugin_testing.examples import EXAMPLES, drawn
from mlflow_plugin_testing.pair import Pair, StoresDifferError
from mlflow_plugin_testing.scenario import World
from mlflow_plugin_testing.store_suite import too_old_for_stores
from mlflow_plugin_testing.tracking.catalogue import tracking_catalogue
from mlflow_plugin_testing.tracking.filters import (
    Search,
    experiment_searches,
    model_searches,
    run_searches,
)
from mlflow_plugin_testing.tracking.machine import PairMachine, Twin
from mlflow_plugin_testing.tracking.reference import reference_store
from mlflow_plugin_testing.tracking.steps import all_pages

pytestmark = pytest.mark.skipif(bool(too_old_for_stores()), reason=too_old_for_stores())
_CORE = (
    "async_logging",
    "batches",
    "experiments",
    "garbage_collection",
    "inputs",
    "logged_models",
    "metrics",
    "params",
    "runs",
    "tags",
)


def test_a_store_without_a_fault_is_not_rejected(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("control")
    reference = reference_store(folder, str(folder.parent / "artifacts"))
    store = opened(lambda base: base, folder)
    names = {each.rejected_by for each in (*tracking_basics.BROKEN, *tracking_search.BROKEN)}
    scenarios = [each for each in tracking_catalogue() if f"test_scenario[{each.name}]" in names]
    for scenario in scenarios:
        Pair(reference, store).run(
            lambda calls, run=scenario.run, world=World(): run(calls, world)  # noqa: B008
        )

    # All others are tests of their own, not scenarios.
    assert len(scenarios) == len([name for name in names if name.startswith("test_scenario")])


def test_each_scenario_of_the_core_runs_to_its_end(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    store = reference_store(tmp_path_factory.mktemp("reference"), "artifacts")
    stopped = {}
    for scenario in tracking_catalogue():
        module = scenario.run.__module__.rpartition(".")[2]
        if module.startswith(_CORE) and all(hasattr(store, need) for need in scenario.needs):
            try:
                scenario.run(Calls(store), World())
            except StoppedError as error:
                stopped[scenario.name] = str(error)

    assert not stopped


@settings(deadline=None)
@given(search=run_searches(5))
def test_drawn_filters_of_runs_are_known_to_mlflow(search: Search) -> None:
    assert SearchUtils.parse_search_filter(search.condition)
    for order in search.order:
        SearchUtils.parse_order_by_for_search_runs(order)


@settings(deadline=None)
@given(search=experiment_searches(5))
def test_drawn_filters_of_experiments_are_known_to_mlflow(search: Search) -> None:
    assert SearchExperimentsUtils.parse_search_filter(search.condition)


@settings(deadline=None)
@given(search=model_searches(5))
def test_drawn_filters_of_logged_models_are_known_to_mlflow(search: Search) -> None:
    from mlflow.utils.search_logged_model_utils import parse_filter_string

    assert parse_filter_string(search.condition)


def test_examples_are_the_same_in_each_run_unless_a_factor_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(EXAMPLES, raising=False)
    assert (drawn(7).derandomize, drawn(7).max_examples) == (True, 7)
    monkeypatch.setenv(EXAMPLES, "10")
    assert (drawn(7).derandomize, drawn(7).max_examples) == (False, 70)


@pytest.mark.parametrize("text", ["many", "0", "-1", "inf", "nan"])
def test_a_factor_that_is_no_number_above_zero_is_refused(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(EXAMPLES, text)
    with pytest.raises(ValueError, match=EXAMPLES):
        drawn(7)


class _Store:
    """A store that knows things by a name of its own, and answers with what it was given."""

    def __init__(self, name: str) -> None:
        self.name = name

    def make(self) -> str:
        return f"{self.name} thing of this store"

    def echo(self, *things: Any) -> Any:
        return things

    def create_thing(self) -> str:
        return self.make()

    def starts_with_its_name(self, things: Any) -> bool:
        return all(thing.startswith(self.name) for thing in things)

    def fail(self) -> None:
        raise ValueError(self.name)


class _Machine(PairMachine):
    @rule()
    def step(self) -> None:
        """Hypothesis makes no machine without one."""


def test_a_twin_stands_for_what_each_store_calls_it() -> None:
    machine = _Machine(Pair(_Store("one"), _Store("two")))
    thing = machine.both("create_thing")

    assert thing == Twin("one thing of this store", "two thing of this store")
    assert machine.both("starts_with_its_name", [thing, thing]) == Twin(True, True)
    assert machine.both("echo", {"a": (thing,)}).candidate == ({"a": (thing.candidate,)},)


def test_what_both_refuse_to_make_is_no_thing() -> None:
    machine = _Machine(Pair(_Store("one"), _Store("two")))

    assert machine.made(machine.both("fail")) is None


def test_a_method_that_a_store_may_do_without_is_not_compared() -> None:
    class Without:
        pass

    class With:
        def extra(self) -> int:
            return 1

    pair = Pair(With(), Without())
    assert isinstance(pair.run(lambda store: store.optional.extra())[1], Failed)


def test_a_store_that_answers_nothing_is_told_what_was_wrong() -> None:
    class Forgetful:
        def make(self) -> None:
            return None

    with pytest.raises(StoresDifferError, match="thing of this store"):
        Pair(_Store("one"), Forgetful()).run(lambda store: store.make().upper())


def test_an_error_of_a_database_is_answered_by_any_error() -> None:
    class Refusing:
        def fail(self) -> None:
            raise RuntimeError

    class Silent:
        def fail(self) -> None:
            return None

    Pair(_Store("one"), Refusing()).run(lambda store: store.fail())
    with pytest.raises(StoresDifferError):
        Pair(_Store("one"), Silent()).run(lambda store: store.fail())


def test_a_token_that_leads_nowhere_ends_after_so_many_pages() -> None:
    class Page(list[int]):
        token = "again"

    found = all_pages(lambda max_results, page_token: Page([max_results]), 3, most=4)

    assert found == [3, 3, 3, 3]
