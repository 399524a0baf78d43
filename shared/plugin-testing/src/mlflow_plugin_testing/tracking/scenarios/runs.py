"""Runs: made, read, changed, deleted and restored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import (
    LACKING_EXPERIMENT,
    LACKING_RUN,
    new_experiment,
    new_run,
    unseen,
)

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.RUNS
_NAME = "mlflow.runName"


@scenario(_about)
def a_run_is_read_as_it_was_made(store: Any, world: World) -> None:
    from mlflow.entities import RunTag

    experiment = new_experiment(store, world)
    tags = [RunTag("mlflow.source.name", "train.py"), RunTag("k", ""), RunTag("ü", "中 '\"`")]
    run = new_run(store, experiment, "my run", start=1234, tags=tags, user="ada")
    store.get_run(run)


@scenario(_about)
def a_run_that_is_not_there_is_an_error(store: Any, world: World) -> None:
    from mlflow.entities import RunStatus

    del world
    store.get_run(LACKING_RUN)
    store.delete_run(LACKING_RUN)
    store.restore_run(LACKING_RUN)
    store.update_run_info(LACKING_RUN, RunStatus.FINISHED, 2000, "b")
    store.get_run("")


@scenario(_about)
def a_run_needs_an_experiment(store: Any, world: World) -> None:
    del world
    store.create_run(
        experiment_id=LACKING_EXPERIMENT, user_id="ada", start_time=1, tags=[], run_name="a"
    )


@scenario(_about)
def the_name_of_a_run_is_a_tag_as_well(store: Any, world: World) -> None:
    from mlflow.entities import RunTag

    experiment = new_experiment(store, world)
    ways: list[tuple[str | None, list[RunTag]]] = [
        ("by argument", []),
        (None, [RunTag(_NAME, "by tag")]),
        ("", [RunTag(_NAME, "by tag")]),
        ("both", [RunTag(_NAME, "both"), RunTag("k", "v")]),
    ]
    for name, tags in ways:
        made = store.create_run(
            experiment_id=experiment, user_id="ada", start_time=1, tags=tags, run_name=name
        )
        store.get_run(made.info.run_id)


@scenario(_about)
def two_names_for_one_run_are_refused(store: Any, world: World) -> None:
    from mlflow.entities import RunTag, ViewType

    experiment = new_experiment(store, world)
    store.create_run(
        experiment_id=experiment,
        user_id="ada",
        start_time=1,
        tags=[RunTag(_NAME, "b")],
        run_name="a",
    )
    store.search_runs([experiment], "", ViewType.ALL, max_results=10)


@scenario(_about)
def a_run_without_a_name_gets_one(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    names = []
    no_tags: list[Any] = [[], None]
    for tags in no_tags:
        made = unseen(store).create_run(
            experiment_id=experiment, user_id="ada", start_time=1, tags=tags, run_name=None
        )
        read = unseen(store).get_run(made.info.run_id)
        names.append(read.info.run_name)
        store.note("it has a name", bool(read.info.run_name))
        store.note("the tag says the same", read.data.tags.get(_NAME) == read.info.run_name)
        store.note("the answer said the same", made.info.run_name == read.info.run_name)
    store.note("the names differ", names[0] != names[1])


@scenario(_about)
def runs_of_the_same_name_are_two_runs(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    first, second = new_run(store, experiment, "same"), new_run(store, experiment, "same")
    store.note("they differ", first != second)
    store.get_run(first)
    store.get_run(second)


@scenario(_about)
def a_run_takes_each_status(store: Any, world: World) -> None:
    from mlflow.entities import RunStatus

    run = new_run(store, new_experiment(store, world))
    for status in sorted(RunStatus.all_status()):
        store.update_run_info(run, status, 2000 + status, None)
        store.get_run(run)


@scenario(_about)
def what_is_not_given_in_an_update_stays(store: Any, world: World) -> None:
    from mlflow.entities import RunStatus

    run = new_run(store, new_experiment(store, world), "first")
    store.update_run_info(run, RunStatus.FINISHED, 3000, "second")
    for status, end, name in (
        (None, None, None),
        (None, 4000, None),
        (RunStatus.KILLED, None, None),
        (RunStatus.KILLED, None, ""),
        (None, None, "third"),
        (RunStatus.RUNNING, 0, "ü 中 '\"`"),
    ):
        store.update_run_info(run, status, end, name)
        store.get_run(run)


@scenario(_about)
def a_run_is_renamed_together_with_its_tag(store: Any, world: World) -> None:
    from mlflow.entities import RunTag

    run = new_run(store, new_experiment(store, world), "first")
    store.update_run_info(run, None, None, "second")
    store.get_run(run)
    store.set_tag(run, RunTag(_NAME, "third"))
    store.get_run(run)
    store.log_batch(run, metrics=[], params=[], tags=[RunTag(_NAME, "fourth"), RunTag("k", "v")])
    store.get_run(run)
    store.delete_tag(run, _NAME)
    store.get_run(run)
    store.update_run_info(run, None, None, "fifth")
    store.get_run(run)


@scenario(_about)
def a_deleted_run_is_marked_and_still_found(store: Any, world: World) -> None:
    from mlflow.entities import Metric, Param

    run = new_run(store, new_experiment(store, world))
    store.log_batch(run, metrics=[Metric("m", 1.0, 1, 0)], params=[Param("p", "v")], tags=[])
    store.delete_run(run)
    store.get_run(run)
    store.get_metric_history(run, "m")
    store.restore_run(run)
    store.get_run(run)
    store.get_metric_history(run, "m")


@scenario(_about)
def runs_are_deleted_and_restored_again_and_again(store: Any, world: World) -> None:
    run = new_run(store, new_experiment(store, world))
    for _ in range(2):
        store.restore_run(run)
        store.get_run(run)
        for _ in range(2):
            store.delete_run(run)
            store.get_run(run)


@scenario(_about)
def a_deleted_run_is_not_changed(store: Any, world: World) -> None:
    from mlflow.entities import Metric, Param, RunStatus, RunTag

    run = new_run(store, new_experiment(store, world), tags=[RunTag("k", "v")])
    store.delete_run(run)
    store.update_run_info(run, RunStatus.FINISHED, 2000, "b")
    store.log_metric(run, Metric("m", 1.0, 1, 0))
    store.log_param(run, Param("p", "v"))
    store.set_tag(run, RunTag("k", "w"))
    store.delete_tag(run, "k")
    store.log_batch(run, metrics=[Metric("m", 1.0, 1, 0)], params=[], tags=[])
    store.log_batch(run, metrics=[], params=[Param("p", "v")], tags=[])
    store.log_batch(run, metrics=[], params=[], tags=[RunTag("l", "v")])
    store.get_run(run)
    store.get_metric_history(run, "m")
    store.restore_run(run)
    store.get_run(run)


@scenario(_about)
def changing_one_run_leaves_the_others_alone(store: Any, world: World) -> None:
    from mlflow.entities import Metric, Param, RunStatus, RunTag

    experiment = new_experiment(store, world)
    first, second = (new_run(store, experiment, name) for name in ("first", "second"))
    store.log_batch(
        first,
        metrics=[Metric("m", 1.0, 1, 0)],
        params=[Param("p", "v")],
        tags=[RunTag("k", "v")],
    )
    store.update_run_info(first, RunStatus.FAILED, 5000, "renamed")
    store.get_run(second)
    store.get_metric_history(second, "m")
    store.log_param(second, Param("p", "w"))
    store.delete_run(first)
    store.get_run(second)
    store.get_run(first)
