"""Logging files and folders."""

from __future__ import annotations

from typing import Any

from mlflow_plugin_testing.artifacts.capabilities import ArtifactCapability
from mlflow_plugin_testing.artifacts.catalogue import scenario
from mlflow_plugin_testing.artifacts.content import Content

_MEBIBYTE = 1 << 20


@scenario(ArtifactCapability.LOGGING)
def a_logged_file_is_there(repository: Any) -> None:
    repository.log_artifact("a.txt", b"hello")
    repository.stored()
    repository.list_artifacts()
    repository.download_artifacts("a.txt")


@scenario(ArtifactCapability.LOGGING)
def a_file_is_logged_into_a_folder(repository: Any) -> None:
    repository.log_artifact("a.txt", b"in a folder", "one")
    repository.log_artifact("a.txt", b"three deep", "one/two/three")
    repository.log_artifact("a.txt", b"at the top", "")
    repository.stored()
    repository.list_artifacts()
    repository.list_artifacts("one")
    repository.download_artifacts("one/two/three/a.txt")


@scenario(ArtifactCapability.LOGGING)
def an_empty_file_is_a_file(repository: Any) -> None:
    repository.log_artifact("empty", b"")
    repository.log_artifacts({"empty too": b"", "full": b"x"}, "folder")
    repository.stored()
    repository.list_artifacts()
    repository.list_artifacts("folder")
    repository.download_artifacts("empty")
    repository.download_artifacts("folder")


@scenario(ArtifactCapability.LOGGING)
def a_folder_is_logged_with_all_that_is_in_it(repository: Any) -> None:
    tree = {"a.txt": b"a", "b/c.bin": bytes(range(256)), "b/d/e.txt": b"e", "f/g/h/i/j.txt": b"j"}
    repository.log_artifacts(tree, "target")
    repository.log_artifacts(tree)
    repository.stored()
    repository.list_artifacts("target/b")
    repository.download_artifacts("target")


@scenario(ArtifactCapability.LOGGING)
def an_empty_folder_is_no_obstacle(repository: Any) -> None:
    repository.log_artifacts({"empty": None, "full/a.txt": b"a"}, "mixed")
    repository.log_artifacts({}, "nothing")
    repository.stored()
    repository.list_artifacts()
    repository.list_artifacts("mixed")


@scenario(ArtifactCapability.LOGGING)
def shorter_content_replaces_longer_content(repository: Any) -> None:
    repository.log_artifact("a.txt", b"a long content " * 100)
    repository.log_artifact("a.txt", b"short")
    repository.stored()
    repository.list_artifacts()
    repository.log_artifact("a.txt", b"")
    repository.list_artifacts()
    repository.download_artifacts("a.txt")


@scenario(ArtifactCapability.LOGGING)
def longer_content_replaces_shorter_content(repository: Any) -> None:
    repository.log_artifact("a.txt", b"short")
    repository.log_artifact("a.txt", b"a long content " * 100)
    repository.stored()
    repository.list_artifacts()


@scenario(ArtifactCapability.LOGGING)
def a_folder_logged_again_replaces_files_and_keeps_the_others(repository: Any) -> None:
    repository.log_artifacts({"kept": b"1", "replaced": b"22", "sub/replaced": b"333"}, "f")
    repository.log_artifacts({"new": b"4444", "replaced": b"5", "sub/replaced": b"6"}, "f")
    repository.stored()
    repository.list_artifacts("f")
    repository.download_artifacts("f")


@scenario(ArtifactCapability.LOGGING)
def one_name_in_many_folders_is_many_files(repository: Any) -> None:
    folders = [None, "a", "a/a", "a/a/a", "b"]
    for number, folder in enumerate(folders):
        repository.log_artifact("a.bin", b"%d" % number, folder)
    repository.log_artifact("a.bin", b"replaced", "a/a")
    repository.stored()
    repository.download_artifacts("a")


@scenario(ArtifactCapability.LOGGING)
def two_hundred_files_are_logged_at_once(repository: Any) -> None:
    tree = {f"{number % 7}/file {number:03}.txt": b"%d" % number for number in range(200)}
    repository.log_artifacts(tree, "many")
    repository.stored()
    repository.list_artifacts("many")
    repository.list_artifacts("many/3")
    repository.download_artifacts("many")


@scenario(ArtifactCapability.LOGGING)
def a_file_of_some_megabytes_keeps_each_byte(repository: Any) -> None:
    repository.log_artifact("odd.bin", Content(5 * _MEBIBYTE + 17, seed=1))
    repository.log_artifacts({"a.bin": Content(3 * _MEBIBYTE, seed=2), "b.txt": b"small"}, "f")
    repository.stored()
    repository.list_artifacts()
    repository.download_artifacts("odd.bin")
    repository.download_artifacts("f")


@scenario(ArtifactCapability.LOGGING)
def a_file_of_forty_megabytes_keeps_each_byte(repository: Any) -> None:
    repository.log_artifact("large.bin", Content(40 * _MEBIBYTE + 1, seed=3), "models")
    repository.stored()
    repository.list_artifacts("models")
    repository.download_artifacts("models/large.bin")


@scenario(ArtifactCapability.LOGGING)
def sizes_around_powers_of_two_are_exact(repository: Any) -> None:
    # Where stores cut files into pieces, the last piece is what goes wrong.
    sizes = [size + more for size in (1 << 12, 1 << 16, 1 << 18, 1 << 20) for more in (-1, 0, 1)]
    repository.log_artifacts({str(size): Content(size, seed=size) for size in sizes})
    repository.stored()
    repository.list_artifacts()
    repository.download_artifacts("")
