"""Listing, one level at a time."""

from __future__ import annotations

from typing import Any

from mlflow_plugin_testing.artifacts.capabilities import ArtifactCapability
from mlflow_plugin_testing.artifacts.catalogue import scenario


@scenario(ArtifactCapability.LISTING)
def nothing_is_listed_where_nothing_is(repository: Any) -> None:
    repository.list_artifacts()
    repository.list_artifacts("")
    repository.list_artifacts("missing")
    repository.list_artifacts("missing/deeper")


@scenario(ArtifactCapability.LISTING)
def a_file_lists_as_nothing(repository: Any) -> None:
    # MLflow asks a listing whether a path is a folder: with the file in it, a download would look for `a.txt/a.txt`.
    repository.log_artifact("a.txt", b"a")
    repository.log_artifact("b.txt", b"b", "f")
    repository.list_artifacts("a.txt")
    repository.list_artifacts("f/b.txt")
    repository.list_artifacts("f/b.txt/c")


@scenario(ArtifactCapability.LISTING)
def each_level_lists_its_own_entries(repository: Any) -> None:
    tree = {"x": b"1", "f/y": b"22", "f/z": b"333", "f/g/h/deep": b"4444", "k/only": b"55555"}
    repository.log_artifacts(tree)
    for path in (None, "", "f", "f/g", "f/g/h", "f/", "k"):
        repository.list_artifacts(path)


@scenario(ArtifactCapability.LISTING)
def names_with_a_common_beginning_are_told_apart(repository: Any) -> None:
    repository.log_artifacts(
        {"a/1": b"1", "ab/2": b"2", "a.b": b"3", "a b/4": b"4", "a-/5": b"5", "abc": b"6"}
    )
    for path in (None, "a", "ab", "a b", "a-", "abc", "a.b", "b", "ab/2"):
        repository.list_artifacts(path)
    repository.download_artifacts("a")
    repository.download_artifacts("ab")


@scenario(ArtifactCapability.LISTING)
def letters_in_two_cases_are_two_names(repository: Any) -> None:
    repository.log_artifact("readme", b"small", "f")
    repository.log_artifact("README", b"large", "f")
    repository.log_artifact("x", b"x", "F")
    repository.stored()
    repository.list_artifacts()
    repository.list_artifacts("f")
    repository.list_artifacts("F")
    repository.download_artifacts("f")


@scenario(ArtifactCapability.LISTING)
def wildcards_of_a_query_are_letters(repository: Any) -> None:
    # A listing by LIKE or by a pattern takes these for more than they are.
    repository.log_artifacts({"a_b/1": b"1", "axb/2": b"2", "a*b/3": b"3", "[ab]/4": b"4"})
    for path in ("a_b", "axb", "a*b", "[ab]", "a*", "_"):
        repository.list_artifacts(path)
    repository.download_artifacts("a_b")


@scenario(ArtifactCapability.LISTING)
def more_than_a_thousand_entries_are_all_listed(repository: Any) -> None:
    # Most services answer with a page of at most 1,000.
    repository.log_artifacts({f"{number:04}.txt": b"x" for number in range(1_200)}, "many")
    repository.list_artifacts("many")
    repository.download_artifacts("many")


@scenario(ArtifactCapability.LISTING)
def more_than_a_thousand_folders_are_all_listed(repository: Any) -> None:
    repository.log_artifacts({f"{number:04}/x": b"x" for number in range(1_050)}, "many")
    repository.log_artifact("after them", b"x", "many")
    repository.list_artifacts("many")


@scenario(ArtifactCapability.LISTING)
def what_was_stored_is_listed_at_once(repository: Any) -> None:
    for number in range(5):
        repository.log_artifact(f"{number}.txt", b"%d" % number, "f")
        repository.list_artifacts("f")
        repository.download_artifacts(f"f/{number}.txt")


@scenario(ArtifactCapability.LISTING)
def a_path_is_a_folder_or_it_is_not(repository: Any) -> None:
    repository.log_artifact("a.txt", b"a", "f/g")
    for path in ("f", "f/g", "f/g/a.txt", "missing", "f/missing"):
        repository.is_directory(path)
