"""Params: written once, and never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import LACKING_RUN, new_experiment, new_run

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.PARAMS


@scenario(_about)
def a_param_is_read_at_once(store: Any, world: World) -> None:
    from mlflow.entities import Param

    run = new_run(store, new_experiment(store, world))
    for key, value in (
        ("a", "1"),
        ("b", ""),
        ("c", " "),
        ("d", "ü 中 🙂 '\"`\n\t\\ %_"),
        ("A", "2"),
    ):
        store.log_param(run, Param(key, value))
        store.get_run(run)


@scenario(_about)
def a_param_may_be_written_again_with_the_same_value(store: Any, world: World) -> None:
    from mlflow.entities import Param

    run = new_run(store, new_experiment(store, world))
    for value in ("v", "v", ""):
        store.log_param(run, Param("p", value))
    store.log_param(run, Param("empty", ""))
    store.log_param(run, Param("empty", ""))
    store.get_run(run)


@scenario(_about)
def a_param_is_never_changed(store: Any, world: World) -> None:
    from mlflow.entities import Param

    run = new_run(store, new_experiment(store, world))
    store.log_param(run, Param("p", "first"))
    for value in ("second", "First", "first ", ""):
        store.log_param(run, Param("p", value))
        store.get_run(run)


@scenario(_about)
def params_are_kept_as_they_are_written(store: Any, world: World) -> None:
    from mlflow.entities import Param

    run = new_run(store, new_experiment(store, world))
    for key in ("a b", "a.b", "a/b", "a-b", "a:b", "a_b", "ünï", "0", "x" * 250, "a.b/c:d-e f"):
        store.log_param(run, Param(key, f"of {key[:20]}"))
    for number, value in enumerate(("None", "null", "1.0", "1e5", "true", '{"a": 1}', "x" * 6000)):
        store.log_param(run, Param(f"value {number}", value))
    store.get_run(run)


@scenario(_about)
def a_param_that_is_too_long_is_cut_or_refused(store: Any, world: World) -> None:
    from mlflow.entities import Param

    run = new_run(store, new_experiment(store, world))
    store.log_param(run, Param("p", "x" * 6001))
    store.get_run(run)
    store.log_param(run, Param("k" * 251, "v"))
    store.get_run(run)


@scenario(_about)
def a_wrong_param_is_refused(store: Any, world: World) -> None:
    from mlflow.entities import Param

    run = new_run(store, new_experiment(store, world))
    wrong: list[Any] = ["", None, "/a", "a//b", "a/../b", ".", "..", "./a", "a=b", "a\\b", "a\nb"]
    for key in wrong:
        store.log_param(run, Param(key, "v"))
    store.get_run(run)


@scenario(_about)
def a_param_needs_a_run(store: Any, world: World) -> None:
    from mlflow.entities import Param

    del world
    store.log_param(LACKING_RUN, Param("p", "v"))
