"""Filters of runs: what each operator and each way of quoting means, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import new_experiment, new_run

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.SEARCH_RUNS


def _search(store: Any, experiment: Any, *conditions: str) -> None:
    from mlflow.entities import ViewType

    for condition in conditions:
        store.search_runs([experiment], condition, ViewType.ALL, max_results=100)


def _tagged(store: Any, world: World, *values: str, key: str = "k") -> Any:
    """Make a run for each value, with a param and a tag of it."""
    from mlflow.entities import Param, RunTag

    experiment = new_experiment(store, world)
    for number, value in enumerate(values):
        run = new_run(store, experiment, f"run {number}", start=number)
        store.log_batch(run, metrics=[], params=[Param(key, value)], tags=[RunTag(key, value)])
    return experiment


@scenario(_about)
def like_tells_upper_from_lower_case(store: Any, world: World) -> None:
    experiment = _tagged(store, world, "abc", "ABC", "Abc", "xabc")
    for entity in ("params", "tags"):
        _search(
            store,
            experiment,
            f"{entity}.k LIKE 'a%'",
            f"{entity}.k LIKE 'A%'",
            f"{entity}.k ILIKE 'A%'",
            f"{entity}.k ilike '%BC'",
            f"{entity}.k like 'Abc'",
        )
    _search(store, experiment, "attributes.run_name LIKE 'RUN%'", "run_name ILIKE 'RUN%'")


@scenario(_about)
def patterns_match_any_text_and_any_letter(store: Any, world: World) -> None:
    experiment = _tagged(
        store, world, "", "a", "ab", "abc", "a%c", "a_c", "a.c", "a*c", "(a)", "ac"
    )
    for pattern in (
        "%",
        "_",
        "__",
        "a%",
        "%c",
        "a_c",
        "%b%",
        "a%c",
        "",
        "a",
        "a.c",
        "a*",
        "(a)",
        "[a]",
    ):
        _search(store, experiment, f"params.k LIKE '{pattern}'", f"tags.k ILIKE '{pattern}'")


@scenario(_about)
def equal_means_the_very_same_text(store: Any, world: World) -> None:
    experiment = _tagged(store, world, "abc", "ABC", " abc", "abc ", "10", "10.0", "", "it's")
    for value in ("abc", "ABC", "abc ", "10", "10.0", "", "%"):
        _search(store, experiment, f"params.k = '{value}'", f"tags.k != '{value}'")
    _search(store, experiment, 'params.k = "it\'s"', 'params.k = "abc"')


@scenario(_about)
def keys_are_quoted_in_several_ways(store: Any, world: World) -> None:
    from mlflow.entities import Metric, Param, RunTag

    experiment = new_experiment(store, world)
    for number, key in enumerate(("plain", "a key", "dotted.key", "a-b", "a/b c", "Plain", "ü")):
        run = new_run(store, experiment, f"run {number}", start=number)
        store.log_batch(
            run,
            metrics=[Metric(key, 1.0, 1, 0)],
            params=[Param(key, "v")],
            tags=[RunTag(key, "v")],
        )
    for key in (
        "plain",
        "`plain`",
        '"plain"',
        "`a key`",
        '"a key"',
        "dotted.key",
        "`dotted.key`",
        '"dotted.key"',
        "`a-b`",
        "`a/b c`",
        "Plain",
        "PLAIN",
        "`ü`",
    ):
        _search(store, experiment, f"metrics.{key} = 1", f"params.{key} = 'v'", f"tags.{key} = 'v'")


@scenario(_about)
def numbers_are_compared_as_numbers(store: Any, world: World) -> None:
    from mlflow.entities import Metric

    experiment = new_experiment(store, world)
    for number, value in enumerate((0.0, 1.0, 2.0, 9.0, 10.0, -1.0, 1e10, float("inf"))):
        run = new_run(store, experiment, f"run {number}", start=number)
        store.log_metric(run, Metric("m", value, 1, 0))
    new_run(store, experiment, "without", start=100)
    for operator in ("=", "!=", "<", "<=", ">", ">="):
        for bound in ("1", "9.5", "10", "-1", "1e10", "0"):
            _search(store, experiment, f"metrics.m {operator} {bound}")


@scenario(_about)
def the_latest_metric_is_the_one_that_is_searched(store: Any, world: World) -> None:
    from mlflow.entities import Metric

    experiment = new_experiment(store, world)
    run = new_run(store, experiment)
    for value, step in ((5.0, 1), (1.0, 3), (9.0, 2)):
        store.log_metric(run, Metric("m", value, 1, step))
        _search(store, experiment, "metrics.m = 5", "metrics.m = 1", "metrics.m > 8")


@scenario(_about)
def attributes_have_several_names(store: Any, world: World) -> None:
    from mlflow.entities import RunStatus

    experiment = new_experiment(store, world)
    for number in range(4):
        run = new_run(store, experiment, f"run {number}", start=number * 10, user=f"user {number}")
        if number % 2:
            store.update_run_info(run, RunStatus.FINISHED, number * 100, None)
    _search(
        store,
        experiment,
        "attributes.run_name = 'run 1'",
        "attribute.run_name = 'run 1'",
        "attr.run_name = 'run 1'",
        "run.run_name = 'run 1'",
        "run_name = 'run 1'",
        "attributes.`run name` = 'run 1'",
        "attributes.\"Run name\" = 'run 1'",
        "attributes.`Run Name` = 'run 1'",
        "tags.mlflow.runName = 'run 1'",
        "tags.`mlflow.runName` LIKE 'run%'",
        "attributes.start_time > 10",
        "attributes.start_time <= 10.5",
        "start_time = 20",
        "attributes.created != 20",
        "Created >= 20",
        "attributes.end_time > 100",
        "attributes.end_time != 100",
        "attributes.status = 'FINISHED'",
        "status != 'FINISHED'",
        "attributes.status = 'finished'",
        "attributes.status ILIKE 'finished'",
        "attributes.user_id = 'user 2'",
        "user_id LIKE 'user %'",
        "attributes.artifact_uri LIKE '%artifacts'",
        "attributes.lifecycle_stage = 'active'",
    )


@scenario(_about)
def conditions_are_all_needed(store: Any, world: World) -> None:
    from mlflow.entities import Metric, Param, RunTag

    experiment = new_experiment(store, world)
    for number in range(8):
        run = new_run(store, experiment, f"run {number}", start=number)
        store.log_batch(
            run,
            metrics=[Metric("m", float(number), 1, 0)],
            params=[Param("p", "ab"[number % 2])],
            tags=[RunTag("k", "ab"[number // 4])],
        )
    _search(
        store,
        experiment,
        "metrics.m > 1 AND params.p = 'a'",
        "metrics.m > 1 and params.p = 'a' AND tags.k = 'b'",
        "metrics.m > 1 AND metrics.m < 6 AND metrics.m != 3",
        "params.p = 'a' AND params.p = 'b'",
        "tags.k = 'a' AND tags.lacking = 'a'",
        "attributes.run_name LIKE 'run%' AND attributes.start_time > 2 AND params.p = 'b'",
        " metrics.m  >  1   AND params.p='a' ",
    )


@scenario(_about)
def what_is_missing_is_neither_equal_nor_unequal(store: Any, world: World) -> None:
    experiment = _tagged(store, world, "a", "b")
    new_run(store, experiment, "without", start=9)
    _search(
        store,
        experiment,
        "params.k != 'a'",
        "tags.k != 'a'",
        "metrics.k != 1",
        "attributes.end_time != 1",
        "datasets.name != 'a'",
        "params.k IS NULL",
        "tags.k IS NOT NULL",
        "tags.lacking IS NULL AND params.k IS NOT NULL",
    )


@scenario(_about)
def filters_that_mlflow_does_not_know_are_refused(store: Any, world: World) -> None:
    experiment = _tagged(store, world, "a")
    _search(
        store,
        experiment,
        "metrics.m > 'a'",
        "metrics.m LIKE '1%'",
        "params.p > '1'",
        "params.p = 1",
        "tags.k < 'a'",
        "tags.k = a",
        "nonsense.k = 'a'",
        "attributes.lacking = 'a'",
        "attributes.start_time = 'a'",
        "attributes.run_name > 'a'",
        "attributes.run_name IN ('a')",
        "tags.k IN ('a')",
        "datasets.lacking = 'a'",
        "params.p = 'a' OR params.p = 'b'",
        "params.p = 'a' params.p = 'b'",
        "NOT params.p = 'a'",
        "(params.p = 'a')",
        "params.p",
        "= 'a'",
        "params.p = 'a' AND",
        "params.p = 'a'; params.p = 'b'",
        "metrics.m IS NULL",
        "metrics.m =! 1",
    )
