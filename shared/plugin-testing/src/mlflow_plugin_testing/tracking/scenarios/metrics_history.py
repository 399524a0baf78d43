"""Histories of metrics: whole, in pages, of several runs, and thinned out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import (
    GARBAGE,
    LACKING_RUN,
    all_pages,
    new_experiment,
    new_run,
    unseen,
)

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.METRICS
_BULK = "get_metric_history_bulk_interval"


def _logged(store: Any, run: Any, *points: tuple[float, int, int], key: str = "m") -> None:
    from mlflow.entities import Metric

    metrics = [Metric(key, value, timestamp, step) for value, timestamp, step in points]
    store.log_batch(run, metrics=metrics, params=[], tags=[])


@scenario(_about)
def a_history_is_in_the_order_of_time(store: Any, world: World) -> None:
    run = new_run(store, new_experiment(store, world))
    _logged(store, run, (3.0, 300, 1), (1.0, 100, 9), (2.0, 200, 5))
    _logged(store, run, (2.5, 200, 6), (2.1, 200, 5), (1.9, 200, 5))
    store.get_metric_history(run, "m")


@scenario(_about)
def a_history_has_every_point_once(store: Any, world: World) -> None:
    from mlflow.entities import Metric

    run = new_run(store, new_experiment(store, world))
    for _ in range(3):
        store.log_metric(run, Metric("m", 1.0, 1000, 0))
    store.get_metric_history(run, "m")
    # Each of these differs from the first in one thing.
    for value, timestamp, step in ((1.5, 1000, 0), (1.0, 1001, 0), (1.0, 1000, 1)):
        store.log_metric(run, Metric("m", value, timestamp, step))
    store.log_metric(run, Metric("n", 1.0, 1000, 0))
    store.get_metric_history(run, "m")
    store.get_metric_history(run, "n")
    _logged(store, run, (1.0, 1000, 0), (2.0, 2000, 0), (2.0, 2000, 0))
    store.get_metric_history(run, "m")


@scenario(_about)
def equal_values_at_other_steps_are_kept(store: Any, world: World) -> None:
    run = new_run(store, new_experiment(store, world))
    _logged(store, run, *((1.0, 1000, step) for step in range(5)))
    _logged(store, run, *((1.0, 2000 + time, 0) for time in range(5)))
    store.get_metric_history(run, "m")


@scenario(_about)
def a_history_of_nothing_is_empty(store: Any, world: World) -> None:
    run = new_run(store, new_experiment(store, world))
    store.get_metric_history(run, "lacking")
    store.get_metric_history(LACKING_RUN, "m")


@scenario(_about)
def a_page_of_a_history_is_followed_by_the_next_one(store: Any, world: World) -> None:
    run = new_run(store, new_experiment(store, world))
    _logged(store, run, *((float(step), 1000 + step, step) for step in range(5)))
    for size in range(1, 7):
        all_pages(lambda **page: store.get_metric_history(run, "m", **page), size)


@scenario(_about)
def a_history_refuses_a_wrong_token(store: Any, world: World) -> None:
    run = new_run(store, new_experiment(store, world))
    _logged(store, run, (1.0, 1000, 0))
    store.get_metric_history(run, "m", max_results=2, page_token=GARBAGE)


@scenario(_about)
def a_history_is_as_long_as_was_logged(store: Any, world: World) -> None:
    run = new_run(store, new_experiment(store, world))
    for first in range(0, 1200, 400):
        _logged(store, run, *((step / 7, 1000 + step, step) for step in range(first, first + 400)))
    history = store.get_metric_history(run, "m")
    store.note("points", len(history))
    store.get_run(run)


@scenario(_about)
def the_histories_of_several_runs_come_at_once(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    runs = [new_run(store, experiment, f"run {number}", start=number) for number in range(3)]
    for number, run in enumerate(runs[:2]):
        _logged(store, run, *((float(step), 1000 + step, step) for step in range(3 + number)))
    # The order of runs goes by their ids, which each store chooses.
    store.unordered.optional.get_metric_history_bulk(runs, "m", 100)
    for run in runs:
        for most in (1, 2, 100):
            store.optional.get_metric_history_bulk([run], "m", most)
    store.optional.get_metric_history_bulk([LACKING_RUN], "m", 100)
    store.optional.get_metric_history_bulk([], "m", 100)


@scenario(_about, f"{_BULK}_from_steps")
def the_points_of_some_steps_are_found(store: Any, world: World) -> None:
    run = new_run(store, new_experiment(store, world))
    _logged(store, run, *((float(step), 1000 - step, step) for step in range(6)))
    _logged(store, run, (9.0, 2000, 3), (8.0, 500, 3), (7.0, 3000, -2))
    for steps in ([3], [5, 0, 3], [], [99], [-2, 2], list(range(6))):
        for most in (1, 3, 100):
            store.get_metric_history_bulk_interval_from_steps(run, "m", steps, most)
    store.get_metric_history_bulk_interval_from_steps(run, "lacking", [1], 10)
    store.get_metric_history_bulk_interval_from_steps(LACKING_RUN, "m", [1], 10)


@scenario(_about, _BULK)
def a_short_history_is_not_thinned_out(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    first, second, third = (new_run(store, experiment, f"run {number}") for number in range(3))
    _logged(store, first, *((float(step), 1000 + step, step) for step in range(6)))
    _logged(store, second, *((float(step), 1000 + step, step) for step in range(0, 12, 3)))
    for runs in ([first], [second, first], [first, third], [third], [LACKING_RUN]):
        for start, end in ((None, None), (0, 11), (2, 4), (3, 3), (50, 60), (4, 2)):
            store.get_metric_history_bulk_interval(
                run_ids=runs, metric_key="m", max_results=20, start_step=start, end_step=end
            )
    for start, end in ((1, None), (None, 1)):
        store.get_metric_history_bulk_interval(
            run_ids=[first], metric_key="m", max_results=20, start_step=start, end_step=end
        )


@scenario(_about, _BULK)
def a_long_history_is_thinned_out_between_its_ends(store: Any, world: World) -> None:
    run = new_run(store, new_experiment(store, world))
    whole = [(float(step * step), 1000 + step, step) for step in range(50)]
    _logged(store, run, *whole)
    for most, start, end in ((5, None, None), (10, None, None), (4, 10, 29)):
        # Which points are kept between the ends is nobody's promise: MLflow's SQL store has two ways of its own.
        sample = unseen(store).get_metric_history_bulk_interval(
            run_ids=[run], metric_key="m", max_results=most, start_step=start, end_step=end
        )
        steps = [point.step for point in sample]
        store.note("it is about as short as asked", 2 <= len(steps) <= most + 2)
        store.note("it is sorted", steps == sorted(steps))
        store.note("its first step", steps[0])
        store.note("its last step", steps[-1])
        points = [(point.value, point.timestamp, point.step) for point in sample]
        store.note("all of it was logged", set(points) <= set(whole))
        store.note("it is the run's", all(point.run_id == run for point in sample))
