"""Tracking stores that get experiments, runs, params, tags, inputs and logged models wrong."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from broken.databases import artifact_root, database
from broken.model import Broken

if TYPE_CHECKING:
    from mlflow_plugin_testing.suite import PluginSuite


def suite() -> type[PluginSuite]:
    from mlflow_plugin_testing import TrackingStoreSuite

    return TrackingStoreSuite


def opened(fault: Callable[[type], type], folder: Path) -> Any:
    """Open MLflow's own store with a fault.

    Args:
        fault: Makes the broken class of the right one.
        folder: Where its file is put.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    # The suite's own root, so that nothing but the fault is different.
    return fault(SqlAlchemyStore)(database(folder), artifact_root(folder))


def broken(name: str, sentence: str, fault: Callable[[type], type], rejected_by: str) -> Broken:
    """Describe a store with a fault.

    Args:
        name: Its name.
        sentence: What it does wrong.
        fault: Makes its class of MLflow's own.
        rejected_by: The test, or the name of the scenario.
    """
    test = rejected_by if rejected_by.startswith("test_") else f"test_scenario[{rejected_by}]"
    return Broken(name, sentence, suite, {"store": lambda folder: opened(fault, folder)}, test)


def _names_are_shared(base: Any) -> type:
    class Store(base):
        def create_experiment(self, name: str, *args: Any, **kwargs: Any) -> str:
            known = self.get_experiment_by_name(name)
            return (
                known.experiment_id if known else super().create_experiment(name, *args, **kwargs)
            )

    return Store


def _delete_is_swallowed(base: Any) -> type:
    class Store(base):
        def delete_run(self, run_id: str) -> None:
            self.get_run(run_id)

    return Store


def _restore_is_swallowed(base: Any) -> type:
    class Store(base):
        def restore_experiment(self, experiment_id: str) -> None:
            self.get_experiment(experiment_id)

    return Store


def _runs_outlive_their_experiment(base: Any) -> type:
    class Store(base):
        def _list_run_infos(self, session: Any, experiment_id: str) -> list[Any]:
            return []

    return Store


def _deleted_runs_are_written_to(base: Any) -> type:
    class Store(base):
        def _check_run_is_active(self, run: Any) -> None:
            pass

    return Store


def _name_and_tag_differ(base: Any) -> type:
    class Store(base):
        def _try_get_run_tag(self, session: Any, *args: Any, **kwargs: Any) -> Any:
            # A row that belongs to nothing: what is written to it is lost.
            class Lost:
                value = ""

            return Lost()

    return Store


def _params_are_overwritten(base: Any) -> type:
    class Store(base):
        def log_param(self, run_id: str, param: Any) -> Any:
            from mlflow.store.tracking.dbmodels.models import SqlParam

            with self.ManagedSessionMaker() as session:
                session.query(SqlParam).filter_by(run_uuid=run_id, key=param.key).delete()
            return super().log_param(run_id, param)

    return Store


def _missing_tags_are_deleted(base: Any) -> type:
    class Store(base):
        def delete_tag(self, run_id: str, key: str) -> None:
            if key in self.get_run(run_id).data.tags:
                super().delete_tag(run_id, key)

    return Store


def _batches_are_half_written(base: Any) -> type:
    class Store(base):
        def log_batch(self, run_id: str, metrics: Any, params: Any, tags: Any) -> None:
            super().log_batch(run_id, metrics, [], tags)
            super().log_batch(run_id, [], params, [])

    return Store


def _batches_have_no_limits(base: Any) -> type:
    class Store(base):
        def log_batch(self, run_id: str, metrics: Any, params: Any, tags: Any) -> None:
            super().log_batch(run_id, metrics[:500], params[:90], tags[:90])
            for start in range(500, len(metrics), 500):
                super().log_batch(run_id, metrics[start : start + 500], [], [])
            super().log_batch(run_id, [], params[90:], tags[90:])

    return Store


def _reads_are_stale(base: Any) -> type:
    class Store(base):
        def get_run(self, run_id: str) -> Any:
            cache = self.__dict__.setdefault("cache", {})
            if run_id not in cache:
                cache[run_id] = super().get_run(run_id)
            return cache[run_id]

    return Store


