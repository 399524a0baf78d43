"""Artifact repositories that lose, mix up, show or leave behind what they should not."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from broken.model import Broken

if TYPE_CHECKING:
    from mlflow_plugin_testing.suite import PluginSuite


def _suite() -> type[PluginSuite]:
    from mlflow_plugin_testing import ArtifactRepositorySuite

    return ArtifactRepositorySuite


def _class(name: str, module: str = "folders") -> Any:
    return getattr(importlib.import_module(f"broken.repositories.{module}"), name)


def _door(folder: Path) -> Any:
    from mlflow_plugin_testing.artifacts import FolderSideDoor

    return FolderSideDoor(folder / "location")


def _broken(name: str, sentence: str, repository: str, rejected_by: str) -> Broken:
    fixtures = {
        "artifact_uri": lambda folder: str(folder / "location"),
        "open_repository": lambda _: _class(repository),
        "side_door": _door,
    }
    return Broken(name, sentence, _suite, fixtures, rejected_by)


def _with_secret(name: str, sentence: str, repository: str, rejected_by: str) -> Broken:
    fixtures = {
        "artifact_uri": lambda folder: f"kept://{folder / 'location'}?password=hunter2",
        "open_repository": lambda _: _class(repository),
        "side_door": _door,
        "secrets": lambda _: ["hunter2"],
    }
    return Broken(name, sentence, _suite, fixtures, rejected_by)


BROKEN = [
    _broken(
        "reads-upwards",
        "A path with `..` fetches files from outside of the repository.",
        "ReadsUpwards",
        "test_no_path_reads_outside[upwards]",
    ),
    _broken(
        "writes-upwards",
        "A path with `..` writes files outside of the repository.",
        "WritesUpwards",
        "test_no_path_writes_outside[upwards]",
    ),
    _broken(
        "lists-upwards",
        "A path with `..` lists what lies outside of the repository.",
        "ListsUpwards",
        "test_no_path_lists_outside[upwards]",
    ),
    Broken(
        "believes-names",
        "A stored name with `..` is written outside of the destination of a download.",
        _suite,
        {
            "artifact_uri": lambda folder: str(folder / "flat"),
            "open_repository": lambda _: _class("BelievesNames", "flat"),
            "side_door": lambda folder: _class("FlatSideDoor", "flat")(folder / "flat"),
        },
        "test_a_stored_name_cannot_escape_from_the_destination",
    ),
    _broken(
        "leaves-half-a-file",
        "A download that fails half-way leaves what it has under the name of the whole file.",
        "LeavesHalfAFile",
        "test_a_failed_download_leaves_no_file",
    ),
    _broken(
        "folders-are-files",
        "Folders are listed as files of no size.",
        "ListsFoldersAsFiles",
        "test_scenario[each_level_lists_its_own_entries]",
    ),
    _broken(
        "file-lists-itself",
        "A file's listing has the file itself in it, so that it is taken for a folder.",
        "ListsAFileAsItself",
        "test_scenario[a_file_lists_as_nothing]",
    ),
    _broken(
        "last-page-lost",
        "A listing ends after its first page of 1,000.",
        "LosesTheLastPage",
        "test_scenario[more_than_a_thousand_entries_are_all_listed]",
    ),
    _broken(
        "deletes-nothing",
        "A deletion succeeds, and everything is still there.",
        "DeletesNothing",
        "test_scenario[a_deleted_file_is_gone]",
    ),
    _broken(
        "root-is-kept",
        "A deletion without a path, as `mlflow gc` asks for it, deletes nothing.",
        "KeepsTheRoot",
        "test_scenario[everything_is_deleted_without_a_path]",
    ),
    _broken(
        "deletes-by-prefix",
        "The deletion of `a` deletes `ab` and `a.txt` too.",
        "DeletesByPrefix",
        "test_scenario[what_begins_alike_is_not_deleted_with_it]",
    ),
    _broken(
        "deleted-only-once",
        "The deletion of what is missing fails, so that an interrupted `mlflow gc` cannot go on.",
        "DeletingTheMissingFails",
        "test_scenario[what_is_missing_is_deleted_without_an_error]",
    ),
    _broken(
        "lists-by-wildcard",
        "An underscore in a path stands for any letter, so that other folders are listed too.",
        "ListsByWildcard",
        "test_scenario[wildcards_of_a_query_are_letters]",
    ),
    _with_secret(
        "repository-shows-secret",
        "The repr of a repository shows the password of its location.",
        "ShowsItsSecret",
        "test_a_repository_does_not_show_its_secrets",
    ),
    _with_secret(
        "error-shows-secret",
        "An error names the location, with its password.",
        "SaysItsSecret",
        "test_no_error_shows_a_secret",
    ),
    _broken(
        "wrong-sizes",
        "Sizes are those of whole blocks.",
        "TellsWrongSizes",
        "test_scenario[sizes_around_powers_of_two_are_exact]",
    ),
    _broken(
        "content-in-memory",
        "A file is read into memory as a whole before it is stored.",
        "HoldsContentInMemory",
        "test_a_large_file_is_not_held_in_memory",
    ),
    _broken(
        "listings-remembered",
        "An instance keeps a listing, and does not see what another one stores.",
        "RemembersListings",
        "test_what_one_instance_stores_another_one_sees",
    ),
    _broken(
        "process-remembers",
        "All instances of a process share a cache, and do not see what another process stores.",
        "RemembersInTheProcess",
        "test_what_another_process_stores_is_seen",
    ),
    _broken(
        "missing-is-empty",
        "A missing file is downloaded as an empty one.",
        "MissingIsEmpty",
        "test_scenario[a_missing_artifact_is_no_artifact]",
    ),
    _broken(
        "letters-folded",
        "Names are brought into one form of Unicode, so that one of two files is lost.",
        "FoldsLetters",
        "test_two_ways_to_write_a_letter_are_two_names",
    ),
    _broken(
        "case-folded",
        "Names get small letters, so that one of two files is lost.",
        "FoldsCase",
        "test_scenario[letters_in_two_cases_are_two_names]",
    ),
    _broken(
        "appends",
        "A file that is logged again is appended to the old one.",
        "Appends",
        "test_scenario[shorter_content_replaces_longer_content]",
    ),
    _broken(
        "overwrites-in-place",
        "A file that is replaced is for a moment neither the old one nor the new one.",
        "OverwritesInPlace",
        "test_a_reader_sees_the_old_file_or_the_new_one",
    ),
    _broken(
        "empty-files-dropped",
        "Files without content are not stored.",
        "DropsEmptyFiles",
        "test_scenario[an_empty_file_is_a_file]",
    ),
    _broken(
        "threads-mixed-up",
        "An instance keeps what it is doing in itself, where another thread changes it.",
        "SharesOneFile",
        "test_one_instance_serves_eight_threads",
    ),
    _broken(
        "uri-alone",
        "The constructor takes the URI alone, so that MLflow since 3.1 cannot make it.",
        "TakesTheUriAlone",
        "test_each_mlflow_can_make_it[since 3.5, by name]",
    ),
    _broken(
        "writes-when-opened",
        "To open a location writes a file into it.",
        "WritesWhenOpened",
        "test_opening_does_nothing_that_could_fail",
    ),
    _broken(
        "broken-traces-are-empty",
        "Trace data that cannot be read are answered as an empty trace.",
        "BrokenTracesAreEmpty",
        "test_scenario[data_that_is_no_json_is_corrupted]",
    ),
]
