"""Logged models: made, finished, tagged and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import (
    LACKING_EXPERIMENT,
    LACKING_RUN,
    new_experiment,
    new_run,
    next_millisecond,
    unseen,
)

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.LOGGED_MODELS
_NEEDS = "create_logged_model"
_LACKING = "m-0123456789abcdef0123456789abcdef"


def _read(store: Any, model: Any) -> Any:
    # The metrics of a model are a list without a promised order.
    return store.unordered_inside.get_logged_model(model)


@scenario(_about, _NEEDS)
def a_logged_model_is_read_as_it_was_made(store: Any, world: World) -> None:
    from mlflow.entities import LoggedModelParameter, LoggedModelTag

    experiment = new_experiment(store, world)
    run = new_run(store, experiment)
    made = store.create_logged_model(
        experiment_id=experiment,
        name="my model",
        source_run_id=run,
        tags=[LoggedModelTag("k", "v"), LoggedModelTag("ü", "中 '\"`")],
        params=[LoggedModelParameter("p", "1"), LoggedModelParameter("q", "")],
        model_type="Agent",
    )
    _read(store, made.model_id)


@scenario(_about, _NEEDS)
def a_logged_model_needs_no_more_than_an_experiment(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    made = store.create_logged_model(experiment_id=experiment, name="a")
    _read(store, made.model_id)
    found = unseen(store).create_logged_model(experiment_id=experiment)
    store.note("it has a name", bool(found.name))
    store.note("a name is kept", unseen(store).get_logged_model(found.model_id).name == found.name)


@scenario(_about, _NEEDS)
def logged_models_of_the_same_name_are_two_models(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    ids = [store.create_logged_model(experiment, name="same").model_id for _ in range(2)]
    store.note("they differ", len(set(ids)) == 2)
    for model in ids:
        _read(store, model)


@scenario(_about, _NEEDS)
def a_wrong_name_of_a_logged_model_is_refused(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    for name in ("", "a/b", "a:b", "a.b", "a%b", 'a"b', "a'b"):
        store.create_logged_model(experiment_id=experiment, name=name)
    for name in ("a b", "ünï 中", "a-b_c"):
        store.create_logged_model(experiment_id=experiment, name=name)


@scenario(_about, _NEEDS)
def a_logged_model_needs_an_active_experiment(store: Any, world: World) -> None:
    store.create_logged_model(experiment_id=LACKING_EXPERIMENT, name="a")
    experiment = new_experiment(store, world)
    store.delete_experiment(experiment)
    store.create_logged_model(experiment_id=experiment, name="a")


@scenario(_about, _NEEDS)
def a_logged_model_that_is_not_there_is_an_error(store: Any, world: World) -> None:
    from mlflow.entities import LoggedModelParameter, LoggedModelStatus, LoggedModelTag

    del world
    store.get_logged_model(_LACKING)
    store.finalize_logged_model(_LACKING, LoggedModelStatus.READY)
    store.set_logged_model_tags(_LACKING, [LoggedModelTag("k", "v")])
    store.delete_logged_model_tag(_LACKING, "k")
    store.delete_logged_model(_LACKING)
    store.log_logged_model_params(_LACKING, [LoggedModelParameter("p", "v")])
    store.set_model_versions_tags("name", "1", _LACKING)


@scenario(_about, _NEEDS)
def a_logged_model_is_finished(store: Any, world: World) -> None:
    from mlflow.entities import LoggedModelStatus

    experiment = new_experiment(store, world)
    model = store.create_logged_model(experiment_id=experiment, name="a").model_id
    for status in (LoggedModelStatus.READY, LoggedModelStatus.FAILED, LoggedModelStatus.READY):
        before = _read(store, model).last_updated_timestamp
        next_millisecond()
        store.finalize_logged_model(model, status)
        after = _read(store, model)
        store.note("the time of the last update moved", after.last_updated_timestamp > before)


@scenario(_about, _NEEDS)
def tags_of_a_logged_model_are_set_and_overwritten(store: Any, world: World) -> None:
    from mlflow.entities import LoggedModelTag

    experiment = new_experiment(store, world)
    first, second = (
        store.create_logged_model(experiment, name=name, tags=[LoggedModelTag("k", "v")]).model_id
        for name in ("a", "b")
    )
    for tags in (
        {"k": "w", "l": "x"},
        {"K": "", "a b": "ü 中 '\"`", "a.b/c": "y"},
        {},
        {"k": "z"},
    ):
        store.set_logged_model_tags(first, [LoggedModelTag(*each) for each in tags.items()])
        _read(store, first)
    _read(store, second)


@scenario(_about, _NEEDS)
def a_tag_of_a_logged_model_is_deleted_once(store: Any, world: World) -> None:
    from mlflow.entities import LoggedModelTag

    tags = [LoggedModelTag("k", "v"), LoggedModelTag("l", "w")]
    experiment = new_experiment(store, world)
    model = store.create_logged_model(experiment, name="a", tags=tags).model_id
    store.delete_logged_model_tag(model, "k")
    _read(store, model)
    store.delete_logged_model_tag(model, "k")
    store.delete_logged_model_tag(model, "lacking")
    _read(store, model)


@scenario(_about, _NEEDS)
def params_are_added_to_a_logged_model(store: Any, world: World) -> None:
    from mlflow.entities import LoggedModelParameter

    experiment = new_experiment(store, world)
    made = store.create_logged_model(experiment, name="a", params=[LoggedModelParameter("p", "v")])
    more = {"q": "w", "long": "x" * 5000, "ü": "", "a b": "'\"`"}
    store.log_logged_model_params(
        made.model_id, [LoggedModelParameter(*each) for each in more.items()]
    )
    _read(store, made.model_id)
    store.log_logged_model_params(made.model_id, [])
    # Another value for a param that is there already.
    store.log_logged_model_params(made.model_id, [LoggedModelParameter("p", "other")])
    _read(store, made.model_id)


@scenario(_about, _NEEDS)
def a_deleted_logged_model_is_gone(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    first, second = (
        store.create_logged_model(experiment_id=experiment, name=name).model_id for name in "ab"
    )
    store.delete_logged_model(first)
    _read(store, first)
    _read(store, second)
    if store.accepts("get_logged_model", "allow_deleted"):
        store.get_logged_model(first, allow_deleted=True)
        store.get_logged_model(first, allow_deleted=False)
    store.search_logged_models(experiment_ids=[experiment])


@scenario(_about, "set_model_versions_tags", _NEEDS)
def a_logged_model_knows_its_registered_versions(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    model = store.create_logged_model(experiment_id=experiment, name="a").model_id
    for name, version in (("one", "1"), ("two", "1"), ("one", "1"), ("one", "2")):
        store.set_model_versions_tags(name, version, model)
        _read(store, model)


@scenario(_about)
def a_run_keeps_the_history_of_its_models(store: Any, world: World) -> None:
    from mlflow.models import Model

    run = new_run(store, new_experiment(store, world))
    for name in ("first", "second"):
        model = Model(
            artifact_path=name,
            run_id=run,
            utc_time_created="2024-01-02 03:04:05.000006",
            flavors={"python_function": {"loader_module": "a"}},
            model_uuid=f"uuid of {name}",
        )
        store.record_logged_model(run, model)
        # JSON within a tag: the ids in it are replaced like all others.
        store.get_run(run)
    store.record_logged_model(run, "no model")
    store.record_logged_model(LACKING_RUN, model)
    store.delete_run(run)
    store.record_logged_model(run, model)
