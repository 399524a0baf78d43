"""Traces, their spans, tags and assessments, changed in any order on both stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, invariant, multiple, precondition, rule

from mlflow_plugin_testing.calls import Failed
from mlflow_plugin_testing.tracking.machine import PairMachine, Twin
from mlflow_plugin_testing.tracking.samples import SECOND, span, trace_id, trace_info
from mlflow_plugin_testing.tracking.steps import new_experiment

if TYPE_CHECKING:
    from mlflow_plugin_testing.pair import Pair

__all__ = ["AssessmentsMachine", "TracesMachine"]

_TRACES = st.sampled_from(("one", "two", "three"))
_SPANS = st.sampled_from(("root", "first", "second"))
_KEYS = st.sampled_from(("k", "l", "mlflow.traceName"))
_TEXTS = st.sampled_from(("", "x", "y 世界", "100%"))
_VALUES = st.sampled_from((True, 0, 0.5, "yes", ["a"], {"b": 1}))
_STATES = st.sampled_from(("OK", "ERROR", "IN_PROGRESS"))
_FILTERS = st.sampled_from(
    ("status = 'OK'", "status != 'OK'", "tags.k = 'x'", "timestamp > 1000", "span.name = 'first'")
)
_STARTS = {"root": 1, "first": 2, "second": 3}


class _Machine(PairMachine):
    """What the machines have in common: an experiment, and three traces that may be there or not."""

    def __init__(self, pair: Pair) -> None:
        """Begin with two stores.

        Args:
            pair: Both stores.
        """
        super().__init__(pair)
        self.experiment: Twin | None = None
        self.steps = 0

    @initialize()
    def make_experiment(self) -> None:
        """Make the experiment in which all happens, with two of the traces."""
        made = self.pair.run(lambda store: new_experiment(store, self.world, "machine"))
        self.experiment = Twin(*made)
        for name in ("one", "two"):
            self.start_trace(name, "OK", 1000)

    @rule(name=_TRACES, state=_STATES, time=st.integers(1000, 1003))
    def start_trace(self, name: str, state: str, time: int) -> None:
        """Begin a trace that is not there; what a second beginning leaves has changed in MLflow."""
        from mlflow.entities import TraceState

        if not self.both("get_trace_info", self.id_of(name)).failed:
            return
        experiments = iter((self.experiment.reference, self.experiment.candidate))  # type: ignore[union-attr]
        self.pair.run(
            lambda store: store.start_trace(
                trace_info(
                    self.world,
                    next(experiments),
                    name,
                    state=TraceState[state],
                    request_time=time,
                    tags={"k": name},
                )
            )
        )

    # Not too often: an empty store has little to tell.
    @precondition(lambda self: self.steps % 5 == 4)
    @rule(names=st.lists(_TRACES, min_size=1, max_size=2))
    def delete_traces(self, names: list[str]) -> None:
        """Delete traces, whether they are there or not."""
        ids = [self.id_of(name) for name in names]
        self.both("delete_traces", self.experiment, trace_ids=ids)

    @invariant()
    def all_traces_are_the_same(self) -> None:
        """Compare all that there is."""
        self.steps += 1
        if self.experiment:
            self.both("search_traces", [self.experiment])

    def id_of(self, name: str) -> str:
        """Return the id of one of the traces.

        Args:
            name: One of the three names.
        """
        return trace_id(self.world, name)


class TracesMachine(_Machine):
    """Traces with spans and tags."""

    @rule(name=_TRACES, spans=st.lists(_SPANS, min_size=1, max_size=3, unique=True), text=_TEXTS)
    def log_spans(self, name: str, spans: list[str], text: str) -> None:
        """Log some of three spans, again perhaps."""
        made = [
            span(
                self.world,
                name,
                each,
                parent=None if each == "root" else "root",
                start=_STARTS[each] * SECOND,
                end=5 * SECOND,
                attributes={"text": text},
            )
            for each in spans
        ]
        self.both("log_spans", self.experiment, made)

    @rule(name=_TRACES, key=_KEYS, value=_TEXTS)
    def set_tag(self, name: str, key: str, value: str) -> None:
        """Set a tag."""
        self.both("set_trace_tag", self.id_of(name), key, value)

    @rule(name=_TRACES, key=_KEYS)
    def delete_tag(self, name: str, key: str) -> None:
        """Delete a tag."""
        self.both("delete_trace_tag", self.id_of(name), key)

    @rule(text=_FILTERS)
    def search(self, text: str) -> None:
        """Search with a filter."""
        self.both("search_traces", [self.experiment], filter_string=text)

    @rule(name=_TRACES)
    def read(self, name: str) -> None:
        """Read spans that are in the store; where they are not, each store refuses in its own way."""
        found = self.both("get_trace_info", self.id_of(name)).reference
        if not isinstance(found, Failed) and "mlflow.trace.spansLocation" in found.tags:
            self.both("batch_get_traces", [self.id_of(name)], self.experiment)


class AssessmentsMachine(_Machine):
    """Traces with assessments."""

    assessments = Bundle("assessments")

    @rule(target=assessments, name=_TRACES, value=_VALUES)
    def assess(self, name: str, value: Any) -> Any:
        """Give feedback."""
        return self._assess(name, value)

    @rule(target=assessments, name=_TRACES, value=_VALUES, overridden=assessments)
    def override(self, name: str, value: Any, overridden: tuple[str, Twin]) -> Any:
        """Override feedback, of another trace perhaps."""
        return self._assess(name, value, overridden[1])

    def _assess(self, name: str, value: Any, overridden: Twin | None = None) -> Any:
        from mlflow.entities import Feedback

        sides = iter((overridden.reference, overridden.candidate) if overridden else (None, None))
        time = 1000 + self.count()
        answer = Twin(
            *self.pair.run(
                lambda store: store.create_assessment(
                    Feedback(
                        "good",
                        value,
                        trace_id=self.id_of(name),
                        overrides=next(sides),
                        create_time_ms=time,
                        last_update_time_ms=time,
                    )
                )
            )
        )
        made = self.made(answer, "assessment_id")
        return (self.id_of(name), made) if made else multiple()

    @rule(which=assessments, value=_VALUES, rationale=st.none() | _TEXTS)
    def change(self, which: tuple[str, Twin], value: Any, rationale: str | None) -> None:
        """Change feedback."""
        from mlflow.entities.assessment import FeedbackValue

        self.both(
            "update_assessment", *which, feedback=FeedbackValue(value=value), rationale=rationale
        )

    @rule(which=assessments)
    def delete(self, which: tuple[str, Twin]) -> None:
        """Delete feedback, twice perhaps."""
        self.both("delete_assessment", *which)

    @rule(which=assessments)
    def read(self, which: tuple[str, Twin]) -> None:
        """Read feedback."""
        self.both("get_assessment", *which)