def _inputs_lose_their_tags(base: Any) -> type:
    class Store(base):
        def log_inputs(self, run_id: str, datasets: Any = None, models: Any = None) -> None:
            for each in datasets if isinstance(datasets, list) else []:
                each._tags = []
            super().log_inputs(run_id, datasets, models)

    return Store


def _runs_outlive_their_end(base: Any) -> type:
    class Store(base):
        def _hard_delete_run(self, run_id: str) -> None:
            self.get_run(run_id)

    return Store


def _background_errors_are_lost(base: Any) -> type:
    class Store(base):
        def log_batch_async(self, run_id: str, metrics: Any, params: Any, tags: Any) -> Any:
            from mlflow.exceptions import MlflowException
            from mlflow.utils.async_logging.run_operations import RunOperations

            with contextlib.suppress(MlflowException):
                self.log_batch(run_id, metrics, params, tags)
            return RunOperations([])

    return Store


def _a_method_is_forgotten(base: Any) -> type:
    class Store(base):
        def set_experiment_tag(self, experiment_id: str, tag: Any) -> None:
            pass

    return Store


def _deleted_models_are_read(base: Any) -> type:
    class Store(base):
        def delete_logged_model(self, model_id: str) -> None:
            self.set_logged_model_tags(model_id, [])

    return Store


BROKEN = [
    broken(
        "experiment-made-twice",
        "A second experiment of the same name is answered with the first one's id.",
        _names_are_shared,
        "a_second_experiment_of_the_same_name_is_refused",
    ),
    broken(
        "delete-swallowed",
        "A run stays active when it is deleted.",
        _delete_is_swallowed,
        "a_deleted_run_is_marked_and_still_found",
    ),
    broken(
        "restore-swallowed",
        "An experiment stays deleted when it is restored.",
        _restore_is_swallowed,
        "a_restored_experiment_is_active_again",
    ),
    broken(
        "runs-outlive-their-experiment",
        "The runs of a deleted experiment stay active.",
        _runs_outlive_their_experiment,
        "the_runs_of_an_experiment_are_deleted_and_restored_with_it",
    ),
    broken(
        "deleted-runs-written-to",
        "Metrics, params and tags are logged to a deleted run.",
        _deleted_runs_are_written_to,
        "a_deleted_run_is_not_changed",
    ),
    broken(
        "name-and-tag-differ",
        "A renamed run keeps its old name in the tag mlflow.runName.",
        _name_and_tag_differ,
        "a_run_is_renamed_together_with_its_tag",
    ),
    broken(
        "param-overwritten",
        "A param takes another value without a word.",
        _params_are_overwritten,
        "a_param_is_never_changed",
    ),
    broken(
        "missing-tag-deleted",
        "Deleting a tag that is not there succeeds.",
        _missing_tags_are_deleted,
        "a_tag_that_is_not_there_cannot_be_deleted",
    ),
    broken(
        "batch-half-written",
        "Metrics and tags of a batch are written although a param of it is refused.",
        _batches_are_half_written,
        "a_batch_that_changes_a_param_writes_nothing",
    ),
    broken(
        "batch-without-limits",
        "A batch of any size is taken.",
        _batches_have_no_limits,
        "a_batch_has_limits",
    ),
    broken(
        "stale-reads",
        "A run that was read once is answered from a cache.",
        _reads_are_stale,
        "a_metric_is_read_at_once",
    ),
    broken(
        "input-tags-lost",
        "The context of a dataset is lost.",
        _inputs_lose_their_tags,
        "a_dataset_is_read_with_the_run",
    ),
    broken(
        "run-outlives-its-end",
        "A run that mlflow gc removes is still there.",
        _runs_outlive_their_end,
        "a_run_is_deleted_for_good",
    ),
    broken(
        "background-errors-lost",
        "Who waits for asynchronous logging does not hear that it failed.",
        _background_errors_are_lost,
        "an_error_in_the_background_is_told_to_who_waits",
    ),
    broken(
        "method-forgotten",
        "A method with an empty body answers None, as MLflow's class does.",
        _a_method_is_forgotten,
        "a_tag_of_an_experiment_is_set_and_overwritten",
    ),
    broken(
        "deleted-model-read",
        "A deleted logged model is still read.",
        _deleted_models_are_read,
        "a_deleted_logged_model_is_gone",
    ),
]
