"""The state machine of experiments and runs, with all that is logged to runs."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, multiple, rule

from mlflow_plugin_testing.tracking.machine import PairMachine, Twin

__all__ = ["RunsMachine"]

_NAMES = st.sampled_from(["a", "b", "c"])
_KEYS = st.sampled_from(["k", "a key", "mlflow.runName"])
_TEXTS = st.sampled_from(["", "v", "V", "ü '\"", "10"])
_VALUES = st.sampled_from([0.0, 1.0, -1.0, 2.5, 1e308, math.inf, -math.inf, math.nan])
_VIEWS = st.sampled_from(["ACTIVE_ONLY", "DELETED_ONLY", "ALL"])
_FILTERS = st.sampled_from(
    [
        "",
        "metrics.m > 0",
        "params.k = 'v'",
        "tags.k != 'v'",
        "tags.`a key` LIKE '%'",
        "attributes.run_name ILIKE 'V'",
        "status = 'FINISHED'",
        "attributes.start_time > 300 AND metrics.m <= 2.5",
        "datasets.name = 'a'",
    ]
)
_ORDERS = st.sampled_from([[], ["metrics.m DESC"], ["params.k"], ["end_time ASC"]])


def _metric(value: float, timestamp: int, step: int, unique: int) -> Any:
    from mlflow.entities import Metric

    if math.isnan(value):
        # MLflow's store sorts it as if it were 0: beside other values of one step that is an accident.
        return Metric("m", value, 1000 + unique, 1000 + unique)
    return Metric("m", value, timestamp, step)


_POINTS = st.lists(
    st.tuples(_VALUES, st.integers(0, 3), st.integers(-1, 2)), min_size=1, max_size=4
)


class RunsMachine(PairMachine):
    """Experiments and runs come and go; whatever is read is the same in both stores."""

    experiments: Bundle[Twin] = Bundle("experiments")
    runs: Bundle[Twin] = Bundle("runs")

    @initialize(target=runs)
    def begin(self) -> Any:
        """Make a run to begin with: its experiment is no other rule's to delete."""
        experiment = self.both(
            "create_experiment", self.world.name("first"), artifact_location=None, tags=[]
        )
        return self.make_one(experiment, "first", 0)

    @rule(target=experiments, name=_NAMES)
    def make_experiment(self, name: str) -> Any:
        """Make one, or be refused: names are few."""
        made = self.both(
            "create_experiment", self.world.name(name), artifact_location=None, tags=[]
        )
        return self.made(made) or multiple()

    @rule(experiment=experiments, name=_NAMES)
    def rename_experiment(self, experiment: Twin, name: str) -> None:
        """Give it another name, which may be taken."""
        self.both("rename_experiment", experiment, self.world.name(name))

    @rule(experiment=experiments, key=st.sampled_from(["k", "a key"]), value=_TEXTS)
    def tag_experiment(self, experiment: Twin, key: str, value: str) -> None:
        """Set a tag of it."""
        from mlflow.entities import ExperimentTag

        self.both("set_experiment_tag", experiment, ExperimentTag(key, value))

    @rule(experiment=experiments)
    def delete_experiment(self, experiment: Twin) -> None:
        """Delete it, and its runs."""
        self.both("delete_experiment", experiment)

    @rule(experiment=experiments)
    def restore_experiment(self, experiment: Twin) -> None:
        """Restore it, and its runs."""
        self.both("restore_experiment", experiment)

    @rule(experiment=experiments)
    def read_experiment(self, experiment: Twin) -> None:
        """Read it."""
        self.both("get_experiment", experiment)

    @rule(view=_VIEWS, size=st.integers(1, 4))
    def search_experiments(self, view: str, size: int) -> None:
        """Search all that this machine made."""
        from mlflow.entities import ViewType

        self.both(
            "search_experiments",
            view_type=getattr(ViewType, view),
            max_results=size,
            filter_string=f"name LIKE '{self.world.token}%'",
            order_by=["name ASC"],
        )

    @rule(target=runs, experiment=experiments, name=_NAMES, hundred=st.integers(0, 6))
    def make_run(self, experiment: Twin, name: str, hundred: int) -> Any:
        """Make one; each starts at a time of its own, since ties go by an id that each store chooses."""
        return self.make_one(experiment, name, hundred) or multiple()

    def make_one(self, experiment: Twin, name: str, hundred: int) -> Twin | None:
        """Make a run.

        Args:
            experiment: Where.
            name: Its name.
            hundred: About when it starts.
        """
        made = self.both(
            "create_run",
            experiment_id=experiment,
            user_id="ada",
            start_time=100 * hundred + self.count(),
            tags=[],
            run_name=name,
        )
        return self.made(made, "info.run_id")

    @rule(run=runs, status=st.sampled_from([None, 1, 3]), end=st.sampled_from([None, 0, 5000]))
    def update_run(self, run: Twin, status: int | None, end: int | None) -> None:
        """Change its status or its end."""
        self.both("update_run_info", run, status, end, None)

    @rule(run=runs)
    def delete_run(self, run: Twin) -> None:
        """Delete it."""
        self.both("delete_run", run)

    @rule(run=runs)
    def restore_run(self, run: Twin) -> None:
        """Restore it."""
        self.both("restore_run", run)

    @rule(run=runs, points=_POINTS)
    def log_metrics(self, run: Twin, points: list[tuple[float, int, int]]) -> None:
        """Log metrics one by one, with equal steps and times."""
        for point in points:
            self.both("log_metric", run, _metric(*point, self.count()))
        self.read_run(run)

    @rule(run=runs, points=_POINTS, key=_KEYS, value=_TEXTS)
    def log_batch(
        self, run: Twin, points: list[tuple[float, int, int]], key: str, value: str
    ) -> None:
        """Log much at once; a param that is there already with another value refuses it all."""
        from mlflow.entities import Param, RunTag

        self.both(
            "log_batch",
            run,
            metrics=[_metric(*point, self.count()) for point in points],
            params=[Param("k", value)],
            tags=[RunTag(key, value)],
        )
        self.read_run(run)

    @rule(run=runs, key=_KEYS, value=_TEXTS)
    def log_param(self, run: Twin, key: str, value: str) -> None:
        """Log a param, which may be there already."""
        from mlflow.entities import Param

        self.both("log_param", run, Param(key, value))

    @rule(run=runs, key=_KEYS, value=_TEXTS)
    def set_tag(self, run: Twin, key: str, value: str) -> None:
        """Set a tag."""
        from mlflow.entities import RunTag

        self.both("set_tag", run, RunTag(key, value))

    @rule(run=runs, key=_KEYS)
    def delete_tag(self, run: Twin, key: str) -> None:
        """Delete a tag, which may not be there."""
        self.both("delete_tag", run, key)

    @rule(run=runs, name=_NAMES, context=st.sampled_from(["", "training", "testing"]))
    def log_input(self, run: Twin, name: str, context: str) -> None:
        """Log a dataset, which may be there already."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        tags = [InputTag("mlflow.data.context", context)] if context else []
        dataset = Dataset(name=name, digest="d1", source_type="local", source="{}")
        self.both("log_inputs", run, [DatasetInput(dataset=dataset, tags=tags)])

    @rule(run=runs)
    def look_at_run(self, run: Twin) -> None:
        """Read it."""
        self.read_run(run)

    def read_run(self, run: Twin) -> None:
        """Read a run, with the history of its metric.

        Args:
            run: Its id in both stores.
        """
        self.both("get_run", run, view="unordered_inside")
        self.both("get_metric_history", run, "m")

    @rule(
        some=st.lists(experiments, min_size=1, max_size=3),
        view=_VIEWS,
        condition=_FILTERS,
        order=_ORDERS,
        size=st.integers(1, 8),
    )
    def search_runs(
        self, some: list[Twin], view: str, condition: str, order: list[str], size: int
    ) -> None:
        """Search runs, and note what each has: the inputs within have no order."""
        from mlflow.entities import ViewType

        # Some versions of MLflow cannot search by dataset and sort at once.
        order = [] if condition.startswith("datasets") else order
        names = self.both(
            "search_runs",
            some,
            condition,
            getattr(ViewType, view),
            max_results=size,
            order_by=order,
            view="unordered_inside",
        ).map(lambda runs: [run.info.run_name for run in runs])
        assert names.reference == names.candidate, "the runs came in another order"
