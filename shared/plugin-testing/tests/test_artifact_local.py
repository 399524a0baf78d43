"""MLflow's own repository of a local folder passes the suite, but for what `docs/mlflow-findings.md` tells of it."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow.store.artifact.local_artifact_repo as mlflows
import pytest
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

from mlflow_plugin_testing import (
    ArtifactCapability,
    ArtifactRepositorySuite,
    overridden_because,
)
from mlflow_plugin_testing.artifacts import FolderSideDoor, SideDoor
from mlflow_plugin_testing.artifacts.names import TWINS, UNUSUAL
from mlflow_plugin_testing.artifacts.safe_paths import HOSTILE
from mlflow_plugin_testing.suite import about

if TYPE_CHECKING:
    from mlflow_plugin_testing.artifacts.bench import Bench

# Whether the installed MLflow writes to a temporary name, looks where a listing is, and takes both URIs.
_STAGES = hasattr(mlflows, "_TEMP_ARTIFACT_PREFIX")
_GUARDS_LISTINGS = "within_directory" in inspect.getsource(LocalArtifactRepository.list_artifacts)
_TAKES = inspect.signature(ArtifactRepository.__init__).parameters

# Read as URLs, these are others: percent signs are decoded, `#` is refused, empty queries and parameters vanish, a
# scheme gets small letters, and blanks at the beginning and line ends anywhere are dropped.
_LOST = {
    "a number sign",
    "a question mark at the end",
    "a semicolon at the end",
    "what looks percent-encoded",
    "a percent sign with digits",
    "a large letter before a colon",
    "a space first",
    "a line feed",
    "a tab",
}
_DELETED = {
    "upwards",
    "up from a folder",
    "up behind a dot",
    "percent-encoded",
    "with an encoded slash",
    "up with a slash too much",
    "up at the end",
}
_LISTED = {
    "upwards",
    "up from a folder",
    "up behind a dot",
    "up with a slash too much",
    "up at the end",
}


pytestmark = pytest.mark.slow


def _still_wrong(test: Any, *args: Any) -> None:
    """Fail when MLflow has repaired it, so that nothing is excused for longer than it has to be."""
    with pytest.raises(AssertionError):
        test(*args)


class TestLocalFolder(ArtifactRepositorySuite):
    @pytest.fixture
    def artifact_uri(self, tmp_path: Path) -> str:
        return str(tmp_path / "location")

    @pytest.fixture
    def side_door(self, tmp_path: Path) -> SideDoor:
        return FolderSideDoor(tmp_path / "location")

    @pytest.mark.parametrize("case", list(HOSTILE))
    @overridden_because("finding 1: a local folder deletes outside of itself")
    @about(ArtifactCapability.SAFE_PATHS)
    def test_no_path_deletes_outside(self, bench: Bench, case: str) -> None:
        test = super().test_no_path_deletes_outside
        if case in _DELETED:
            _still_wrong(test, bench, HOSTILE[case])
        else:
            test(bench, HOSTILE[case])

    @overridden_because("finding 1: a local folder deletes outside of itself")
    @about(ArtifactCapability.SAFE_PATHS)
    def test_nothing_is_deleted_at_an_absolute_path(self, bench: Bench) -> None:
        _still_wrong(super().test_nothing_is_deleted_at_an_absolute_path, bench)

    @pytest.mark.parametrize("case", list(TWINS))
    @overridden_because("finding 1: a local folder decodes what it deletes")
    @about(ArtifactCapability.DELETION)
    def test_a_name_deletes_itself_alone(self, bench: Bench, case: str) -> None:
        test = super().test_a_name_deletes_itself_alone
        if case == "percent-encoded":
            _still_wrong(test, bench, *TWINS[case])
        else:
            test(bench, *TWINS[case])

    @pytest.mark.parametrize("case", list(HOSTILE))
    @overridden_because("finding 2: in an older MLflow, a local folder lists what is beside it")
    @about(ArtifactCapability.SAFE_PATHS)
    def test_no_path_lists_outside(self, bench: Bench, case: str) -> None:
        test = super().test_no_path_lists_outside
        if case in _LISTED and not _GUARDS_LISTINGS:
            _still_wrong(test, bench, HOSTILE[case])
        else:
            test(bench, HOSTILE[case])

    @pytest.mark.parametrize("case", list(UNUSUAL))
    @overridden_because("finding 3: names that are read as URLs cannot be fetched")
    @about(ArtifactCapability.NAMES)
    def test_an_unusual_name_comes_back_or_is_refused(self, bench: Bench, case: str) -> None:
        test = super().test_an_unusual_name_comes_back_or_is_refused
        if case in _LOST:
            _still_wrong(test, bench, UNUSUAL[case])
        else:
            test(bench, UNUSUAL[case])

    @overridden_because("finding 4: a failed download leaves half a file")
    @about(ArtifactCapability.WHOLE_OR_NOT)
    def test_a_failed_download_leaves_no_file(self, bench: Bench) -> None:
        _still_wrong(super().test_a_failed_download_leaves_no_file, bench)

    @overridden_because("finding 5: where a folder is in the way, a file is written into it")
    @about(ArtifactCapability.WHOLE_OR_NOT)
    def test_a_destination_that_cannot_be_written_is_an_error(self, bench: Bench) -> None:
        _still_wrong(super().test_a_destination_that_cannot_be_written_is_an_error, bench)

    @overridden_because("finding 6: in an older MLflow, files are written in place")
    @about(ArtifactCapability.WHOLE_OR_NOT)
    def test_a_reader_sees_the_old_file_or_the_new_one(self, bench: Bench) -> None:
        # Without a temporary file it depends on chance what a reader sees.
        if _STAGES:
            super().test_a_reader_sees_the_old_file_or_the_new_one(bench)

    @overridden_because("finding 6: in an older MLflow, files are written in place")
    @about(ArtifactCapability.WHOLE_OR_NOT)
    def test_one_of_two_writers_wins_whole(self, bench: Bench) -> None:
        if _STAGES:
            super().test_one_of_two_writers_wins_whole(bench)

    @pytest.mark.parametrize("generation", ["installed"])
    @overridden_because("MLflow's own classes come with the MLflow that makes them")
    @about(ArtifactCapability.EVERY_MLFLOW)
    def test_each_mlflow_can_make_it(self, bench: Bench, generation: str) -> None:
        uris = {
            name: "sqlite:///x.db" for name in ("tracking_uri", "registry_uri") if name in _TAKES
        }

        assert LocalArtifactRepository(bench.uri(), **uris).list_artifacts() == []
