"""Tracking stores that get metrics wrong."""

from __future__ import annotations

import math
from typing import Any

from broken.tracking_basics import broken


def _histories_are_deduplicated_by_step(base: Any) -> type:
    class Store(base):
        def get_metric_history(self, *args: Any, **kwargs: Any) -> Any:
            from mlflow.store.entities import PagedList

            found = super().get_metric_history(*args, **kwargs)
            return PagedList({point.step: point for point in found}.values(), found.token)

    return Store


def _histories_hold_repetitions(base: Any) -> type:
    class Store(base):
        def log_metric(self, run_id: str, metric: Any) -> None:
            from mlflow.entities import Metric

            super().log_metric(run_id, metric)
            # A second point a millisecond on, as a store that makes an id of the time of arrival would keep it.
            again = Metric(metric.key, metric.value, metric.timestamp + 1, metric.step)
            super().log_metric(run_id, again)

    return Store


def _latest_is_what_came_last(base: Any) -> type:
    class Store(base):
        def _update_latest_metrics_if_necessary(self, logged: Any, session: Any) -> None:
            from mlflow.store.tracking.dbmodels.models import SqlLatestMetric

            for metric in logged:
                session.merge(
                    SqlLatestMetric(
                        run_uuid=metric.run_uuid,
                        key=metric.key,
                        value=metric.value,
                        timestamp=metric.timestamp,
                        step=metric.step,
                        is_nan=metric.is_nan,
                    )
                )

    return Store


def _latest_goes_by_time_alone(base: Any) -> type:
    class Store(base):
        def get_run(self, run_id: str) -> Any:
            run = super().get_run(run_id)
            latest = []
            for metric in run.data._metric_objs:
                history = self.get_metric_history(run_id, metric.key)
                latest.append(max(history, key=lambda point: (point.timestamp, point.step)))
            run.data._metric_objs = latest
            return run

    return Store


def _equal_points_keep_the_first_value(base: Any) -> type:
    class Store(base):
        def log_metric(self, run_id: str, metric: Any) -> None:
            history = self.get_metric_history(run_id, metric.key)
            if any((p.step, p.timestamp) == (metric.step, metric.timestamp) for p in history):
                return
            super().log_metric(run_id, metric)

    return Store


def _nan_is_lost(base: Any) -> type:
    class Store(base):
        def log_metric(self, run_id: str, metric: Any) -> None:
            if not (isinstance(metric.value, float) and math.isnan(metric.value)):
                super().log_metric(run_id, metric)

    return Store


BROKEN = [
    broken(
        "history-deduplicated-by-step",
        "Of several points of a metric at one step one is kept.",
        _histories_are_deduplicated_by_step,
        "a_history_is_in_the_order_of_time",
    ),
    broken(
        "history-holds-repetitions",
        "The same point of a metric, logged again, is kept twice.",
        _histories_hold_repetitions,
        "a_history_has_every_point_once",
    ),
    broken(
        "latest-metric-by-arrival",
        "The latest metric is what was logged last, and not the one of the highest step.",
        _latest_is_what_came_last,
        "the_latest_metric_is_the_one_of_the_highest_step",
    ),
    broken(
        "latest-metric-by-time",
        "The latest metric is the one of the latest time, whatever its step.",
        _latest_goes_by_time_alone,
        "test_runs_stay_the_same_through_random_steps",
    ),
    broken(
        "latest-metric-not-by-value",
        "Of two points at the same step and time the first is kept, and not the greater.",
        _equal_points_keep_the_first_value,
        "of_equal_steps_and_timestamps_the_greatest_value_counts",
    ),
    broken(
        "nan-lost",
        "A metric that is not a number is dropped.",
        _nan_is_lost,
        "what_is_not_a_number_is_a_value_too",
    ),
]
