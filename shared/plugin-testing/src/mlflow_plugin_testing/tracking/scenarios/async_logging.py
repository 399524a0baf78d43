"""Asynchronous logging: what was waited for, or flushed, is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import LACKING_RUN, new_experiment, new_run

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.ASYNC_LOGGING


@scenario(_about)
def what_was_logged_in_the_background_is_there_after_the_wait(store: Any, world: World) -> None:
    from mlflow.entities import Metric, Param, RunTag

    run = new_run(store, new_experiment(store, world))
    store.log_metric_async(run, Metric("m", 1.0, 1000, 0))
    store.get_run(run)
    store.log_param_async(run, Param("p", "v"))
    store.get_run(run)
    store.set_tag_async(run, RunTag("k", "v"))
    store.get_run(run)
    store.log_batch_async(
        run,
        metrics=[Metric("m", 2.0, 1000, 1), Metric("n", float("nan"), 1000, 0)],
        params=[Param("q", "w")],
        tags=[RunTag("l", "w")],
    )
    store.get_run(run)
    store.get_metric_history(run, "m")


@scenario(_about)
def what_was_logged_in_the_background_is_there_after_a_flush(store: Any, world: World) -> None:
    from mlflow.entities import Metric, Param

    run = new_run(store, new_experiment(store, world))
    # Not waited for: the calls go past the window that would.
    behind = store._store
    for step in range(20):
        behind.log_metric_async(run, Metric("m", float(step), 1000 + step, step))
    behind.log_param_async(run, Param("p", "v"))
    store.flush_async_logging()
    store.get_run(run)
    store.get_metric_history(run, "m")


@scenario(_about)
def logging_in_the_background_goes_on_after_its_end(store: Any, world: World) -> None:
    from mlflow.entities import Metric

    run = new_run(store, new_experiment(store, world))
    store.log_metric_async(run, Metric("m", 1.0, 1000, 0))
    store.end_async_logging()
    store.get_run(run)
    store.log_metric_async(run, Metric("m", 2.0, 1000, 1))
    store.shut_down_async_logging()
    store.get_run(run)
    store.log_metric_async(run, Metric("m", 3.0, 1000, 2))
    store.flush_async_logging()
    store.get_run(run)


@scenario(_about)
def an_idle_queue_is_flushed_without_harm(store: Any, world: World) -> None:
    del world
    store.flush_async_logging()
    store.flush_async_logging()


@scenario(_about)
def an_error_in_the_background_is_told_to_who_waits(store: Any, world: World) -> None:
    from mlflow.entities import Metric, Param, RunTag

    run = new_run(store, new_experiment(store, world))
    store.log_metric_async(LACKING_RUN, Metric("m", 1.0, 1000, 0))
    store.set_tag_async(run, RunTag("", "v"))
    store.log_param_async(run, Param("p", "first"))
    store.log_param_async(run, Param("p", "second"))
    store.log_metric_async(run, Metric("m", 1.0, 1000, 0))
    store.get_run(run)
