"""Runs whose artifacts lie in the location under test, used by MLflow's client."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlflow_plugin_testing.artifacts.capabilities import ArtifactCapability
from mlflow_plugin_testing.artifacts.check import check, error_of
from mlflow_plugin_testing.artifacts.content import digest_of, read_tree, write_tree

if TYPE_CHECKING:
    from mlflow_plugin_testing.artifacts.bench import Bench

__all__ = ["Runs"]


class Runs:
    """Tests through a tracking store, MLflow's own on SQLite."""

    @pytest.fixture(scope="class")
    def tracking_uri(self, tmp_path_factory: pytest.TempPathFactory) -> str:
        """The tracking store whose runs keep their artifacts in the location under test."""
        return f"sqlite:///{tmp_path_factory.mktemp('tracking') / 'tracking.db'}"

    @check(ArtifactCapability.OPENING)
    def test_a_run_keeps_its_artifacts_there(self, bench: Bench, tracking_uri: str) -> None:
        """Logged, listed and fetched by MLflow's client, which knows the run alone."""
        import mlflow

        client, run = _run(bench, tracking_uri)
        local = bench.place("local")
        write_tree(local, {"a.txt": b"a", "sub/b.txt": b"bb"})
        client.log_artifact(run, str(local / "a.txt"), "one")
        client.log_artifacts(run, str(local), "two")
        client.log_text(run, "hello é", "three/text.txt")
        client.log_dict(run, {"x": [1, 2]}, "three/data.json")

        assert _listed(client, run) == ["one", "three", "two"]
        assert _listed(client, run, "two") == ["two/a.txt", "two/sub"]
        destination = bench.place("downloads")
        destination.mkdir()
        returned = mlflow.artifacts.download_artifacts(
            run_id=run, artifact_path="two", dst_path=str(destination), tracking_uri=tracking_uri
        )
        assert Path(returned) == destination / "two"
        assert read_tree(destination) == {
            "two/a.txt": digest_of(b"a"),
            "two/sub/b.txt": digest_of(b"bb"),
        }
        # By the location, where a path can be put behind it; MLflow 2.22 looks for a `runs:/` one
        # in its default store, whatever it is told.
        where = (
            {"run_id": run, "artifact_path": "three/text.txt"}
            if "?" in bench.uri()
            else {"artifact_uri": f"{client.get_run(run).info.artifact_uri}/three/text.txt"}
        )
        fetched = mlflow.artifacts.download_artifacts(**where, tracking_uri=tracking_uri)
        assert Path(fetched).read_text(encoding="utf-8") == "hello é"

    @check(ArtifactCapability.OPENING)
    def test_two_runs_of_an_experiment_do_not_meet(self, bench: Bench, tracking_uri: str) -> None:
        """Both log a file of the same name."""
        client, first = _run(bench, tracking_uri)
        second = client.create_run(client.get_run(first).info.experiment_id).info.run_id
        for run in (first, second):
            client.log_text(run, run, "name.txt")

        for run in (first, second):
            fetched = client.download_artifacts(run, "name.txt", str(_made(bench)))
            assert Path(fetched).read_text(encoding="utf-8") == run
        assert _listed(client, first) == ["name.txt"]

    @check(ArtifactCapability.OPENING)
    def test_a_missing_artifact_of_a_run_is_an_error(self, bench: Bench, tracking_uri: str) -> None:
        """By the run's id, and by a `runs:/` URI."""
        import mlflow

        client, run = _run(bench, tracking_uri)
        client.log_text(run, "x", "there.txt")
        for given in (
            {"run_id": run, "artifact_path": "missing"},
            {"artifact_uri": f"runs:/{run}/missing"},
        ):
            error = error_of(
                mlflow.artifacts.download_artifacts,
                **given,
                dst_path=str(_made(bench)),
                tracking_uri=tracking_uri,
            )

            assert isinstance(error, (mlflow.MlflowException, OSError)), (
                f"a missing artifact was answered by {error!r}"
            )

    @check(ArtifactCapability.DELETION)
    def test_mlflow_gc_deletes_the_artifacts_of_deleted_runs(
        self, bench: Bench, tracking_uri: str
    ) -> None:
        """And those of no other run."""
        from click.testing import CliRunner
        from mlflow.cli import gc

        client, doomed = _run(bench, tracking_uri)
        kept = client.create_run(client.get_run(doomed).info.experiment_id).info.run_id
        for run in (doomed, kept):
            client.log_text(run, "x", "folder/a.txt")
        client.delete_run(doomed)
        # Newer ones ask for the tracking URI too.
        known = {option for parameter in gc.params for option in parameter.opts}
        options = [name for name in ("--backend-store-uri", "--tracking-uri") if name in known]
        given = [word for name in options for word in (name, tracking_uri)]
        done = CliRunner().invoke(gc, given)

        assert done.exit_code == 0, f"{done.output} {done.exception!r}"
        left = sorted(path.partition("/")[0] for path in bench.stored())
        assert left == [kept], f"artifacts of {left} are left, of {kept} expected"


def _run(bench: Bench, tracking_uri: str) -> tuple[Any, str]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=tracking_uri)
    experiment = client.create_experiment(bench.token, artifact_location=bench.uri())
    return client, client.create_run(experiment).info.run_id


def _listed(client: Any, run: str, path: str | None = None) -> list[str]:
    return sorted(info.path for info in client.list_artifacts(run, path))


def _made(bench: Bench) -> Path:
    folder = bench.place("downloads")
    folder.mkdir()
    return folder
