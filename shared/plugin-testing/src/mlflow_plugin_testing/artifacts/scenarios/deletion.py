"""Deletion: what is to go goes, and nothing else does."""

from __future__ import annotations

from typing import Any

from mlflow_plugin_testing.artifacts.capabilities import ArtifactCapability
from mlflow_plugin_testing.artifacts.catalogue import scenario

_TREE = {"a.txt": b"a", "f/b.txt": b"bb", "f/g/c.txt": b"ccc", "f/g/d.txt": b"d", "h/e": b"e"}


@scenario(ArtifactCapability.DELETION)
def a_deleted_file_is_gone(repository: Any) -> None:
    repository.log_artifacts(_TREE)
    repository.delete_artifacts("f/g/c.txt")
    repository.stored()
    repository.list_artifacts("f/g")
    repository.download_artifacts("f/g/c.txt")
    repository.delete_artifacts("a.txt")
    repository.stored()
    repository.list_artifacts()


@scenario(ArtifactCapability.DELETION)
def a_deleted_folder_is_gone_with_all_that_was_in_it(repository: Any) -> None:
    repository.log_artifacts(_TREE)
    repository.delete_artifacts("f")
    repository.stored()
    repository.list_artifacts()
    repository.list_artifacts("f")
    repository.list_artifacts("f/g")
    repository.download_artifacts("f/b.txt")


@scenario(ArtifactCapability.DELETION)
def everything_is_deleted_without_a_path(repository: Any) -> None:
    repository.log_artifacts(_TREE)
    repository.delete_artifacts()
    repository.stored()
    repository.list_artifacts()


@scenario(ArtifactCapability.DELETION)
def what_is_missing_is_deleted_without_an_error(repository: Any) -> None:
    # `mlflow gc` is run again after it was interrupted.
    repository.delete_artifacts("missing")
    repository.delete_artifacts()
    repository.log_artifacts(_TREE)
    repository.delete_artifacts("missing")
    repository.delete_artifacts("f/missing/deeper")
    repository.delete_artifacts("h")
    repository.delete_artifacts("h")
    repository.stored()


@scenario(ArtifactCapability.DELETION)
def what_begins_alike_is_not_deleted_with_it(repository: Any) -> None:
    repository.log_artifacts(
        {"a/1": b"1", "ab/2": b"2", "a.txt": b"3", "A/4": b"4", "a_b/5": b"5", "axb/6": b"6"}
    )
    repository.delete_artifacts("a")
    repository.stored()
    repository.delete_artifacts("a_b")
    repository.stored()
    repository.list_artifacts()


@scenario(ArtifactCapability.DELETION)
def a_deleted_path_can_be_used_again(repository: Any) -> None:
    repository.log_artifact("a", b"a file", "f")
    repository.delete_artifacts("f/a")
    repository.log_artifact("b", b"in what was a file", "f/a")
    repository.stored()
    repository.list_artifacts("f")
    repository.list_artifacts("f/a")
    repository.delete_artifacts("f")
    repository.log_artifact("f", b"what was a folder")
    repository.stored()
    repository.list_artifacts()
    repository.download_artifacts("f")


@scenario(ArtifactCapability.DELETION)
def many_files_are_deleted_at_once(repository: Any) -> None:
    repository.log_artifacts({f"{number % 3}/{number}": b"x" for number in range(1_200)}, "many")
    repository.log_artifact("other", b"x")
    repository.delete_artifacts("many")
    repository.stored()
    repository.list_artifacts("many")
