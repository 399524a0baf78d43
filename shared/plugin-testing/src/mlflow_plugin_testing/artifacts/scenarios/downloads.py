"""Downloads of files, folders and all there is."""

from __future__ import annotations

import tempfile
from functools import cache
from typing import Any

from mlflow_plugin_testing.artifacts.capabilities import ArtifactCapability
from mlflow_plugin_testing.artifacts.catalogue import scenario

_TREE = {"a.txt": b"a", "f/b.txt": b"bb", "f/g/c.txt": b"ccc", "empty": b""}


@cache
def _local_takes(path: str | None) -> bool:
    """Tell whether MLflow's local repository can download an empty location by a path; in 2.22 it fails by accident."""
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as target:
        try:
            LocalArtifactRepository(f"{folder}/empty").download_artifacts(path, target)
        except Exception:  # noqa: BLE001  (whatever it is, it is no measure)
            return False
    return True


@scenario(ArtifactCapability.DOWNLOADS)
def a_file_keeps_its_folders_when_it_is_downloaded(repository: Any) -> None:
    repository.log_artifacts(_TREE)
    for path in ("a.txt", "f/b.txt", "f/g/c.txt", "empty"):
        repository.download_artifacts(path)


@scenario(ArtifactCapability.DOWNLOADS)
def a_folder_is_downloaded_with_all_that_is_in_it(repository: Any) -> None:
    repository.log_artifacts(_TREE)
    for path in ("f", "f/g", "f/"):
        repository.download_artifacts(path)


@scenario(ArtifactCapability.DOWNLOADS)
def everything_is_downloaded_from_the_root(repository: Any) -> None:
    repository.log_artifacts(_TREE)
    repository.download_artifacts("")
    if _local_takes(None):
        repository.download_artifacts(None)


@scenario(ArtifactCapability.DOWNLOADS)
def an_empty_location_downloads_as_an_empty_folder(repository: Any) -> None:
    repository.list_artifacts()
    if _local_takes(""):
        repository.download_artifacts("")


@scenario(ArtifactCapability.DOWNLOADS)
def a_download_finds_its_own_folder_without_a_destination(repository: Any) -> None:
    repository.log_artifacts(_TREE)
    for path in ("a.txt", "f", "f/g/c.txt", ""):
        repository.download_to_anywhere(path)


@scenario(ArtifactCapability.DOWNLOADS)
def a_download_replaces_files_and_keeps_the_others(repository: Any) -> None:
    repository.log_artifacts(_TREE)
    there = {
        "a.txt": b"a much longer content",
        "mine": b"mine",
        "f/mine too": b"mine",
        "f/g/c.txt": b"",
    }
    repository.download_artifacts("", there)
    repository.download_artifacts("f", there)


@scenario(ArtifactCapability.DOWNLOADS)
def a_missing_artifact_is_no_artifact(repository: Any) -> None:
    repository.download_artifacts("missing")
    repository.log_artifacts(_TREE)
    for path in ("missing", "f/missing", "missing/a.txt", "a.txt/b", "A.txt", "f/b"):
        repository.download_artifacts(path)


@scenario(ArtifactCapability.DOWNLOADS)
def a_single_file_is_fetched_by_its_path(repository: Any) -> None:
    repository.log_artifacts(_TREE)
    for path in ("a.txt", "f/g/c.txt", "empty", "missing", "f/missing"):
        repository._download_file(path)


@scenario(ArtifactCapability.DOWNLOADS)
def many_files_are_downloaded_at_once(repository: Any) -> None:
    repository.log_artifacts({f"{number % 5}/{number}": b"%d" % number for number in range(150)})
    repository.download_artifacts("")
    repository.download_artifacts("3")
