"""Assessments of traces: feedback and expectations, overridden, changed and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.samples import span_id, trace_id, trace_info
from mlflow_plugin_testing.tracking.steps import new_experiment

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.ASSESSMENTS
_times = {"create_time_ms": 1000, "last_update_time_ms": 2000}


def _trace(store: Any, world: World, name: str = "one") -> str:
    experiment = new_experiment(store, world, name)
    store.start_trace(trace_info(world, experiment, name))
    return trace_id(world, name)


def _feedback(trace: str, name: str = "good", *, value: Any = True, **fields: Any) -> Any:
    from mlflow.entities import Feedback

    return Feedback(name=name, value=value, trace_id=trace, **{**_times, **fields})


def _expectation(trace: str, name: str = "answer", value: Any = "42", **fields: Any) -> Any:
    from mlflow.entities import Expectation

    return Expectation(name=name, value=value, trace_id=trace, **{**_times, **fields})


@scenario(_about)
def feedback_has_all_that_it_was_given_with(store: Any, world: World) -> None:
    from mlflow.entities import AssessmentSource

    trace = _trace(store, world)
    made = store.create_assessment(
        _feedback(
            trace,
            source=AssessmentSource("HUMAN", "ann@example.org"),
            rationale="because 世界",
            metadata={"k": "v", "mlflow.assessment.sourceRunId": "r-1"},
            span_id=span_id(world, "one", "root"),
        )
    )
    store.get_assessment(trace, made.assessment_id)
    store.get_trace_info(trace)


@scenario(_about)
def feedback_has_values_of_every_kind(store: Any, world: World) -> None:
    trace = _trace(store, world)
    values = (True, False, 0, -7, 0.5, "", "text 🌍", [1, 2], {"a": 1, "b": "x"})
    for value in values:
        made = store.create_assessment(_feedback(trace, value=value))
        store.get_assessment(trace, made.assessment_id)


@scenario(_about)
def an_expectation_has_values_of_every_kind(store: Any, world: World) -> None:
    trace = _trace(store, world)
    for value in (True, 0, 0.5, "", "text 🌍", [1, "a"], {"a": {"b": [1, None]}}):
        made = store.create_assessment(_expectation(trace, value=value, metadata={"k": "v"}))
        store.get_assessment(trace, made.assessment_id)


@scenario(_about)
def feedback_tells_why_there_is_no_value(store: Any, world: World) -> None:
    from mlflow.entities import AssessmentError

    trace = _trace(store, world)
    error = AssessmentError(error_code="TIMEOUT", error_message="too slow", stack_trace="at line 1")
    made = store.create_assessment(_feedback(trace, value=None, error=error))
    store.get_assessment(trace, made.assessment_id)
    store.get_trace_info(trace)


@scenario(_about)
def assessments_of_two_traces_are_kept_apart(store: Any, world: World) -> None:
    one, two = _trace(store, world), _trace(store, world, "two")
    first = store.create_assessment(_feedback(one))
    second = store.create_assessment(_feedback(two, value=False))
    store.get_assessment(one, second.assessment_id)
    store.get_assessment(two, first.assessment_id)
    store.delete_assessment(two, first.assessment_id)
    store.get_trace_info(one)
    store.get_trace_info(two)


@scenario(_about)
def feedback_that_overrides_another_makes_it_invalid(store: Any, world: World) -> None:
    trace = _trace(store, world)
    first = store.create_assessment(_feedback(trace, value=False))
    second = store.create_assessment(_feedback(trace, overrides=first.assessment_id))
    store.get_assessment(trace, first.assessment_id)
    third = store.create_assessment(_feedback(trace, value=2, overrides=second.assessment_id))
    store.get_trace_info(trace)
    # What was overridden counts again.
    store.delete_assessment(trace, third.assessment_id)
    store.get_assessment(trace, second.assessment_id)
    store.get_assessment(trace, first.assessment_id)
    store.get_trace_info(trace)


@scenario(_about)
def what_is_overridden_has_to_be_there(store: Any, world: World) -> None:
    one, two = _trace(store, world), _trace(store, world, "two")
    made = store.create_assessment(_feedback(two))
    store.create_assessment(_feedback(one, overrides="a-missing"))
    store.create_assessment(_feedback(one, overrides=made.assessment_id))
    store.get_trace_info(one)
    store.get_trace_info(two)


@scenario(_about)
def an_assessment_is_changed_in_part(store: Any, world: World) -> None:
    from mlflow.entities.assessment import ExpectationValue, FeedbackValue

    trace = _trace(store, world)
    given: dict[str, Any] = {"rationale": "before", "metadata": {"k": "v", "kept": "x"}}
    feedback = store.create_assessment(_feedback(trace, **given)).assessment_id
    expectation = store.create_assessment(_expectation(trace, metadata={"k": "v"})).assessment_id
    changes: list[tuple[str, dict[str, Any]]] = [
        (feedback, {"name": "better"}),
        (feedback, {"feedback": FeedbackValue(value="new")}),
        (feedback, {"rationale": "after"}),
        (feedback, {"metadata": {"k": "w", "more": "y"}}),
        (feedback, {}),
        (feedback, {"rationale": ""}),
        (expectation, {"expectation": ExpectationValue(value={"new": [1]})}),
        (expectation, {"name": "reply", "metadata": {"k": "w"}}),
    ]
    for each, change in changes:
        store.update_assessment(trace, each, **change)
        store.get_assessment(trace, each)
    store.get_trace_info(trace)


@scenario(_about)
def an_assessment_keeps_its_kind(store: Any, world: World) -> None:
    from mlflow.entities.assessment import ExpectationValue, FeedbackValue

    trace = _trace(store, world)
    feedback = store.create_assessment(_feedback(trace)).assessment_id
    expectation = store.create_assessment(_expectation(trace)).assessment_id
    store.update_assessment(trace, feedback, expectation=ExpectationValue(value=1))
    store.update_assessment(trace, expectation, feedback=FeedbackValue(value=1))
    store.update_assessment(
        trace, feedback, feedback=FeedbackValue(value=1), expectation=ExpectationValue(value=1)
    )
    store.get_trace_info(trace)


@scenario(_about)
def an_assessment_that_overrides_still_does_so_when_it_changed(store: Any, world: World) -> None:
    from mlflow.entities.assessment import FeedbackValue

    trace = _trace(store, world)
    first = store.create_assessment(_feedback(trace, value=False)).assessment_id
    second = store.create_assessment(_feedback(trace, overrides=first)).assessment_id
    store.update_assessment(trace, second, feedback=FeedbackValue(value="changed"))
    store.update_assessment(trace, first, rationale="still not valid")
    store.get_trace_info(trace)


@scenario(_about)
def an_assessment_is_deleted_and_then_missing(store: Any, world: World) -> None:
    trace = _trace(store, world)
    made = store.create_assessment(_feedback(trace)).assessment_id
    store.create_assessment(_feedback(trace, "other"))
    store.delete_assessment(trace, made)
    store.get_assessment(trace, made)
    store.update_assessment(trace, made, name="x")
    store.get_trace_info(trace)
    # To delete what is gone is no error.
    store.delete_assessment(trace, made)


@scenario(_about)
def an_assessment_needs_a_trace(store: Any, world: World) -> None:
    missing = trace_id(world, "missing")
    store.create_assessment(_feedback(missing))
    store.get_assessment(missing, "a-missing")
    store.update_assessment(missing, "a-missing", name="x")
    store.delete_assessment(missing, "a-missing")
    trace = _trace(store, world)
    store.get_assessment(trace, "a-missing")
    store.update_assessment(trace, "a-missing", name="x")
    store.delete_assessment(trace, "a-missing")


@scenario(_about)
def assessments_are_found_with_their_traces(store: Any, world: World) -> None:
    experiment = new_experiment(store, world, "a")
    for name in ("one", "two"):
        store.start_trace(trace_info(world, experiment, name))
        store.create_assessment(_feedback(trace_id(world, name), rationale=name))
        store.create_assessment(_expectation(trace_id(world, name)))
    store.search_traces([experiment])


@scenario(_about)
def traces_are_found_by_their_assessments(store: Any, world: World) -> None:
    from mlflow.entities import Expectation, Feedback

    experiment = new_experiment(store, world, "a")
    values: tuple[Any, ...] = (True, "yes", 5, 0.5, False, "no")
    for number, value in enumerate(values):
        name = trace_id(world, f"t{number}")
        store.start_trace(trace_info(world, experiment, f"t{number}", request_time=1000 + number))
        store.create_assessment(Feedback(name="good", value=value, trace_id=name))
        if number % 2:
            store.create_assessment(Expectation(name="answer", value=str(value), trace_id=name))
    first = store.get_trace_info(trace_id(world, "t1"))
    good = [each for each in first.assessments if each.name == "good"]
    # One that is overridden is not valid any more, and not found.
    store.create_assessment(
        Feedback(
            name="good",
            value="maybe",
            trace_id=trace_id(world, "t1"),
            overrides=good[0].assessment_id,
        )
    )
    filters = [
        "feedback.good = 'true'",
        "feedback.good = 'yes'",
        "feedback.good = 'maybe'",
        "feedback.good != 'yes'",
        "feedback.good = '5'",
        "feedback.good LIKE '%o%'",
        "feedback.good ILIKE '%O%'",
        "feedback.good > 1",
        "feedback.good <= 0.5",
        "feedback.never = 'true'",
        "feedback.good IS NULL",
        "feedback.never IS NULL",
        "expectation.answer = 'yes'",
        "expectation.answer IS NOT NULL",
        "expectation.answer IS NULL",
        "expectation.good = 'yes'",
    ]
    for text in filters:
        store.search_traces([experiment], filter_string=text)
