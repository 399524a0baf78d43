"""Batches: many values at once, all or nothing of a batch that is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import LACKING_RUN, new_experiment, new_run

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.BATCHES


def _run(store: Any, world: World) -> Any:
    return new_run(store, new_experiment(store, world))


@scenario(_about)
def a_batch_is_read_at_once(store: Any, world: World) -> None:
    from mlflow.entities import Metric, Param, RunTag

    run = _run(store, world)
    store.log_batch(
        run,
        metrics=[Metric("m", 1.0, 1000, 0), Metric("n", 2.0, 1000, 0)],
        params=[Param("p", "v"), Param("q", "w")],
        tags=[RunTag("k", "v"), RunTag("l", "w")],
    )
    store.get_run(run)
    store.get_metric_history(run, "m")


@scenario(_about)
def an_empty_batch_changes_nothing(store: Any, world: World) -> None:
    run = _run(store, world)
    store.log_batch(run, metrics=[], params=[], tags=[])
    store.get_run(run)


@scenario(_about)
def a_batch_may_hold_one_metric_many_times(store: Any, world: World) -> None:
    from mlflow.entities import Metric

    run = _run(store, world)
    points = [(3.0, 1000, 5), (1.0, 2000, 5), (2.0, 2000, 5), (9.0, 9000, 1), (3.0, 1000, 5)]
    store.log_batch(run, metrics=[Metric("m", *point) for point in points], params=[], tags=[])
    store.get_run(run)
    store.get_metric_history(run, "m")
    older = [Metric("m", 5.0, 1999, 5), Metric("m", 5.0, 5000, 4), Metric("n", float("nan"), 1, 0)]
    store.log_batch(run, metrics=older, params=[], tags=[])
    store.get_run(run)
    store.get_metric_history(run, "m")


@scenario(_about)
def the_last_of_two_equal_tags_in_a_batch_counts(store: Any, world: World) -> None:
    from mlflow.entities import RunTag

    run = _run(store, world)
    store.log_batch(run, metrics=[], params=[], tags=[RunTag("k", "1"), RunTag("k", "2")])
    store.get_run(run)
    store.log_batch(run, metrics=[], params=[], tags=[RunTag("k", "3"), RunTag("k", "4")])
    store.get_run(run)


@scenario(_about)
def two_equal_params_in_a_batch_are_refused(store: Any, world: World) -> None:
    from mlflow.entities import Metric, Param, RunTag

    run = _run(store, world)
    for second in ("w", "v"):
        store.log_batch(
            run,
            metrics=[Metric("m", 1.0, 1000, 0)],
            params=[Param("p", "v"), Param("q", "x"), Param("p", second)],
            tags=[RunTag("k", "v")],
        )
        store.get_run(run)


@scenario(_about)
def a_batch_may_repeat_params(store: Any, world: World) -> None:
    from mlflow.entities import Param

    run = _run(store, world)
    for _ in range(2):
        store.log_batch(run, metrics=[], params=[Param("p", "v"), Param("q", "")], tags=[])
    store.log_batch(run, metrics=[], params=[Param("p", "v"), Param("r", "w")], tags=[])
    store.get_run(run)


@scenario(_about)
def a_batch_that_changes_a_param_writes_nothing(store: Any, world: World) -> None:
    from mlflow.entities import Metric, Param, RunTag

    run = _run(store, world)
    store.log_param(run, Param("p", "first"))
    store.log_batch(
        run,
        metrics=[Metric("m", 1.0, 1000, 0)],
        params=[Param("q", "new"), Param("p", "second")],
        tags=[RunTag("k", "v")],
    )
    store.get_run(run)
    store.get_metric_history(run, "m")


@scenario(_about)
def a_batch_with_a_wrong_value_writes_nothing(store: Any, world: World) -> None:
    from mlflow.entities import Metric, Param, RunTag

    run = _run(store, world)
    metric, param, tag = Metric("m", 1.0, 1000, 0), Param("p", "v"), RunTag("k", "v")
    number: Any = "1"
    nothing: Any = None
    for metrics, params, tags in (
        ([metric, Metric("", 1.0, 1000, 0)], [param], [tag]),
        ([metric, Metric("n", number, 1000, 0)], [param], [tag]),
        ([metric, Metric("n", nothing, 1000, 0)], [param], [tag]),
        ([metric, Metric("n", 1.0, -1, 0)], [param], [tag]),
        ([metric], [param, Param("a//b", "v")], [tag]),
        ([metric], [param, Param(nothing, "v")], [tag]),
        ([metric], [param, Param("x" * 251, "v")], [tag]),
        ([metric], [param], [tag, RunTag("", "v")]),
        ([metric], [param], [tag, RunTag("a=b", "v")]),
        ([metric], [param], [tag, RunTag(nothing, "v")]),
    ):
        store.log_batch(run, metrics=metrics, params=params, tags=tags)
        store.get_run(run)
        store.get_metric_history(run, "m")


@scenario(_about)
def a_batch_has_limits(store: Any, world: World) -> None:
    from mlflow.entities import Metric, Param, RunTag

    run = _run(store, world)
    metrics = [Metric(f"m{number % 3}", float(number), 1000, number) for number in range(1001)]
    params = [Param(f"p{number}", "v") for number in range(101)]
    tags = [RunTag(f"k{number}", "v") for number in range(101)]
    for wrong in (
        {"metrics": metrics, "params": [], "tags": []},
        {"metrics": [], "params": params, "tags": []},
        {"metrics": [], "params": [], "tags": tags},
        {"metrics": metrics[:950], "params": params[:30], "tags": tags[:30]},
    ):
        store.log_batch(run, **wrong)
    store.get_run(run)
    store.log_batch(run, metrics=metrics[:800], params=params[:100], tags=tags[:100])
    store.log_batch(run, metrics=metrics[:1000], params=[], tags=[])
    store.get_run(run)
    store.note("points", len(store.get_metric_history(run, "m0")))


@scenario(_about)
def a_batch_needs_a_run(store: Any, world: World) -> None:
    from mlflow.entities import Metric, Param, RunTag

    del world
    store.log_batch(LACKING_RUN, metrics=[Metric("m", 1.0, 1000, 0)], params=[], tags=[])
    store.log_batch(LACKING_RUN, metrics=[], params=[Param("p", "v")], tags=[])
    store.log_batch(LACKING_RUN, metrics=[], params=[], tags=[RunTag("k", "v")])
    store.log_batch(LACKING_RUN, metrics=[], params=[], tags=[])
    store.log_batch("no/id", metrics=[], params=[], tags=[RunTag("k", "v")])


@scenario(_about)
def batches_of_one_run_add_up(store: Any, world: World) -> None:
    from mlflow.entities import Metric, Param, RunTag

    run = _run(store, world)
    for number in range(4):
        store.log_batch(
            run,
            metrics=[Metric("m", float(number), 1000, number), Metric(f"m{number}", 1.0, 1, 0)],
            params=[Param(f"p{number}", "v")],
            tags=[RunTag("k", f"{number}"), RunTag(f"k{number}", "v")],
        )
        store.get_run(run)
    store.get_metric_history(run, "m")
