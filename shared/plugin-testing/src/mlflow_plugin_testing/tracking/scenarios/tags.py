"""Tags of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import LACKING_RUN, new_experiment, new_run

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.TAGS


@scenario(_about)
def a_tag_is_set_and_overwritten(store: Any, world: World) -> None:
    from mlflow.entities import RunTag

    run = new_run(store, new_experiment(store, world), tags=[RunTag("k", "made with it")])
    for value in ("v", "w", "", "w", "ü 中 🙂 '\"`\n\t\\ %_"):
        store.set_tag(run, RunTag("k", value))
        store.get_run(run)


@scenario(_about)
def tags_are_kept_as_they_are_written(store: Any, world: World) -> None:
    from mlflow.entities import RunTag

    run = new_run(store, new_experiment(store, world))
    for key in (
        "a b",
        "a.b",
        "a/b",
        "a-b",
        "a:b",
        "ünï",
        "k",
        "K",
        "mlflow.note.content",
        "x" * 250,
    ):
        store.set_tag(run, RunTag(key, f"of {key[:20]}"))
    store.set_tag(run, RunTag("long", "v" * 5000))
    store.get_run(run)


@scenario(_about)
def a_wrong_tag_is_refused(store: Any, world: World) -> None:
    from mlflow.entities import RunTag

    run = new_run(store, new_experiment(store, world))
    wrong: list[Any] = [
        "",
        None,
        "/a",
        "a//b",
        "a/../b",
        ".",
        "..",
        "./a",
        "a=b",
        "a\\b",
        "x" * 251,
    ]
    for key in wrong:
        store.set_tag(run, RunTag(key, "v"))
    store.get_run(run)


@scenario(_about)
def a_tag_that_is_too_long_is_cut_or_refused(store: Any, world: World) -> None:
    from mlflow.entities import RunTag

    run = new_run(store, new_experiment(store, world))
    store.set_tag(run, RunTag("k", "v" * 8001))
    store.get_run(run)


@scenario(_about)
def a_deleted_tag_is_gone(store: Any, world: World) -> None:
    from mlflow.entities import RunTag

    run = new_run(store, new_experiment(store, world), tags=[RunTag("k", "v"), RunTag("K", "w")])
    store.delete_tag(run, "k")
    store.get_run(run)
    store.set_tag(run, RunTag("k", "again"))
    store.get_run(run)


@scenario(_about)
def a_tag_that_is_not_there_cannot_be_deleted(store: Any, world: World) -> None:
    from mlflow.entities import RunTag

    run = new_run(store, new_experiment(store, world), tags=[RunTag("k", "v")])
    store.delete_tag(run, "lacking")
    store.delete_tag(run, "K")
    store.delete_tag(run, "k")
    store.delete_tag(run, "k")
    store.get_run(run)


@scenario(_about)
def a_tag_needs_a_run(store: Any, world: World) -> None:
    from mlflow.entities import RunTag

    del world
    store.set_tag(LACKING_RUN, RunTag("k", "v"))
    store.delete_tag(LACKING_RUN, "k")
    store.set_tag(LACKING_RUN, RunTag("mlflow.runName", "v"))
