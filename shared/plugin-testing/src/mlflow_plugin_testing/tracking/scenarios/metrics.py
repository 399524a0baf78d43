"""Metrics: the latest value, and which one of several that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import LACKING_RUN, new_experiment, new_run

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.METRICS
_NAN, _INFINITY = float("nan"), float("inf")


def _log(store: Any, run: Any, *points: tuple[float, int, int]) -> None:
    """Log points of one metric, each by (value, timestamp, step), and read the run after each."""
    from mlflow.entities import Metric

    for value, timestamp, step in points:
        store.log_metric(run, Metric("m", value, timestamp, step))
        store.get_run(run)


@scenario(_about)
def a_metric_is_read_at_once(store: Any, world: World) -> None:
    run = new_run(store, new_experiment(store, world))
    _log(store, run, (1.5, 1000, 0), (2.5, 2000, 1), (-0.5, 3000, 2))
    store.get_metric_history(run, "m")


@scenario(_about)
def the_latest_metric_is_the_one_of_the_highest_step(store: Any, world: World) -> None:
    run = new_run(store, new_experiment(store, world))
    _log(store, run, (1.0, 1000, 5), (9.0, 9000, 3), (0.0, 1, 6), (7.0, 7000, 5), (8.0, 1, -1))
    store.get_metric_history(run, "m")


@scenario(_about)
def of_equal_steps_the_latest_timestamp_counts(store: Any, world: World) -> None:
    run = new_run(store, new_experiment(store, world))
    _log(store, run, (1.0, 1000, 5), (9.0, 500, 5), (0.0, 2000, 5), (7.0, 1999, 5))
    store.get_metric_history(run, "m")


@scenario(_about)
def of_equal_steps_and_timestamps_the_greatest_value_counts(store: Any, world: World) -> None:
    run = new_run(store, new_experiment(store, world))
    _log(store, run, (1.0, 1000, 5), (3.0, 1000, 5), (2.0, 1000, 5), (-1.0, 1000, 5))
    store.get_metric_history(run, "m")


@scenario(_about)
def negative_steps_are_steps(store: Any, world: World) -> None:
    run = new_run(store, new_experiment(store, world))
    _log(store, run, (1.0, 1000, -10), (2.0, 1000, -20), (3.0, 1000, -5), (4.0, 0, 0))
    store.get_metric_history(run, "m")


@scenario(_about)
def metrics_take_every_number(store: Any, world: World) -> None:
    from mlflow.entities import Metric

    run = new_run(store, new_experiment(store, world))
    values = (
        _NAN,
        _INFINITY,
        -_INFINITY,
        0.0,
        -0.0,
        1e308,
        -1e308,
        5e-324,
        0.1 + 0.2,
        1 / 3,
        2**53,
    )
    for number, value in enumerate(values):
        store.log_metric(run, Metric(f"m{number}", value, 1000, 0))
        store.get_metric_history(run, f"m{number}")
    store.log_metric(run, Metric("whole", 7, 1000, 0))
    store.get_run(run)


@scenario(_about)
def what_is_not_a_number_is_a_value_too(store: Any, world: World) -> None:
    run = new_run(store, new_experiment(store, world))
    _log(store, run, (1.0, 1000, 0), (_NAN, 2000, 1), (3.0, 3000, 2), (_NAN, 4000, 3))
    store.get_metric_history(run, "m")


@scenario(_about)
def steps_and_timestamps_may_be_large(store: Any, world: World) -> None:
    run = new_run(store, new_experiment(store, world))
    _log(store, run, (1.0, 0, 0), (2.0, 2**40, 2**40), (3.0, 4_000_000_000_000, 2**52))
    store.get_metric_history(run, "m")


@scenario(_about)
def metrics_of_many_names_are_kept_apart(store: Any, world: World) -> None:
    from mlflow.entities import Metric

    run = new_run(store, new_experiment(store, world))
    for number, key in enumerate(
        ("a b", "a.b", "a/b", "a-b", "a:b", "ünï", "k", "K", "0", "x" * 250, "system/cpu (x)"[:10])
    ):
        store.log_metric(run, Metric(key, float(number), 1000 + number, number))
        store.get_metric_history(run, key)
    store.get_run(run)


@scenario(_about)
def a_wrong_metric_is_refused(store: Any, world: World) -> None:
    from mlflow.entities import Metric

    run = new_run(store, new_experiment(store, world))
    keys: list[Any] = ["", None, "/a", "a//b", "a/../b", ".", "..", "./a", "a=b", "a\\b", "x" * 251]
    for key in keys:
        store.log_metric(run, Metric(key, 1.0, 1000, 0))
    values: list[Any] = [None, "1", True, [1.0]]
    for value in values:
        store.log_metric(run, Metric("m", value, 1000, 0))
    times: list[Any] = [-1, None, "1"]
    for timestamp in times:
        store.log_metric(run, Metric("m", 1.0, timestamp, 0))
    steps: list[Any] = [None, "1"]
    for step in steps:
        store.log_metric(run, Metric("m", 1.0, 1000, step))
    store.get_run(run)
    store.get_metric_history(run, "m")


@scenario(_about)
def a_metric_needs_a_run(store: Any, world: World) -> None:
    from mlflow.entities import Metric

    del world
    store.log_metric(LACKING_RUN, Metric("m", 1.0, 1000, 0))
