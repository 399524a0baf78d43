"""Label schemas: the questions that reviewers of traces are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import new_experiment, next_millisecond

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.LABEL_SCHEMAS


def _text(longest: int | None = None) -> Any:
    from mlflow.genai.label_schemas import InputText

    return InputText(max_length=longest)


@scenario(_about, "create_label_schema")
def a_question_has_each_kind_of_answer(store: Any, world: World) -> None:
    from mlflow.genai.label_schemas import InputCategorical, InputNumeric, InputPassFail

    experiment = new_experiment(store, world, "a")
    inputs = {
        "pass": InputPassFail(positive_label="good", negative_label="bad"),
        "one": InputCategorical(options=["a", "b"]),
        "many": InputCategorical(options=["a", "b"], multi_select=True),
        "number": InputNumeric(min_value=0, max_value=1.5),
        "text": _text(100),
    }
    for name, each in inputs.items():
        next_millisecond()
        made = store.create_label_schema(
            experiment,
            name=name,
            type="expectation" if name == "text" else "feedback",
            input=each,
            instruction=f"how is {name} 世界?",
            enable_comment=name == "one",
        )
        store.get_label_schema(made.schema_id)
        store.get_label_schema_by_name(experiment, name)


@scenario(_about, "create_label_schema")
def questions_are_listed_page_by_page(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    # The question that each experiment has by itself is made when they are listed.
    store.list_label_schemas(experiment)
    for name in "abcd":
        next_millisecond()
        store.create_label_schema(experiment, name=name, type="feedback", input=_text())
    store.list_label_schemas(experiment)
    for size in range(1, 7):
        store.pages("list_label_schemas", experiment, max_results=size)
    store.list_label_schemas(experiment, max_results=0)
    store.list_label_schemas("987654321")


@scenario(_about, "create_label_schema")
def a_question_is_changed_in_part(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    made, other = (
        store.create_label_schema(experiment, name=name, type="feedback", input=_text()).schema_id
        for name in ("one", "other")
    )
    changes: list[dict[str, Any]] = [
        {"name": "renamed"},
        {"instruction": "say more"},
        {"enable_comment": True},
        {"input": _text(5)},
        {},
        {"name": "other"},
        {"name": ""},
    ]
    for change in changes:
        store.update_label_schema(made, **change)
    store.get_label_schema(made)
    store.get_label_schema_by_name(experiment, "one")
    store.get_label_schema(other)


@scenario(_about, "create_label_schema")
def a_question_is_asked_once_in_an_experiment(store: Any, world: World) -> None:
    from mlflow.genai.label_schemas import InputCategorical, InputNumeric, InputPassFail

    experiment, other = (new_experiment(store, world, name) for name in "ab")
    for where in (experiment, experiment, other, "987654321"):
        store.create_label_schema(where, name="q", type="feedback", input=_text())
    refused: list[dict[str, Any]] = [
        {"name": "", "type": "feedback", "input": _text()},
        {"name": "n" * 251, "type": "feedback", "input": _text()},
        {"name": "feedback", "type": "feedback", "input": _text()},
        {"name": "r", "type": "guess", "input": _text()},
        {"name": "r", "type": "feedback", "input": "text"},
        {"name": "r", "type": "feedback", "input": _text(0)},
        {"name": "r", "type": "feedback", "input": InputCategorical(options=[])},
        {"name": "r", "type": "feedback", "input": InputNumeric(min_value=2, max_value=1)},
        {"name": "r", "type": "feedback", "input": InputPassFail("same", "same")},
    ]
    for arguments in refused:
        store.create_label_schema(experiment, **arguments)


@scenario(_about, "create_label_schema")
def a_question_is_deleted(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    made = store.create_label_schema(experiment, name="q", type="feedback", input=_text()).schema_id
    store.delete_label_schema(made)
    store.get_label_schema(made)
    store.get_label_schema_by_name(experiment, "q")
    store.update_label_schema(made, name="x")
    store.delete_label_schema(made)
    # The one that each experiment has by itself stays.
    own = store.list_label_schemas(experiment)
    store.delete_label_schema(own[0].schema_id)
    store.update_label_schema(own[0].schema_id, name="x")
    store.list_label_schemas(experiment)
