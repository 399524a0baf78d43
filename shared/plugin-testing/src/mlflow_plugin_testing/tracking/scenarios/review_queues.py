"""Review queues: traces that people are to look at, and who did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.samples import trace_id, trace_info
from mlflow_plugin_testing.tracking.steps import new_experiment, next_millisecond

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.REVIEW_QUEUES
_needs = "create_review_queue"


def _queue(store: Any, experiment: Any, name: str = "Queue", **fields: Any) -> Any:
    return store.create_review_queue(experiment, name=name, queue_type="custom", **fields)


def _question(store: Any, experiment: Any, name: str) -> Any:
    from mlflow.genai.label_schemas import InputText

    return store.create_label_schema(
        experiment, name=name, type="feedback", input=InputText()
    ).schema_id


@scenario(_about, _needs)
def a_queue_has_what_it_was_made_with(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    questions = [_question(store, experiment, name) for name in ("one", "two")]
    made = _queue(
        store, experiment, created_by="Ann", users=["Bob", " ann ", "bob"], schema_ids=questions[:1]
    )
    store.unordered.get_review_queue(made.queue_id)
    # Whatever case the name is asked for in.
    for name in ("Queue", "queue", "other"):
        store.get_review_queue_by_name(experiment, name=name)
    bare = _queue(store, experiment, "bare")
    store.get_review_queue(bare.queue_id)


@scenario(_about, _needs)
def a_queue_of_one_user_is_made_once(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    made = store.get_or_create_user_queue(experiment, user="Ann@Example.org")
    again = store.get_or_create_user_queue(experiment, user=" ann@example.org ")
    store.note("the same", made.queue_id == again.queue_id)
    store.update_review_queue(made.queue_id, name="x")
    _queue(store, experiment, "bob")
    store.get_or_create_user_queue(experiment, user="bob")
    store.get_or_create_user_queue("987654321", user="bob")


@scenario(_about, _needs)
def a_queue_that_cannot_be_is_refused(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    _queue(store, experiment)
    for name in ("Queue", "QUEUE", "", "  ", "default"):
        _queue(store, experiment, name)
    _queue(store, experiment, "q", schema_ids=["ls-missing"])
    _queue(store, "987654321", "q")
    store.create_review_queue(experiment, name="q", queue_type="other")
    store.create_review_queue(experiment, name="ann", queue_type="user", users=["bob"])


@scenario(_about, _needs)
def queues_are_listed_by_user_and_item(store: Any, world: World) -> None:
    experiment, other = (new_experiment(store, world, name) for name in "ab")
    made = []
    for number in range(4):
        next_millisecond()
        users = ["ann"] if number % 2 else ["bob", "ann"]
        made.append(_queue(store, experiment, f"q{number}", users=sorted(users)).queue_id)
    store.start_trace(trace_info(world, experiment, "one"))
    store.add_items_to_review_queue(made[2], item_ids=[trace_id(world, "one")])
    store.list_review_queues(experiment)
    for user in ("ann", "BOB", "nobody"):
        store.list_review_queues(experiment, user=user)
    store.list_review_queues(experiment, item_id=trace_id(world, "one"))
    store.list_review_queues(other)
    store.list_review_queues("987654321")
    for size in range(1, 6):
        store.pages("list_review_queues", experiment, max_results=size)
    store.list_review_queues(experiment, max_results=0)


@scenario(_about, _needs)
def a_queue_is_changed_in_part(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    question = _question(store, experiment, "one")
    made = _queue(store, experiment, users=["ann"]).queue_id
    _queue(store, experiment, "taken")
    changes: list[dict[str, Any]] = [
        {"users": ["bob"]},
        {"users": []},
        {"schema_ids": [question]},
        {"name": "renamed"},
        {"new_owner": "Cid"},
        {},
        {"name": "TAKEN"},
        {"name": ""},
        {"schema_ids": ["ls-missing"]},
    ]
    for change in changes:
        store.update_review_queue(made, **change)
    store.get_review_queue(made)
    store.start_trace(trace_info(world, experiment, "one"))
    store.add_items_to_review_queue(made, item_ids=[trace_id(world, "one")])
    # Its questions are fixed once there is something to review.
    store.update_review_queue(made, schema_ids=[])
    store.get_review_queue(made)


def _with_items(store: Any, world: World) -> Any:
    experiment = new_experiment(store, world, "a")
    made = _queue(store, experiment, users=["ann"]).queue_id
    for name in ("one", "two", "three"):
        store.start_trace(trace_info(world, experiment, name))
    store.add_items_to_review_queue(
        made, item_ids=[trace_id(world, name) for name in ("one", "two", "three")]
    )
    return made


@scenario(_about, _needs)
def items_of_a_queue_are_added_and_removed(store: Any, world: World) -> None:
    made = _with_items(store, world)
    one, two = (trace_id(world, name) for name in ("one", "two"))
    store.add_items_to_review_queue(made, item_ids=[one, one])
    store.list_review_queue_items(made)
    for size in range(1, 5):
        store.pages("list_review_queue_items", made, max_results=size)
    store.remove_items_from_review_queue(made, item_ids=[one, "tr-never-there"])
    store.list_review_queue_items(made)
    store.add_items_to_review_queue(made, item_ids=[])
    store.add_items_to_review_queue(made, item_ids=[two], item_type="dream")
    store.list_review_queue_items(made, max_results=0)
    store.list_review_queue_items(made, status="dreamt")


@scenario(_about, _needs)
def an_item_is_completed_declined_and_opened_again(store: Any, world: World) -> None:
    made = _with_items(store, world)
    one, two = (trace_id(world, name) for name in ("one", "two"))
    store.set_review_queue_item_status(made, item_id=one, status="complete", completed_by="Ann")
    # Who was first stays.
    store.set_review_queue_item_status(made, item_id=one, status="complete", completed_by="bob")
    store.set_review_queue_item_status(made, item_id=two, status="declined", completed_by="bob")
    for status in (None, "pending", "complete", "declined"):
        store.list_review_queue_items(made, status=status)
    store.set_review_queue_item_status(made, item_id=one, status="pending")
    store.list_review_queue_items(made)
    store.set_review_queue_item_status(made, item_id=two, status="pending", completed_by="bob")
    store.set_review_queue_item_status(made, item_id=one, status="complete")
    store.set_review_queue_item_status(made, item_id=one, status="dreamt", completed_by="bob")
    store.set_review_queue_item_status(made, item_id="tr-x", status="complete", completed_by="b")


@scenario(_about, _needs)
def a_deleted_trace_leaves_its_queues(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    made = _queue(store, experiment).queue_id
    for name in ("one", "two"):
        store.start_trace(trace_info(world, experiment, name))
    ids = [trace_id(world, name) for name in ("one", "two")]
    store.add_items_to_review_queue(made, item_ids=ids)
    store.delete_traces(experiment, trace_ids=ids[:1])
    store.list_review_queue_items(made)


@scenario(_about, _needs)
def a_deleted_queue_is_gone_with_its_items(store: Any, world: World) -> None:
    made = _with_items(store, world)
    store.delete_review_queue(made)
    store.get_review_queue(made)
    store.list_review_queue_items(made)
    store.update_review_queue(made, name="x")
    one = trace_id(world, "one")
    store.add_items_to_review_queue(made, item_ids=[one])
    store.remove_items_from_review_queue(made, item_ids=[one])
    store.set_review_queue_item_status(made, item_id=one, status="complete", completed_by="b")
    store.delete_review_queue(made)
