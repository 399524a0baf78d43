"""What the searches of `filters` look through: runs, experiments and logged models made once for it."""

from __future__ import annotations

import math
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.scenario import World
from mlflow_plugin_testing.tracking.filters import VALUES, Search
from mlflow_plugin_testing.tracking.steps import (
    all_pages,
    new_experiment,
    new_run,
    next_millisecond,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow_plugin_testing.pair import Pair

__all__ = ["EXPERIMENTS", "MODELS", "RUNS", "Searched", "searched"]

RUNS, EXPERIMENTS, MODELS = 25, 12, 12


@dataclass(frozen=True)
class Searched:
    """Both stores, with the same things to search for.

    Attributes:
        pair: The stores; it knows the ids of what was made.
        world: Whose they are.
        ids: What each store calls them; the experiment that they are in comes last.
    """

    pair: Pair
    world: World
    ids: tuple[list[Any], list[Any]]

    def search(self, run: Callable[[Any, list[Any]], Any]) -> Pair:
        """Compare one search.

        Args:
            run: Takes a store and what it calls the things that were made.

        Returns:
            The pair that the search went to.
        """
        pair = self.pair.again(forgiving=True)
        number = iter(self.ids)
        pair.run(lambda store: run(store, next(number)))
        return pair

    def runs(self, search: Search) -> None:
        """Compare one search of runs.

        Args:
            search: The search.
        """
        from mlflow.entities import ViewType

        def run(store: Any, ids: list[Any]) -> None:
            condition = _with_ids(search.condition, ids)
            all_pages(
                lambda **page: store.search_runs(
                    [ids[-1]], condition, ViewType.ALL, order_by=list(search.order), **page
                ),
                search.size,
            )

        self.search(run)

    def experiments(self, search: Search) -> None:
        """Compare one search of experiments.

        Args:
            search: The search.
        """
        ours = f"name LIKE '{self.world.token}%'"
        condition = f"{ours} AND {search.condition}" if search.condition else ours

        def run(store: Any, _: list[Any]) -> None:
            all_pages(
                lambda **page: store.search_experiments(
                    filter_string=condition, order_by=list(search.order), **page
                ),
                search.size,
            )

        self.search(run)

    def models(self, search: Search) -> None:
        """Compare one search of logged models.

        Args:
            search: The search.
        """

        def run(store: Any, ids: list[Any]) -> None:
            all_pages(
                lambda **page: store.search_logged_models(
                    experiment_ids=[ids[-1]],
                    filter_string=search.condition,
                    order_by=list(search.order),
                    **page,
                ),
                search.size,
            )

        self.search(run)


def _with_ids(condition: str, ids: list[Any]) -> str:
    for number, name in enumerate(ids[:4]):
        condition = condition.replace(f"{{{number}}}", str(name))
    return condition


_made: weakref.WeakKeyDictionary[Any, dict[Any, Searched]] = weakref.WeakKeyDictionary()


def searched(pair: Pair, make: Callable[[Any, World], list[Any]]) -> Searched:
    """Return both stores with things to search for; made at the first call, and again where somebody cleaned up.

    Args:
        pair: Both stores.
        make: One of `runs`, `experiments` and `models`.
    """
    candidate, reference = (side.calls._store for side in (pair._candidate, pair._reference))
    known = _made.setdefault(candidate, {})
    found = known.get((make, id(reference)))
    if found is None or not _still_there(candidate, found.ids[1][-1]):
        world = World()
        made = pair.run(lambda store: make(store, world))
        found = known[make, id(reference)] = Searched(pair, world, made)
    pair.reached.update(found.pair.reached)
    return found


def _still_there(store: Any, experiment: Any) -> bool:
    try:
        return bool(store.get_experiment(experiment).lifecycle_stage == "active")
    except Exception:  # noqa: BLE001  (whatever it is, the data is not there)
        return False


def runs(store: Any, world: World) -> list[Any]:
    """Make runs: values of all kinds, each missing in some.

    Args:
        store: The store.
        world: Whose they are.

    Returns:
        Their ids, and the experiment's.
    """
    from mlflow.entities import Metric, Param, RunStatus, RunTag

    experiment = new_experiment(store, world, "of runs")
    found = []
    special = (math.nan, math.inf, -math.inf, 0.0, -1.0)
    for number in range(RUNS):
        value = VALUES[number % len(VALUES)]
        name = (f"run {number}", f"Run {number}", value or "run_")[number % 3]
        # Each starts at a time of its own: ties go by an id that each store chooses.
        start = number * 7 % RUNS * 10
        run = new_run(store, experiment, name, start=start, user=("ada", "bob", "Ada")[number % 3])
        metrics = [Metric("m", float(number % 5) - 1, 1, 0)] if number % 4 else []
        metrics += [Metric("M", 2.5, 1, 0), Metric("special", special[number % 5], 1, 0)]
        metrics += [Metric("a metric", number / 4, 1, number)] if number % 2 else []
        metrics += [Metric("dotted.m", 10.0**number, 1, 0)] if number % 3 else []
        params = {"p": value, "o": f"o{number % 6}"} if number % 5 else {"P": value}
        params |= {"a param": VALUES[number % 4], "dotted.p": value} if number % 2 else {}
        tags = {"k": value, "o": f"o{number % 4}"} if number % 6 else {"K": value}
        tags |= {"a tag": VALUES[number % 7], "dotted.k": "a"} if number % 3 else {}
        store.log_batch(
            run,
            metrics=metrics,
            params=[Param(*each) for each in params.items()],
            tags=[RunTag(*each) for each in tags.items()],
        )
        if number % 3:
            status = (RunStatus.FINISHED, RunStatus.FAILED)[number % 2]
            store.update_run_info(run, status, start + number % 4 * 25, None)
        if number % 4 == 1:
            store.log_inputs(run, [_dataset("aA"[number % 8 // 4], f"d{number % 3}", number)])
        found.append(run)
    return [*found, experiment]


def _dataset(name: str, digest: str, number: int) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    tags = [InputTag("mlflow.data.context", ("training", "testing")[number % 3 // 2])]
    dataset = Dataset(name=name, digest=digest, source_type="local", source="{}")
    return DatasetInput(dataset=dataset, tags=tags if number % 9 else [])


def experiments(store: Any, world: World) -> list[Any]:
    """Make experiments, with tags of all kinds.

    Args:
        store: The store.
        world: Whose they are.

    Returns:
        Their ids.
    """
    from mlflow.entities import ExperimentTag

    found = []
    for number in range(EXPERIMENTS):
        value = VALUES[number]
        tags = {"k": value} if number % 4 else {"K": value}
        tags |= {"a tag": VALUES[number % 5], "dotted.k": "a"} if number % 3 else {}
        found.append(
            new_experiment(
                store,
                world,
                f"{'aAbB'[number % 4]} {number:02}",
                tags=[ExperimentTag(*each) for each in tags.items()],
            )
        )
    return found


def models(store: Any, world: World) -> list[Any]:
    """Make logged models; each has a metric of its own time, so that ties go by nothing that a store chooses.

    Args:
        store: The store.
        world: Whose they are.

    Returns:
        Their ids, and the experiment's.
    """
    from mlflow.entities import LoggedModelParameter, LoggedModelTag, Metric

    experiment = new_experiment(store, world, "of models")
    run = new_run(store, experiment)
    names = ("a", "A", "ab", "aB", "b", "a_b", "ü x", "10")
    found = []
    for number in range(MODELS):
        value = VALUES[number]
        next_millisecond()
        made = store.create_logged_model(
            experiment_id=experiment,
            name=names[number % len(names)],
            tags=[LoggedModelTag(("k", "a tag")[number % 3 // 2], value)],
            params=[LoggedModelParameter(("p", "a param")[number % 4 // 3], value)],
            model_type=(None, "a", "b")[number % 3],
        ).model_id
        if number % 3:
            store.log_metric(run, Metric("m", float(number % 4), 1, number, model_id=made))
        found.append(made)
    return [*found, experiment]
