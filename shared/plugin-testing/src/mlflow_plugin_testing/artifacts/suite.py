"""The suite of artifact repositories."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from mlflow_plugin_testing.artifacts.bench import Bench
from mlflow_plugin_testing.artifacts.capabilities import ArtifactCapability
from mlflow_plugin_testing.artifacts.catalogue import artifact_catalogue
from mlflow_plugin_testing.artifacts.disclosure import Secrets
from mlflow_plugin_testing.artifacts.doors import Doors
from mlflow_plugin_testing.artifacts.mixins import Mixins
from mlflow_plugin_testing.artifacts.names import Names
from mlflow_plugin_testing.artifacts.opening import Opening
from mlflow_plugin_testing.artifacts.process import Processes
from mlflow_plugin_testing.artifacts.properties import Properties
from mlflow_plugin_testing.artifacts.runs import Runs
from mlflow_plugin_testing.artifacts.safe_paths import SafePaths
from mlflow_plugin_testing.artifacts.together import Together
from mlflow_plugin_testing.artifacts.whole import WholeFiles
from mlflow_plugin_testing.scenario import Scenario, World
from mlflow_plugin_testing.store_suite import cases, judged
from mlflow_plugin_testing.suite import MARK, PluginSuite
from mlflow_plugin_testing.verdicts import skip_absent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlflow_plugin_testing.artifacts.side_door import SideDoor

__all__ = ["ArtifactRepositorySuite"]


class ArtifactRepositorySuite(
    Opening,
    Runs,
    SafePaths,
    Names,
    WholeFiles,
    Together,
    Secrets,
    Doors,
    Mixins,
    Properties,
    PluginSuite,
):
    """Tests of an artifact repository. Its answers are compared with those of MLflow's own, of a local folder.

    Example:
        >>> class TestMine(ArtifactRepositorySuite):
        ...     @pytest.fixture
        ...     def artifact_uri(self):
        ...         return "mine://bucket/tests"

    With a fixture `side_door` (see `SideDoor`) the bytes are looked at past the plugin's own code, without which level
    FULL is not reached. With a fixture `secrets` the suite looks for these words wherever a repository shows itself.
    """

    kind: ClassVar[str] = "artifact_repository"
    capabilities = ArtifactCapability
    abstract: ClassVar[str] = "mlflow.store.artifact.artifact_repo.ArtifactRepository"

    @pytest.fixture
    def artifact_uri(self) -> str:
        """The location under test, as a user gives it to MLflow. It may hold other things."""
        message = f"{type(self).__name__} needs a fixture `artifact_uri` that returns a location"
        raise NotImplementedError(message)

    @pytest.fixture
    def side_door(self) -> SideDoor | None:
        """Another way to the bytes of that location; None when there is none."""
        return None

    @pytest.fixture
    def secrets(self) -> list[str]:
        """Words of the location that nobody may be shown."""
        return []

    @pytest.fixture
    def open_repository(self) -> Callable[[str], Any]:
        """What opens a repository: by default MLflow, by the scheme. Other processes import it by its name."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        return get_artifact_repository

    @pytest.fixture(scope="class")
    def processes(self) -> Iterator[Processes]:
        """Processes that open repositories of their own; they start when they are first needed."""
        with Processes() as processes:
            yield processes

    @pytest.fixture
    def bench(
        self,
        artifact_uri: str,
        open_repository: Callable[[str], Any],
        side_door: SideDoor | None,
        processes: Processes,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        request: pytest.FixtureRequest,
    ) -> Iterator[Bench]:
        """What one test works with: a fresh folder of the location, and one of MLflow's own."""
        folder = tmp_path / "kit"
        (folder / "temporary").mkdir(parents=True)
        # Downloads without a destination stay where pytest cleans up.
        monkeypatch.setattr(tempfile, "tempdir", str(folder / "temporary"))
        bench = Bench(
            artifact_uri, open_repository, folder, processes.of(open_repository), side_door
        )
        yield bench
        bench.clear()
        request.node.user_properties.append((f"{MARK}_reached", sorted(bench.reached)))

    @pytest.mark.parametrize("scenario", cases(artifact_catalogue()))
    def test_scenario(self, scenario: Scenario, bench: Bench) -> None:
        """A named scenario has the same answers, and leaves the same bytes, as on MLflow's own repository."""
        from mlflow.store.artifact.artifact_repo import ArtifactRepository

        missing = [name for name in scenario.needs if not hasattr(ArtifactRepository, name)]
        if missing:
            skip_absent(missing)
        world = World(folder=bench.folder)

        def run(repository: Any) -> None:
            scenario.run(repository, world)
            repository.stored()

        judged(lambda: bench.pair.run(run), scenario.capability, self.claim(scenario.capability))
