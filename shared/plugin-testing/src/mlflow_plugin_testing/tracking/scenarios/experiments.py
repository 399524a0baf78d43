"""Experiments: made, found, renamed, deleted and restored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import (
    LACKING_EXPERIMENT,
    new_experiment,
    new_run,
    next_millisecond,
)

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.EXPERIMENTS
# From MLflow 3.13 on; a default of the abstract class asks for each experiment.
_FILTER = "filter_active_experiment_ids"


@scenario(_about)
def an_experiment_is_found_by_its_id_and_by_its_name(store: Any, world: World) -> None:
    from mlflow.entities import ExperimentTag

    made = new_experiment(store, world, tags=[ExperimentTag("k", "v"), ExperimentTag("l", "")])
    store.get_experiment(made)
    store.get_experiment_by_name(world.name("a"))
    store.get_experiment_by_name(world.name("b"))
    store.get_experiment_by_name(world.name("A"))


@scenario(_about)
def an_experiment_keeps_the_place_for_artifacts_that_it_is_given(store: Any, world: World) -> None:
    made = store.create_experiment(
        world.name("a"), artifact_location="s3://bucket/of ours", tags=[]
    )
    store.get_experiment(made)
    run = new_run(store, made)
    store.get_run(run)


@scenario(_about)
def an_experiment_without_tags_may_be_made_with_none(store: Any, world: World) -> None:
    made = store.create_experiment(world.name("a"), artifact_location=None, tags=None)
    store.get_experiment(made)


@scenario(_about)
def the_names_of_experiments_are_kept_as_they_are(store: Any, world: World) -> None:
    for name in ("a/b", "a'b\"c`d", "ü 中 🙂", "100%_\\", " led by a space", "A", "a", "x" * 400):
        made = new_experiment(store, world, name)
        store.get_experiment(made)
        store.get_experiment_by_name(world.name(name))


@scenario(_about)
def a_second_experiment_of_the_same_name_is_refused(store: Any, world: World) -> None:
    new_experiment(store, world)
    new_experiment(store, world)
    store.get_experiment_by_name(world.name("a"))


@scenario(_about)
def the_name_of_a_deleted_experiment_is_not_free(store: Any, world: World) -> None:
    store.delete_experiment(new_experiment(store, world))
    new_experiment(store, world)
    other = new_experiment(store, world, "b")
    store.rename_experiment(other, world.name("a"))
    store.get_experiment(other)


@scenario(_about)
def an_experiment_needs_a_name_of_a_sane_length(store: Any, world: World) -> None:
    for name in ("", None, world.name("x" * 500), 7):
        store.create_experiment(name, artifact_location=None, tags=[])
    made = new_experiment(store, world)
    for name in ("", None, world.name("x" * 500)):
        store.rename_experiment(made, name)
    store.get_experiment(made)


@scenario(_about)
def an_experiment_that_is_refused_is_not_made(store: Any, world: World) -> None:
    from mlflow.entities import ExperimentTag

    store.create_experiment(
        world.name("a"), artifact_location=None, tags=[ExperimentTag("k", "v" * 30_000)]
    )
    store.get_experiment_by_name(world.name("a"))


@scenario(_about)
def an_experiment_that_is_not_there_is_an_error(store: Any, world: World) -> None:
    from mlflow.entities import ExperimentTag

    store.get_experiment(LACKING_EXPERIMENT)
    store.delete_experiment(LACKING_EXPERIMENT)
    store.restore_experiment(LACKING_EXPERIMENT)
    store.rename_experiment(LACKING_EXPERIMENT, world.name("b"))
    store.set_experiment_tag(LACKING_EXPERIMENT, ExperimentTag("k", "v"))
    store.delete_experiment_tag(LACKING_EXPERIMENT, "k")


@scenario(_about)
def a_renamed_experiment_is_found_by_its_new_name_alone(store: Any, world: World) -> None:
    made = new_experiment(store, world)
    before = store.get_experiment(made)
    next_millisecond()
    store.rename_experiment(made, world.name("b"))
    after = store.get_experiment(made)
    store.note(
        "the time of the last update moved", after.last_update_time > before.last_update_time
    )
    store.note("the time of creation stayed", after.creation_time == before.creation_time)
    store.get_experiment_by_name(world.name("a"))
    store.get_experiment_by_name(world.name("b"))
    new_experiment(store, world)


@scenario(_about)
def an_experiment_is_not_renamed_to_a_name_in_use(store: Any, world: World) -> None:
    made = new_experiment(store, world)
    other = new_experiment(store, world, "b")
    store.rename_experiment(other, world.name("a"))
    store.get_experiment(other)
    store.get_experiment_by_name(world.name("a"))
    store.rename_experiment(made, world.name("a"))
    store.get_experiment(made)


@scenario(_about)
def a_deleted_experiment_is_marked_and_still_found(store: Any, world: World) -> None:
    made = new_experiment(store, world)
    before = store.get_experiment(made)
    next_millisecond()
    store.delete_experiment(made)
    after = store.get_experiment(made)
    store.note(
        "the time of the last update moved", after.last_update_time > before.last_update_time
    )
    store.get_experiment_by_name(world.name("a"))


@scenario(_about)
def an_experiment_is_deleted_once(store: Any, world: World) -> None:
    made = new_experiment(store, world)
    store.delete_experiment(made)
    store.delete_experiment(made)


@scenario(_about)
def a_restored_experiment_is_active_again(store: Any, world: World) -> None:
    made = new_experiment(store, world)
    store.delete_experiment(made)
    store.restore_experiment(made)
    store.get_experiment(made)
    new_run(store, made)


@scenario(_about)
def only_a_deleted_experiment_is_restored(store: Any, world: World) -> None:
    store.restore_experiment(new_experiment(store, world))


@scenario(_about)
def a_deleted_experiment_is_not_changed(store: Any, world: World) -> None:
    from mlflow.entities import ExperimentTag

    made = new_experiment(store, world, tags=[ExperimentTag("k", "v")])
    store.delete_experiment(made)
    store.rename_experiment(made, world.name("b"))
    store.set_experiment_tag(made, ExperimentTag("k", "w"))
    store.delete_experiment_tag(made, "k")
    store.get_experiment(made)
    store.create_run(experiment_id=made, user_id="ada", start_time=1, tags=[], run_name="run")


@scenario(_about)
def the_runs_of_an_experiment_are_deleted_and_restored_with_it(store: Any, world: World) -> None:
    made = new_experiment(store, world)
    runs = [new_run(store, made, f"run {number}", start=number) for number in range(3)]
    store.delete_run(runs[1])
    store.delete_experiment(made)
    for run in runs:
        store.get_run(run)
    store.restore_experiment(made)
    for run in runs:
        store.get_run(run)


@scenario(_about)
def deleting_one_experiment_leaves_the_others_alone(store: Any, world: World) -> None:
    first, second = new_experiment(store, world), new_experiment(store, world, "b")
    run = new_run(store, second)
    store.delete_experiment(first)
    store.get_experiment(second)
    store.get_run(run)


@scenario(_about, _FILTER)
def the_active_ones_among_experiments_are_told(store: Any, world: World) -> None:
    first, second, third = (new_experiment(store, world, name) for name in ("a", "b", "c"))
    store.delete_experiment(second)
    # Sets of ids: neither the abstract class nor the SQL store promises an order.
    ours = store.unordered
    ours.filter_active_experiment_ids([first, second, third])
    ours.filter_active_experiment_ids([second])
    ours.filter_active_experiment_ids([LACKING_EXPERIMENT, first])
    ours.filter_active_experiment_ids([])
    store.restore_experiment(second)
    ours.filter_active_experiment_ids([second])
