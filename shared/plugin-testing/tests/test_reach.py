"""Each method of the installed MLflow's tracking store is reached by a scenario, or it is said why not."""

from __future__ import annotations

import mlflow
import pytest
from mlflow.store.tracking.abstract_store import AbstractStore
from reaching import Reach

from mlflow_plugin_testing import TrackingCapability
from mlflow_plugin_testing.capabilities import capability_of
from mlflow_plugin_testing.methods import public_methods
from mlflow_plugin_testing.store_suite import too_old_for_stores
from mlflow_plugin_testing.tracking.catalogue import tracking_catalogue
from mlflow_plugin_testing.tracking.reference import reference_store
from mlflow_plugin_testing.tracking.unreached import UNREACHED

pytestmark = pytest.mark.skipif(bool(too_old_for_stores()), reason=too_old_for_stores())
PUBLIC = public_methods(AbstractStore)


@pytest.fixture(scope="module")
def reach(tmp_path_factory: pytest.TempPathFactory) -> Reach:
    folder = tmp_path_factory.mktemp("reach")
    store = reference_store(folder, str(folder / "artifacts"))
    return Reach(store, tracking_catalogue(), tmp_path_factory)


@pytest.mark.parametrize("capability", list(TrackingCapability), ids=lambda each: each.name)
def test_each_method_is_reached_and_answers_at_least_once(
    reach: Reach, capability: TrackingCapability
) -> None:
    wanted = {name for name in capability.facts.methods if name in PUBLIC}
    if not wanted:
        pytest.skip("not in this MLflow")

    # An old MLflow's own store lacks methods that its abstract class has: a plugin's is not compared with anything.
    assert wanted - set(UNREACHED) - reach.answered == wanted & reach.unmeasured


def test_each_undeclared_method_that_mlflows_own_store_has_is_reached(reach: Reach) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    undeclared = {
        name
        for capability in TrackingCapability
        for name in capability.facts.undeclared
        if hasattr(SqlAlchemyStore, name)
    }

    assert undeclared - reach.answered == set()


def test_what_is_said_to_be_unreached_is_not_reached(reach: Reach) -> None:
    assert set(UNREACHED) & reach.called == set()


def test_no_scenario_stops_on_mlflows_own_store(reach: Reach) -> None:
    assert reach.stopped == {}


def test_each_public_method_belongs_to_a_capability() -> None:
    strays = [name for name in PUBLIC if capability_of(name, TrackingCapability) is None]

    assert strays == []


def test_reached_and_unreached_are_all_there_are(
    reach: Reach, capsys: pytest.CaptureFixture[str]
) -> None:
    reached = {name for name in PUBLIC if name in reach.called}
    unreached = {name for name in PUBLIC if name in UNREACHED}
    with capsys.disabled():
        print(
            f"\nMLflow {mlflow.__version__}: {len(reached)} of {len(PUBLIC)} public methods reached, "
            f"{len(unreached)} not; no measure for {sorted(reach.unmeasured) or 'none'}"
        )

    assert sorted(reached | unreached) == PUBLIC
