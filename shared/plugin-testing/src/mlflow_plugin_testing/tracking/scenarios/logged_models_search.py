"""The search of logged models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import (
    GARBAGE,
    LACKING_EXPERIMENT,
    all_pages,
    new_experiment,
    new_run,
    next_millisecond,
    unseen,
)

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.LOGGED_MODELS
_NEEDS = "search_logged_models"


def _made(store: Any, experiment: Any, count: int = 5) -> list[Any]:
    """Make some, each with a time of its own: they come back latest first."""
    from mlflow.entities import LoggedModelParameter, LoggedModelStatus, LoggedModelTag

    found = []
    for number in range(count):
        made = store.create_logged_model(
            experiment_id=experiment,
            name=f"model {'cabed'[number % 5]}",
            tags=[LoggedModelTag("k", f"v{number % 2}"), LoggedModelTag("a tag", "x")],
            params=[LoggedModelParameter("p", f"{number}")] if number else [],
            model_type="Agent" if number % 2 else None,
        ).model_id
        if number == 1:
            store.finalize_logged_model(made, LoggedModelStatus.READY)
        found.append(made)
        next_millisecond()
    return found


def _search(store: Any, experiments: list[Any], condition: str | None = None, **more: Any) -> Any:
    return store.search_logged_models(experiment_ids=experiments, filter_string=condition, **more)


def _with_metrics(store: Any, experiment: Any) -> list[Any]:
    from mlflow.entities import Metric

    models = _made(store, experiment)
    run = new_run(store, experiment)
    for number, model in enumerate(models[:4]):
        for step, (name, digest) in enumerate((("train", "d1"), ("test", f"d{number}"))):
            store.log_metric(
                run,
                Metric(
                    "m",
                    float(number * 3 % 4) + 10 * step,
                    1000 + step,
                    step,
                    model_id=model,
                    dataset_name=name,
                    dataset_digest=digest,
                ),
            )
    return models


@scenario(_about, _NEEDS)
def logged_models_come_back_latest_first(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    _made(store, experiment)
    _search(store, [experiment])


@scenario(_about, _NEEDS)
def a_search_of_logged_models_looks_where_it_is_told(store: Any, world: World) -> None:
    first, second = new_experiment(store, world), new_experiment(store, world, "b")
    _made(store, first, 2)
    _made(store, second, 3)
    for experiments in ([first], [second], [second, first], [], [LACKING_EXPERIMENT, first]):
        _search(store, experiments)


@scenario(_about, _NEEDS)
def logged_models_come_in_the_order_that_is_asked_for(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    _with_metrics(store, experiment)
    for name in (
        "name",
        "creation_time",
        "creation_timestamp",
        "model_type",
        "last_updated_timestamp",
        "metrics.lacking",
    ):
        for ascending in (True, False):
            order: list[Any] = [{"field_name": name, "ascending": ascending}]
            found = _search(_inside(store), [experiment], order_by=order)
            store.note("names", [model.name for model in found])
    more: list[Any] = [
        [{"field_name": "name"}],
        [{"field_name": "model_type"}, {"field_name": "name", "ascending": False}],
    ]
    for order in more:
        found = _search(_inside(store), [experiment], order_by=order)
        store.note("names", [model.name for model in found])


def _inside(store: Any) -> Any:
    """Compare what is found without an order; the order is noted by names, since metrics within have none."""
    return store.unordered_inside


@scenario(_about, _NEEDS)
def logged_models_come_in_the_order_of_their_metrics(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    _with_metrics(store, experiment)
    for dataset in (
        {"dataset_name": "train"},
        {"dataset_name": "train", "dataset_digest": "d1"},
        {"dataset_name": "test"},
        {"dataset_name": "test", "dataset_digest": "d2"},
        {"dataset_name": "lacking"},
    ):
        for ascending in (True, False):
            order: list[Any] = [{"field_name": "metrics.m", "ascending": ascending, **dataset}]
            found = _search(_inside(store), [experiment], order_by=order)
            store.note("names", [model.name for model in found])


@scenario(_about, _NEEDS)
def logged_models_are_found_by_what_they_are(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    # Not by status: MLflow's store keeps it as a number there, and compares that with the text.
    models = _made(store, experiment)
    for condition in (
        "name = 'model a'",
        "name != 'model a'",
        "name LIKE 'model %'",
        "name LIKE 'MODEL _'",
        "name ILIKE 'MODEL _'",
        "name IN ('model a', 'model b')",
        "name NOT IN ('model a', 'model b')",
        "attributes.name = 'model c'",
        f"model_id = '{models[1]}'",
        f"model_id IN ('{models[1]}', '{models[2]}')",
        "model_type = 'Agent'",
        "creation_time > 0",
        "creation_timestamp < 1000",
        "tags.k = 'v0'",
        "tags.k != 'v0'",
        "tags.`a tag` = 'x'",
        "tags.k LIKE 'v%'",
        "tags.lacking = 'x'",
        "params.p = '3'",
        "params.p IN ('1', '2')",
        "params.p != '3'",
        "name = 'model a' AND tags.k = 'v1' AND params.p = '1'",
    ):
        found = _search(_inside(store), [experiment], condition)
        store.note("found", sorted(model.name for model in found))


@scenario(_about, _NEEDS)
def logged_models_are_found_by_dataset(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    _with_metrics(store, experiment)
    for datasets in (
        [{"dataset_name": "train"}],
        [{"dataset_name": "test", "dataset_digest": "d1"}],
        [{"dataset_name": "test", "dataset_digest": "d1"}, {"dataset_name": "test"}],
        [{"dataset_name": "lacking"}],
        None,
    ):
        for condition in (None, "metrics.m > 1", "metrics.m > 11", "metrics.lacking > 0"):
            # Older versions of MLflow find a model as often as it has such metrics: how often is not compared.
            found = _search(unseen(store), [experiment], condition, datasets=datasets)
            store.note("found", sorted({model.name for model in found}))


@scenario(_about, _NEEDS)
def a_search_of_logged_models_needs_the_name_of_a_dataset(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    _with_metrics(store, experiment)
    _search(store, [experiment], datasets=[{"dataset_digest": "d1"}])
    _search(store, [experiment], datasets=[{"dataset_name": "train"}, {"dataset_name": ""}])


@scenario(_about, _NEEDS)
def logged_models_are_found_by_their_metrics(store: Any, world: World) -> None:
    from mlflow.entities import Metric

    experiment = new_experiment(store, world)
    run = new_run(store, experiment)
    for number, model in enumerate(_made(store, experiment)[:4]):
        store.log_metric(run, Metric("m", float(number), 1000, 0, model_id=model))
        store.log_metric(run, Metric("a metric", 1.0, 1000, 0, model_id=model))
    for condition in (
        "metrics.m > 1",
        "metrics.m >= 1 AND metrics.m < 3",
        "metrics.m = 2",
        "metrics.m != 2",
        "metrics.`a metric` = 1 AND metrics.m <= 1.5",
        "metrics.lacking = 1",
        "metrics.m > 0 AND params.p = '1'",
    ):
        found = _search(_inside(store), [experiment], condition)
        store.note("found", [model.name for model in found])


@scenario(_about, _NEEDS)
def a_page_of_logged_models_is_followed_by_the_next_one(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    _made(store, experiment)
    for size in range(1, 7):
        for order in (None, [{"field_name": "name"}]):
            all_pages(
                lambda order=order, **page: _search(store, [experiment], order_by=order, **page),
                size,
            )


@scenario(_about, _NEEDS)
def a_token_of_another_search_of_logged_models_is_refused(store: Any, world: World) -> None:
    experiment, other = new_experiment(store, world), new_experiment(store, world, "b")
    _made(store, experiment, 3)
    order = [{"field_name": "name", "ascending": True}]
    token = _search(store, [experiment], "tags.k LIKE 'v%'", max_results=1, order_by=order).token
    wrong: list[dict[str, Any]] = [
        {"experiments": [other], "condition": "tags.k LIKE 'v%'", "order_by": order},
        {"experiments": [experiment], "condition": "tags.k LIKE 'w%'", "order_by": order},
        {"experiments": [experiment], "condition": None, "order_by": order},
        {"experiments": [experiment], "condition": "tags.k LIKE 'v%'", "order_by": None},
    ]
    for each in wrong:
        _search(store, max_results=1, page_token=token, **each)
    _search(store, [experiment], page_token=GARBAGE)


@scenario(_about, _NEEDS)
def a_search_of_logged_models_refuses_what_it_does_not_know(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    _made(store, experiment, 1)
    for condition in (
        "name > 'a'",
        "nonsense.k = 'v'",
        "tags.k > 'v'",
        "metrics.m LIKE '1'",
        "name = 'a' OR name = 'b'",
        "name",
        "name = 'a'; name = 'b'",
        "creation_time LIKE '1'",
    ):
        _search(store, [experiment], condition)
    for order in ([{"field_name": "lacking"}], [{"field_name": "params.p"}]):
        _search(store, [experiment], order_by=order)


@scenario(_about, _NEEDS)
def a_change_of_a_logged_model_is_found_at_once(store: Any, world: World) -> None:
    from mlflow.entities import LoggedModelStatus, LoggedModelTag

    experiment = new_experiment(store, world)
    model = store.create_logged_model(experiment_id=experiment, name="a").model_id
    _search(store, [experiment])
    store.set_logged_model_tags(model, [LoggedModelTag("k", "v")])
    _search(store, [experiment], "tags.k = 'v'")
    store.delete_logged_model_tag(model, "k")
    _search(store, [experiment], "tags.k = 'v'")
    store.finalize_logged_model(model, LoggedModelStatus.READY)
    _search(store, [experiment])
    store.delete_logged_model(model)
    _search(store, [experiment])
