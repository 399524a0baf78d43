"""What went into a run: datasets with their tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import LACKING_RUN, new_experiment, new_run

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.INPUTS
_CONTEXT = "mlflow.data.context"


def _input(name: Any = "data", digest: Any = "d1", **more: Any) -> Any:
    """Make the input that MLflow's client makes of a dataset."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    tags = [InputTag(*each) for each in more.pop("tags", {}).items()]
    whole = {"source_type": "local", "source": '{"uri": "a"}', "schema": None, "profile": None}
    return DatasetInput(dataset=Dataset(name=name, digest=digest, **{**whole, **more}), tags=tags)


def _read(store: Any, run: Any) -> Any:
    # No order is promised of the inputs of a run: MLflow's store has them in that of their ids.
    return store.unordered_inside.get_run(run)


@scenario(_about)
def a_dataset_is_read_with_the_run(store: Any, world: World) -> None:
    run = new_run(store, new_experiment(store, world))
    tags = {_CONTEXT: "training", "k": "", "ü": "中 '\"`"}
    store.log_inputs(run, [_input(schema='{"a": 1}', profile='{"rows": 2}', tags=tags)])
    _read(store, run)


@scenario(_about)
def a_dataset_needs_no_tags_schema_or_profile(store: Any, world: World) -> None:
    run = new_run(store, new_experiment(store, world))
    store.log_inputs(run, datasets=[_input()])
    _read(store, run)
    store.log_inputs(run, datasets=[])
    store.log_inputs(run)
    _read(store, run)


@scenario(_about)
def several_datasets_go_into_one_run(store: Any, world: World) -> None:
    run = new_run(store, new_experiment(store, world))
    store.log_inputs(
        run,
        [
            _input("a", "d1", tags={_CONTEXT: "training"}),
            _input("b", "d1", tags={_CONTEXT: "testing"}),
            _input("a", "d2"),
        ],
    )
    store.log_inputs(run, [_input("c", "d3")])
    _read(store, run)


@scenario(_about)
def the_same_dataset_goes_into_a_run_once(store: Any, world: World) -> None:
    run = new_run(store, new_experiment(store, world))
    first = _input(tags={"k": "first"})
    second = _input(tags={"k": "second", "l": "more"}, source='{"uri": "b"}')
    store.log_inputs(run, [first, second])
    _read(store, run)
    store.log_inputs(run, [second])
    _read(store, run)


@scenario(_about)
def one_dataset_goes_into_several_runs(store: Any, world: World) -> None:
    experiment = new_experiment(store, world)
    first, second = (new_run(store, experiment, name) for name in ("first", "second"))
    store.log_inputs(first, [_input(tags={_CONTEXT: "training"})])
    store.log_inputs(second, [_input(tags={_CONTEXT: "testing"})])
    _read(store, first)
    _read(store, second)
    other = new_run(store, new_experiment(store, world, "b"), "third")
    store.log_inputs(other, [_input(source='{"uri": "elsewhere"}')])
    _read(store, other)


@scenario(_about)
def runs_are_found_by_their_datasets(store: Any, world: World) -> None:
    from mlflow.entities import ViewType

    experiment = new_experiment(store, world)
    for number, (name, digest, context) in enumerate(
        (
            ("a", "d1", "training"),
            ("a", "d2", "testing"),
            ("B", "d1", "training"),
            ("c", "d3", None),
        )
    ):
        run = new_run(store, experiment, f"run {number}", start=number)
        tags = {_CONTEXT: context} if context else {}
        store.log_inputs(run, [_input(name, digest, tags=tags)])
    new_run(store, experiment, "without")
    for condition in (
        "datasets.name = 'a'",
        "dataset.name = 'a'",
        "datasets.name != 'a'",
        "datasets.name LIKE '%b%'",
        "datasets.name ILIKE '%b%'",
        "datasets.digest = 'd1'",
        "datasets.context = 'training'",
        "datasets.context = 'training' AND datasets.name = 'a'",
        "datasets.name IN ('a', 'c')",
        "datasets.digest NOT IN ('d1', 'd2')",
        "datasets.context IN ('testing', 'nothing')",
        "datasets.lacking = 'a'",
        "datasets.name > 'a'",
    ):
        store.search_runs([experiment], condition, ViewType.ALL, max_results=10)


@scenario(_about)
def wrong_datasets_are_refused(store: Any, world: World) -> None:
    from mlflow.entities import DatasetInput

    run = new_run(store, new_experiment(store, world))
    without: Any = None
    for wrong in (
        _input(None),
        _input(digest=None),
        _input(source_type=None),
        _input(source=None),
        _input("x" * 501),
        _input(digest="x" * 37),
        _input(source="x" * 65_536),
        _input(tags={"x" * 256: "v"}),
        _input(tags={"k": "x" * 501}),
        _input(tags={"k": None}),
        DatasetInput(dataset=without, tags=[]),
    ):
        store.log_inputs(run, [_input("right"), wrong])
        _read(store, run)
    store.log_inputs(run, "no list")
    _read(store, run)


@scenario(_about)
def inputs_need_an_active_run(store: Any, world: World) -> None:
    store.log_inputs(LACKING_RUN, [_input()])
    store.log_inputs("no/id", [_input()])
    run = new_run(store, new_experiment(store, world))
    store.delete_run(run)
    store.log_inputs(run, [_input()])
    _read(store, run)


@scenario(_about)
def the_datasets_of_experiments_are_summed_up(store: Any, world: World) -> None:
    first, second = new_experiment(store, world), new_experiment(store, world, "b")
    runs = [new_run(store, experiment) for experiment in (first, first, second)]
    store.log_inputs(runs[0], [_input("a", "d1", tags={_CONTEXT: "training"}), _input("b", "d2")])
    store.log_inputs(runs[1], [_input("a", "d1", tags={_CONTEXT: "training"})])
    store.log_inputs(runs[1], [_input("b", "d2", tags={_CONTEXT: "testing"})])
    store.log_inputs(runs[2], [_input("a", "d1", tags={"other": "tag"})])
    found = store.unordered.optional
    found._search_datasets([first])
    found._search_datasets([second])
    found._search_datasets([first, second])
    found._search_datasets([new_experiment(store, world, "c")])
