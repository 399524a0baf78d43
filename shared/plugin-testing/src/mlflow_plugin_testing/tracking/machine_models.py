"""The state machine of logged models."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, rule

from mlflow_plugin_testing.tracking.machine import PairMachine, Twin
from mlflow_plugin_testing.tracking.steps import next_millisecond

__all__ = ["LoggedModelsMachine"]

_NAMES = st.sampled_from(["a", "b", "a b"])
_KEYS = st.sampled_from(["k", "a key"])
_TEXTS = st.sampled_from(["", "v", "V", "ü '\""])
_FILTERS = st.sampled_from(
    [
        None,
        "name = 'a'",
        "name LIKE 'a%'",
        "tags.k = 'v'",
        "tags.k != 'v' AND name ILIKE 'A'",
        "params.k = 'v'",
        "metrics.m >= 2",
    ]
)


class LoggedModelsMachine(PairMachine):
    """Logged models of one experiment come and go, with tags, params and metrics."""

    models: Bundle[Twin] = Bundle("models")

    @initialize()
    def begin(self) -> None:
        """Make the experiment, and a run that logs the metrics."""
        self.experiment = self.both(
            "create_experiment", self.world.name("a"), artifact_location=None, tags=[]
        )
        made = self.both(
            "create_run",
            experiment_id=self.experiment,
            user_id="ada",
            start_time=1,
            tags=[],
            run_name="run",
        )
        self.run: Twin = made.map(lambda run: run.info.run_id)

    @rule(target=models, name=_NAMES, value=_TEXTS, kind=st.sampled_from([None, "Agent"]))
    def make_model(self, name: str, value: str, kind: str | None) -> Any:
        """Make one; each at a time of its own, since ties go by an id that each store chooses."""
        from mlflow.entities import LoggedModelParameter, LoggedModelTag

        next_millisecond()
        made = self.both(
            "create_logged_model",
            experiment_id=self.experiment,
            name=name,
            source_run_id=self.run,
            tags=[LoggedModelTag("k", value)] if value else [],
            params=[LoggedModelParameter("k", value)],
            model_type=kind,
        )
        return self.made(made, "model_id")

    @rule(model=models, status=st.sampled_from(["READY", "FAILED"]))
    def finish(self, model: Twin, status: str) -> None:
        """Finish it."""
        from mlflow.entities import LoggedModelStatus

        self.both("finalize_logged_model", model, LoggedModelStatus(status))

    @rule(model=models, key=_KEYS, value=_TEXTS)
    def tag(self, model: Twin, key: str, value: str) -> None:
        """Set a tag."""
        from mlflow.entities import LoggedModelTag

        self.both("set_logged_model_tags", model, [LoggedModelTag(key, value)])

    @rule(model=models, key=_KEYS)
    def untag(self, model: Twin, key: str) -> None:
        """Delete a tag, which may not be there."""
        self.both("delete_logged_model_tag", model, key)

    @rule(model=models, value=st.integers(0, 4))
    def log_metric(self, model: Twin, value: int) -> None:
        """Log a metric of it; each at a step of its own, since MLflow's table has no two of one step."""
        from mlflow.entities import Metric

        step = self.count()
        # An entity is no place for a twin: each store gets one of its own.
        metric = model.map(lambda known: Metric("m", float(value), 1000 + step, step, known))
        self.both("log_metric", self.run, metric)

    @rule(model=models)
    def delete(self, model: Twin) -> None:
        """Delete it."""
        self.both("delete_logged_model", model)

    @rule(model=models)
    def read(self, model: Twin) -> None:
        """Read it, and the run."""
        self.both("get_logged_model", model, view="unordered_inside")
        self.both("get_run", self.run, view="unordered_inside")

    @rule(condition=_FILTERS, by_name=st.sampled_from(["", "up", "down"]), size=st.integers(1, 5))
    def search(self, condition: str | None, by_name: str, size: int) -> None:
        """Search them."""
        order = [{"field_name": "name", "ascending": by_name == "up"}] if by_name else None
        names = self.both(
            "search_logged_models",
            experiment_ids=[self.experiment],
            filter_string=condition,
            max_results=size,
            order_by=order,
            view="unordered_inside",
        ).map(lambda models: [model.name for model in models])
        assert names.reference == names.candidate, "the models came in another order"
