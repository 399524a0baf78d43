"""The search of runs: which runs, in which order, on how many pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import (
    GARBAGE,
    LACKING_EXPERIMENT,
    LACKING_RUN,
    all_pages,
    new_experiment,
    new_run,
)

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.SEARCH_RUNS


def _search(store: Any, experiments: list[Any], condition: str = "", **more: Any) -> Any:
    from mlflow.entities import ViewType

    view = more.pop("view", ViewType.ACTIVE_ONLY)
    return store.search_runs(experiments, condition, view, **{"max_results": 100, **more})


@scenario(_about)
def runs_come_back_latest_first(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    for number, start in enumerate((3000, 1000, 5000, 2000, 4000)):
        new_run(store, experiment, f"run {number}", start=start)
    _search(store, [experiment])


@scenario(_about)
def a_found_run_is_whole(store: Any, world: World) -> None:
    from mlflow.entities import Metric, Param, RunStatus, RunTag

    experiment = new_experiment(store, world)
    run = new_run(store, experiment, tags=[RunTag("k", "v")])
    store.log_batch(
        run,
        metrics=[Metric("m", 1.0, 5, 1), Metric("m", 2.0, 6, 2), Metric("n", float("nan"), 5, 0)],
        params=[Param("p", "v"), Param("q", "")],
        tags=[RunTag("l", "w")],
    )
    store.update_run_info(run, RunStatus.FINISHED, 9000, "renamed")
    _search(store, [experiment])


@scenario(_about)
def a_search_looks_into_the_experiments_it_is_told(store: Any, world: World) -> None:
    first, second, third = (new_experiment(store, world, name) for name in ("a", "b", "c"))
    for number in range(3):
        new_run(store, first, f"first {number}", start=100 + number)
        new_run(store, second, f"second {number}", start=200 - number)
    for experiments in (
        [first],
        [second],
        [third],
        [first, second],
        [second, first, third],
        [first, first],
        [],
        [LACKING_EXPERIMENT],
        [LACKING_EXPERIMENT, second],
    ):
        _search(store, experiments)


@scenario(_about)
def runs_are_searched_by_their_stage(store: Any, world: World) -> None:
    from mlflow.entities import ViewType

    experiment = new_experiment(store, world)
    runs = [new_run(store, experiment, f"run {number}", start=number) for number in range(4)]
    store.delete_run(runs[1])
    store.delete_run(runs[2])
    store.restore_run(runs[2])
    for view in (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL):
        _search(store, [experiment], view=view)
        _search(store, [experiment], "attributes.run_name LIKE 'run%'", view=view, max_results=2)


@scenario(_about)
def the_runs_of_a_deleted_experiment_are_searched_as_deleted(store: Any, world: World) -> None:
    from mlflow.entities import ViewType

    experiment = new_experiment(store, world)
    new_run(store, experiment)
    store.delete_experiment(experiment)
    for view in (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL):
        _search(store, [experiment], view=view)
    store.restore_experiment(experiment)
    for view in (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL):
        _search(store, [experiment], view=view)


@scenario(_about)
def a_page_of_runs_is_followed_by_the_next_one(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    for number in range(7):
        new_run(store, experiment, f"run {number}", start=number % 3)
    for size in range(1, 9):
        found = all_pages(
            lambda **page: _search(store, [experiment], order_by=["attributes.run_name"], **page),
            size,
        )
        store.note("no run comes twice", len({run.info.run_id for run in found}) == len(found))


@scenario(_about)
def the_last_page_says_that_it_is_the_last(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    for number in range(4):
        new_run(store, experiment, f"run {number}", start=number)
    page = _search(store, [experiment], max_results=2)
    page = _search(store, [experiment], max_results=2, page_token=page.token)
    _search(store, [experiment], max_results=4)
    _search(store, [experiment], max_results=5)
    _search(store, [experiment], "attributes.run_name = 'nobody'", max_results=2)


@scenario(_about)
def runs_that_started_together_keep_one_order(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    for number in range(6):
        new_run(store, experiment, f"run {number}", start=1000)
    # Ties go by the run's id, which each store chooses; so the order is looked at here, and not compared.
    whole = [run.info.run_id for run in _search(store.unordered, [experiment])]
    store.note("ties go by id", whole == sorted(whole))
    for size in (1, 2, 4):
        paged = all_pages(lambda **page: _search(_Quiet(store), [experiment], **page), size)
        store.note("pages have the same order", [run.info.run_id for run in paged] == whole)


@scenario(_about)
def ties_in_an_order_go_by_start_time_and_by_id(store: Any, world: World) -> None:
    from mlflow.entities import Metric

    experiment = new_experiment(store, world)
    for number, (value, start) in enumerate(((1, 10), (1, 30), (0, 20), (1, 20), (0, 40))):
        run = new_run(store, experiment, f"run {number}", start=start)
        store.log_metric(run, Metric("m", float(value), 1, 0))
    for order in (["metrics.m"], ["metrics.m DESC"], ["metrics.m ASC", "start_time ASC"]):
        _search(store, [experiment], order_by=order)
    store.note("ties go by id", _ties_go_by_id(store, new_experiment(store, world, "b")))


def _ties_go_by_id(store: Any, experiment: Any) -> bool:
    from mlflow.entities import Param

    for number in range(5):
        run = new_run(store, experiment, f"run {number}", start=1)
        store.log_param(run, Param("p", "same"))
    found = _search(store.unordered, [experiment], order_by=["params.p DESC"])
    ids = [run.info.run_id for run in found]
    return ids == sorted(ids)


class _Quiet:
    """The store itself: what it answers is looked at in the scenario, and not compared."""

    def __init__(self, store: Any) -> None:
        self.search_runs = store._store.search_runs


@scenario(_about)
def runs_come_in_the_order_of_what_was_logged(store: Any, world: World) -> None:
    from mlflow.entities import Metric, Param, RunStatus, RunTag

    experiment = new_experiment(store, world)
    nan, infinity = float("nan"), float("inf")
    for number, value in enumerate((2.0, None, nan, infinity, -infinity, 0.0, -1.5, 1e308, None)):
        run = new_run(store, experiment, f"run {9 - number}", start=number, user=f"u{number % 4}")
        if value is not None:
            store.log_metric(run, Metric("m", value, 1, 0))
            store.log_param(run, Param("p", f"v{number * 7 % 5}"))
            store.set_tag(run, RunTag("a tag", f"t{number * 4 % 7}"))
        if number % 2:
            store.update_run_info(run, RunStatus.FINISHED, 5000 - number, None)
    for key in (
        "metrics.m",
        "metric.`m`",
        "params.p",
        "tags.`a tag`",
        'tags."a tag"',
        "attributes.run_name",
        "attributes.start_time",
        "start_time",
        "created",
        "Created",
        "end_time",
        "status",
        "attributes.user_id",
        "metrics.lacking",
    ):
        for direction in ("", " ASC", " DESC"):
            _search(store, [experiment], order_by=[f"{key}{direction}"])


@scenario(_about)
def one_order_breaks_the_ties_of_another(store: Any, world: World) -> None:
    from mlflow.entities import Metric, Param

    experiment = new_experiment(store, world)
    for number in range(8):
        run = new_run(store, experiment, f"run {number}", start=number)
        store.log_metric(run, Metric("m", float(number % 2), 1, 0))
        store.log_param(run, Param("p", "ab"[number // 4]))
    for order in (
        ["metrics.m ASC", "params.p DESC"],
        ["params.p ASC", "metrics.m DESC", "start_time ASC"],
        ["params.p", "attributes.run_name DESC"],
    ):
        for size in (3, 100):
            all_pages(
                lambda order=order, **page: _search(store, [experiment], order_by=order, **page),
                size,
            )


@scenario(_about)
def a_search_of_runs_refuses_a_wrong_size_or_token(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    new_run(store, experiment)
    for size in (0, -1, 50_001):
        _search(store, [experiment], max_results=size)
    _search(store, [experiment], page_token=GARBAGE)


@scenario(_about)
def a_search_of_runs_refuses_orders_that_it_does_not_know(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    new_run(store, experiment)
    for order in (
        ["lacking"],
        ["metrics.m UP"],
        ["metrics.m ASC DESC"],
        ["nonsense.m"],
        ["metrics.m, params.p"],
        ["metrics.m", "metrics.m"],
        [""],
        ["datasets.name"],
    ):
        _search(store, [experiment], order_by=order)


@scenario(_about)
def a_write_is_found_by_the_next_search(store: Any, world: World) -> None:
    from mlflow.entities import Metric, Param, RunStatus, RunTag, ViewType

    experiment = new_experiment(store, world)
    run = new_run(store, experiment, "first")
    _search(store, [experiment])
    store.log_metric(run, Metric("m", 1.0, 1, 0))
    _search(store, [experiment], "metrics.m > 0.5")
    store.log_metric(run, Metric("m", 0.1, 1, 1))
    _search(store, [experiment], "metrics.m > 0.5")
    store.log_param(run, Param("p", "v"))
    _search(store, [experiment], "params.p = 'v'")
    store.set_tag(run, RunTag("k", "v"))
    _search(store, [experiment], "tags.k = 'v'")
    store.set_tag(run, RunTag("k", "w"))
    _search(store, [experiment], "tags.k = 'v'")
    store.delete_tag(run, "k")
    _search(store, [experiment], "tags.k = 'w'")
    store.update_run_info(run, RunStatus.FINISHED, 2000, "second")
    _search(store, [experiment], "attributes.run_name = 'second' AND status = 'FINISHED'")
    _search(store, [experiment], "tags.mlflow.runName = 'second'")
    _search(store, [experiment], "attributes.run_name = 'first'")
    store.delete_run(run)
    _search(store, [experiment])
    _search(store, [experiment], view=ViewType.DELETED_ONLY)
    store.restore_run(run)
    _search(store, [experiment])


@scenario(_about)
def runs_are_searched_by_their_id(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    runs = [new_run(store, experiment, f"run {number}", start=number) for number in range(4)]
    for condition in (
        f"attributes.run_id = '{runs[1]}'",
        f"run_id != '{runs[1]}'",
        f"attributes.run_id IN ('{runs[0]}', '{runs[2]}')",
        f"attributes.run_id IN ('{runs[3]}')",
        f"attributes.run_id NOT IN ('{runs[0]}', '{runs[2]}')",
        f"attributes.run_id IN ('{LACKING_RUN}')",
        f"attributes.run_id LIKE '{runs[1]}'",
        f"attributes.run_id ILIKE '{runs[1].upper()}'",
        f"attributes.run_id IN ('{runs[0]}') AND attributes.run_name = 'run 1'",
        "attributes.run_id IN ()",
        f"attributes.artifact_uri LIKE '%{runs[2]}%'",
    ):
        _search(store, [experiment], condition)


@scenario(_about)
def a_run_is_not_found_twice(store: Any, world: World) -> None:
    from mlflow.entities import Metric

    experiment = new_experiment(store, world)
    for number in range(3):
        run = new_run(store, experiment, f"run {number}", start=number)
        for step in range(4):
            store.log_metric(run, Metric("m", float(step), step, step))
    _search(store, [experiment], "metrics.m > 1 AND metrics.m < 9 AND metrics.m != 5")
    _search(store, [experiment], "metrics.m = 3", max_results=2)
