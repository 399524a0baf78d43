"""The suite of project backends."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from mlflow_plugin_testing.backend.project import ANSWER, TICK, write_project
from mlflow_plugin_testing.capabilities import Capability, Facts
from mlflow_plugin_testing.suite import PluginSuite, about
from mlflow_plugin_testing.support import Tier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["BackendCapability", "ProjectBackendSuite"]

_LOOK_EVERY = 0.1
_OVER = {"FINISHED", "FAILED", "KILLED"}


class BackendCapability(Capability):
    """What a project backend can be able to do."""

    RUNS = Facts(Tier.BASE, "a project runs, and its run has its results", ("run",))
    FAILURES = Facts(Tier.BASE, "a failure is reported as one")
    CANCELLATION = Facts(Tier.EXTENDED, "cancel ends the work for real")
    VALIDATION = Facts(Tier.EXTENDED, "what cannot run is refused at once")
    LOSSES = Facts(Tier.FULL, "work that has vanished is not reported as finished")


class ProjectBackendSuite(PluginSuite):
    """Tests of a project backend, on a small project that logs to the run it is given.

    Besides `backend` and `backend_config` a plugin can give `tracking_uri`, which its work must be able to reach, and
    `vanish`, which makes work disappear without a trace (a deleted job, say), and so reaches level full.

    Attributes:
        patience: Seconds that a run of the small project may take, from `run` to its end.
        grace: Seconds between `cancel` and the last sign of life.

    Example:
        >>> class TestMine(ProjectBackendSuite):
        ...     @pytest.fixture
        ...     def backend(self):
        ...         return MyBackend()
    """

    kind: ClassVar[str] = "project_backend"
    capabilities = BackendCapability
    abstract: ClassVar[str] = "mlflow.projects.backend.abstract_backend.AbstractBackend"
    calls: ClassVar[tuple[str, ...]] = ("run",)
    patience: ClassVar[float] = 120.0
    grace: ClassVar[float] = 10.0

    @pytest.fixture
    def backend(self) -> Any:
        """The backend, as its entry point called without arguments gives it."""
        message = f"{type(self).__name__} needs a fixture `backend` that returns the backend"
        raise NotImplementedError(message)

    @pytest.fixture
    def backend_config(self) -> dict[str, Any]:
        """What a user gives as `--backend-config`."""
        return {}

    @pytest.fixture
    def tracking_uri(self, tmp_path: Path) -> str:
        """Where runs are kept: by default a file of this machine."""
        return f"sqlite:///{tmp_path / 'mlflow.db'}"

    @pytest.fixture
    def vanish(self) -> Callable[[Any], object] | None:
        """Makes the work of a submitted run disappear; None where the tests of a plugin cannot do that."""
        return None

    @pytest.fixture
    def client(self, tracking_uri: str) -> Iterator[Any]:
        """MLflow's client of the tracking store, which is also the current one."""
        import mlflow

        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(tracking_uri)
        yield mlflow.MlflowClient()
        mlflow.set_tracking_uri(before)

    @pytest.fixture
    def submit(
        self, backend: Any, backend_config: dict[str, Any], client: Any, tmp_path: Path
    ) -> Iterator[Callable[..., Any]]:
        """Submits an entry point of the small project; what still runs after the test is cancelled."""
        project = write_project(tmp_path)
        experiment = client.create_experiment(f"conformance {tmp_path.name}")
        submitted: list[Any] = []

        def submit(entry_point: str, **parameters: str) -> Any:
            run = _submitted(
                backend, project, entry_point, parameters, backend_config, client, experiment
            )
            submitted.append(run)
            return run

        yield submit
        for run in submitted:
            if _status(run) not in _OVER:
                run.cancel()

    @about(BackendCapability.RUNS)
    def test_a_run_exists_as_soon_as_it_is_submitted(self, submit: Any, client: Any) -> None:
        """MLflow tags `submitted_run.run_id` as soon as `run` returns."""
        submitted = submit("work")

        assert client.get_run(submitted.run_id).info.run_id == submitted.run_id
        assert _status(submitted) not in {"FINISHED", "FAILED", "KILLED"}, (
            "the run is over, though its work takes minutes; `run` waited, or never began"
        )

    @about(BackendCapability.RUNS)
    def test_a_project_logs_to_the_run_that_it_was_given(self, submit: Any, client: Any) -> None:
        """What the project logs belongs to the run that the user sees, with parameters as they were given."""
        submitted = submit("main", words="a b 'c' \"d\" $HOME; é")

        assert submitted.wait() is True, "wait() must return True when the project succeeded"
        run = client.get_run(submitted.run_id)
        assert run.data.metrics.get(ANSWER) == 42
        assert run.data.tags.get("words") == "a b 'c' \"d\" $HOME; é", (
            "a parameter was changed on its way"
        )
        assert _status(submitted) == "FINISHED"

    @about(BackendCapability.RUNS)
    def test_wait_may_be_called_twice(self, submit: Any) -> None:
        """A synchronous `mlflow run` waits, and so may whoever called it."""
        submitted = submit("main")

        assert [submitted.wait(), submitted.wait()] == [True, True]

    @about(BackendCapability.FAILURES)
    def test_a_project_that_fails_is_failed(self, submit: Any) -> None:
        """`mlflow run` ends with an error for it, since wait() returns False."""
        submitted = submit("fail")

        assert submitted.wait() is False, "wait() must return False when the project failed"
        assert _status(submitted) == "FAILED"

    @about(BackendCapability.CANCELLATION)
    def test_cancel_ends_the_work(self, submit: Any, client: Any) -> None:
        """Who cancels wants the machine back: setting a flag, or printing a line, leaves the work running."""
        submitted = submit("work")
        self._until(lambda: _ticks(client, submitted), "the project gave no sign of life")
        submitted.cancel()
        time.sleep(self.grace)
        before = _ticks(client, submitted)
        # Eight times the interval at which the project logs.
        time.sleep(2.0)

        assert _ticks(client, submitted) == before, (
            f"it still works {self.grace:.0f} s after cancel()"
        )
        assert _status(submitted) in {"KILLED", "FAILED"}, f"its status is {_status(submitted)}"
        assert submitted.wait() is False, "wait() must return False for a run that was cancelled"

    @about(BackendCapability.CANCELLATION)
    def test_cancel_leaves_a_finished_run_alone(self, submit: Any) -> None:
        """A run that ends while somebody cancels it is still a success."""
        submitted = submit("main")
        submitted.wait()
        submitted.cancel()

        assert _status(submitted) == "FINISHED"

    @about(BackendCapability.VALIDATION)
    def test_a_project_that_is_not_there_is_refused(
        self, backend: Any, backend_config: dict[str, Any], client: Any, tmp_path: Path
    ) -> None:
        """Before anything is submitted: nothing would come of it, hours later. MLflow's own gives Git's error."""
        missing = tmp_path / "missing"
        with contextlib.suppress(Exception):
            submitted = _submitted(backend, missing, "main", {}, backend_config, client, "0")
            pytest.fail(f"run() returned {submitted!r} for a folder that does not exist")

        assert not client.search_runs(["0"]), "a run is left that nobody will ever finish"

    @about(BackendCapability.VALIDATION)
    def test_an_entry_point_that_is_not_there_is_refused(
        self, backend: Any, backend_config: dict[str, Any], client: Any, tmp_path: Path
    ) -> None:
        """With MLflow's exception, so that the command line can show it."""
        from mlflow.exceptions import MlflowException

        project = write_project(tmp_path)
        with pytest.raises(MlflowException):
            _submitted(backend, project, "no such entry point", {}, backend_config, client, "0")

    @about(BackendCapability.LOSSES)
    def test_work_that_has_vanished_is_not_finished(
        self, submit: Any, client: Any, vanish: Callable[[Any], object] | None
    ) -> None:
        """A job that somebody deleted, or whose machine is gone, has no result."""
        if vanish is None:
            pytest.skip("no fixture `vanish` was given")
        submitted = submit("work")
        self._until(lambda: _ticks(client, submitted), "the project gave no sign of life")
        vanish(submitted)

        assert submitted.wait() is False, "wait() returned True for work that has vanished"
        assert _status(submitted) in {"FAILED", "KILLED"}, f"its status is {_status(submitted)}"

    def _until(self, condition: Callable[[], object], otherwise: str) -> None:
        deadline = time.monotonic() + self.patience
        while not condition():
            assert time.monotonic() < deadline, f"{otherwise} within {self.patience:.0f} s"
            time.sleep(_LOOK_EVERY)


def _submitted(
    backend: Any,
    project: Path,
    entry_point: str,
    parameters: dict[str, str],
    config: dict[str, Any],
    client: Any,
    experiment: str,
) -> Any:
    """Call a backend as MLflow does: with seven arguments by position, and keys of its own in the configuration."""
    own = {
        "ENV_MANAGER": "local",
        "SYNCHRONOUS": False,
        "DOCKER_ARGS": {},
        "STORAGE_DIR": None,
        "build_image": False,
        "docker_auth": None,
    }
    return backend.run(
        str(project),
        entry_point,
        parameters,
        None,
        {**own, **config},
        client.tracking_uri,
        experiment,
    )


def _status(submitted: Any) -> str:
    """Return the status by name: MLflow's own backends give a name, and a number is what its client takes too."""
    from mlflow.entities import RunStatus

    status = submitted.get_status()
    return status if isinstance(status, str) else str(RunStatus.to_string(status))


def _ticks(client: Any, submitted: Any) -> int:
    return len(client.get_metric_history(submitted.run_id, TICK))
