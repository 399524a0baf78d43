"""A repository is made as MLflow makes it, and used as MLflow uses it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
from mlflow.store.artifact.artifact_repo import ArtifactRepository

from mlflow_plugin_testing.artifacts.capabilities import ArtifactCapability
from mlflow_plugin_testing.artifacts.check import check, error_of
from mlflow_plugin_testing.methods import overridden
from mlflow_plugin_testing.verdicts import skip_absent

if TYPE_CHECKING:
    from mlflow_plugin_testing.artifacts.bench import Bench

__all__ = ["Opening"]

#: How MLflow's registry has called the class, in each of its generations.
_GENERATIONS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "up to 3.0, by the URI": ((), {}),
    "3.1 to 3.4, by position": (("sqlite:///tracking.db",), {}),
    "since 3.5, by name": (
        (),
        {"tracking_uri": "sqlite:///tracking.db", "registry_uri": "sqlite:///registry.db"},
    ),
}


class Opening:
    """Tests of what comes before the first file."""

    @check(ArtifactCapability.OPENING)
    def test_each_abstract_method_is_written(self, bench: Bench) -> None:
        """MLflow's class enforces nothing: a forgotten method has an empty body, and answers None to everything."""
        repository = type(bench.candidate().raw)
        forgotten = sorted(
            name
            for name, value in vars(ArtifactRepository).items()
            # MLflow marks them, though its metaclass, written as in Python 2, does nothing with the marks.
            if getattr(value, "__isabstractmethod__", False)
            and not overridden(repository, name, ArtifactRepository)
        )

        assert not forgotten, (
            f"{repository.__name__} does not define {', '.join(forgotten)}: MLflow's class has an empty body there, "
            "so that each call would answer None"
        )

    @check(ArtifactCapability.OPENING)
    def test_the_repository_is_one_of_mlflows(self, bench: Bench) -> None:
        """It inherits from `ArtifactRepository`, and its constructor has called the one of that class."""
        repository = bench.candidate().raw

        assert isinstance(repository, ArtifactRepository)
        assert repository.artifact_uri == bench.uri(), "MLflow reads the attribute `artifact_uri`"
        assert repository.thread_pool is not None, (
            "the constructor of ArtifactRepository was not called"
        )
        assert bench.candidate().property_named("max_workers") >= 1

    @check(ArtifactCapability.OPENING)
    def test_opening_does_nothing_that_could_fail(self, bench: Bench) -> None:
        """MLflow opens a repository for each call: what is opened and not used leaves no trace."""
        for _ in range(20):
            _ = bench.candidate().raw

        assert bench.stored() == {}

    @check(ArtifactCapability.OPENING)
    def test_a_location_with_a_slash_at_the_end_is_the_same_one(self, bench: Bench) -> None:
        """Users write both, and MLflow appends to either."""
        uri = bench.uri("run")
        if "?" in uri:
            path, _, query = uri.partition("?")
            slashed = f"{path}/?{query}"
        else:
            slashed = f"{uri}/"
        bench.candidate("run").log_artifact("a.txt", b"a", "f")
        opened = bench.opener(slashed)

        assert [info.path for info in opened.list_artifacts()] == ["f"]
        assert [info.path for info in opened.list_artifacts("f")] == ["f/a.txt"]
        local = bench.place("b.txt")
        local.write_bytes(b"b")
        opened.log_artifact(str(local))
        assert sorted(bench.stored("run")) == ["b.txt", "f/a.txt"]

    @check(ArtifactCapability.OPENING)
    def test_what_is_beside_a_location_is_not_in_it(self, bench: Bench) -> None:
        """Runs lie beside each other, and their ids may begin alike."""
        for name in ("run", "run1", "ru"):
            bench.candidate(name).log_artifact(f"{name}.txt", b"x")

        assert [info["path"] for info in bench.candidate("run").list_artifacts()] == ["run.txt"]
        assert [info["path"] for info in bench.candidate().list_artifacts()] == [
            "ru",
            "run",
            "run1",
        ]
        assert bench.candidate("run").download_artifacts("")["files"].keys() == {"run.txt"}

    @check(ArtifactCapability.DELETION)
    def test_a_deleted_run_takes_none_beside_it_along(self, bench: Bench) -> None:
        """`mlflow gc` deletes the root of a run whose id begins like another one's."""
        for name in ("run", "run1", "ru"):
            bench.candidate(name).log_artifact("a.txt", b"x")
        bench.candidate("run").delete_artifacts()

        assert sorted(bench.stored()) == ["ru/a.txt", "run1/a.txt"]

    @check(ArtifactCapability.OPENING)
    def test_mlflow_opens_it_by_its_scheme(self, bench: Bench) -> None:
        """With the URIs of the tracking store and of the registry, as far as the installed MLflow passes them."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        known = inspect.signature(get_artifact_repository).parameters
        given = {
            name: "sqlite:///other.db" for name in ("tracking_uri", "registry_uri") if name in known
        }
        bench.candidate().log_artifact("a.txt", b"a")
        opened: Any = get_artifact_repository(bench.uri(), **given)

        assert [info.path for info in opened.list_artifacts()] == ["a.txt"]

    @pytest.mark.parametrize("generation", list(_GENERATIONS))
    @check(ArtifactCapability.EVERY_MLFLOW)
    def test_each_mlflow_can_make_it(self, bench: Bench, generation: str) -> None:
        """Users upgrade MLflow and plugins on different days: the constructor takes what each MLflow passes."""
        repository = type(bench.candidate().raw)
        args, kwargs = _GENERATIONS[generation]
        bench.candidate().log_artifact("a.txt", b"a")
        error = error_of(repository, bench.uri(), *args, **kwargs)

        assert error is None, (
            f"MLflow {generation}, cannot make a {repository.__name__}: {error}. Write "
            "def __init__(self, artifact_uri, tracking_uri=None, registry_uri=None)"
        )
        opened: Any = repository(bench.uri(), *args, **kwargs)
        assert [info.path for info in opened.list_artifacts()] == ["a.txt"]

    @check(ArtifactCapability.LOCAL_PATHS)
    def test_a_local_path_is_the_file_or_none(self, bench: Bench) -> None:
        """MLflow's server sends the file itself where there is one, and a copy otherwise."""
        if not hasattr(ArtifactRepository, "get_local_path"):
            skip_absent(["get_local_path"])
        repository = bench.candidate()
        repository.log_artifact("a.txt", b"a", "f")
        path = repository.call("get_local_path", "f/a.txt")
        if path is None:
            assert repository.call("get_local_path", "f/missing") is None
            return
        with open(path, "rb") as stream:  # noqa: PTH123  (a path or a string is right)
            assert stream.read() == b"a"
        error = error_of(repository.call, "get_local_path", "f/missing")
        assert getattr(error, "error_code", None) == "RESOURCE_DOES_NOT_EXIST"
        assert error_of(repository.call, "get_local_path", "../f/a.txt") is not None
