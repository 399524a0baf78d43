"""The parts of the artifact suite itself: what they do with repositories and side doors that are not right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

from mlflow_plugin_testing import (
    ArtifactCapability,
    ArtifactRepositorySuite,
    Cell,
    not_implemented,
    unsupported,
)
from mlflow_plugin_testing.artifacts import FolderSideDoor, SideDoor
from mlflow_plugin_testing.artifacts.bench import Bench
from mlflow_plugin_testing.artifacts.check import check, error_of
from mlflow_plugin_testing.artifacts.content import (
    Content,
    digest_of,
    digest_of_file,
    read_tree,
    write_tree,
)
from mlflow_plugin_testing.artifacts.process import Process, Processes, name_of
from mlflow_plugin_testing.artifacts.witness import Witness


class TestContent:
    def test_two_seeds_give_two_contents_of_one_size(self) -> None:
        one, other = Content(5_000, seed=1), Content(5_000, seed=2)

        assert len(bytes(one)) == len(bytes(other)) == 5_000
        assert digest_of(one) == digest_of(bytes(one)) != digest_of(other)

    def test_a_large_content_is_described_as_its_file_is(self, tmp_path: Path) -> None:
        content = Content(2_500_000, seed=1)
        write_tree(tmp_path / "f", {"a/b": content, "empty": None})

        assert read_tree(tmp_path / "f") == {"a/b": digest_of(content)}
        assert digest_of_file(tmp_path / "f/a/b") == digest_of(content)
        assert digest_of(content).startswith("2500000 bytes")


class TestSideDoor:
    def test_a_folder_is_a_side_door(self, tmp_path: Path) -> None:
        door = FolderSideDoor(tmp_path)
        door.write("a/b", b"12")

        assert isinstance(door, SideDoor)
        assert door.listing() == {"a/b": 2}
        assert door.read("a/b") == b"12"
        with pytest.raises(LookupError):
            door.read("a")
        with pytest.raises(ValueError, match="no folder holds"):
            door.write("a/../../b", b"")

    def test_a_side_door_that_contradicts_itself_is_not_believed(self) -> None:
        class Door:
            def read(self, path: str) -> bytes:
                return b"123"

            def write(self, path: str, data: bytes) -> None:
                raise NotImplementedError

            def listing(self) -> dict[str, int]:
                return {"t/a": 4, "other/b": 9}

        witness = Witness(Door(), Process(LocalArtifactRepository), str)

        with pytest.raises(AssertionError, match="lists 4 bytes and reads 3"):
            witness.tree("t")
        assert witness.tree("nothing") == {}


class TestProcess:
    def test_what_no_other_process_can_import_is_named(self) -> None:
        with pytest.raises(TypeError, match="define it on the top of a module"):
            name_of(lambda uri: uri)
        assert name_of(LocalArtifactRepository).endswith(":LocalArtifactRepository")

    def test_another_process_tells_what_is_stored_and_what_went_wrong(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_bytes(b"a")
        uri = str(tmp_path)
        with Processes() as processes:
            process = processes.of(LocalArtifactRepository)

            assert process is processes.of(LocalArtifactRepository)
            assert process.ask("tree", uri) == {"a.txt": digest_of(b"a")}
            assert process.ask("tree", f"{uri}/missing") == {}
            with pytest.raises(AssertionError, match="FileNotFoundError"):
                process.ask("log", uri, local=f"{uri}/missing", folder=None)
            assert process.ask("listed", uri, path=None) == [["a.txt", False, 1]]

    def test_a_process_that_ends_says_why(self, tmp_path: Path) -> None:
        with (
            Process(EndsTheProcess) as process,
            pytest.raises(AssertionError, match="these were my last words"),
        ):
            process.ask("tree", str(tmp_path))


class EndsTheProcess:
    def __init__(self, uri: str) -> None:
        import os
        import sys

        print("these were my last words", file=sys.stderr, flush=True)
        os._exit(3)


class _OnlyReads(ArtifactRepository):  # type: ignore[misc]
    def __init__(self, artifact_uri: str) -> None:
        super().__init__(artifact_uri)
        self._folder = LocalArtifactRepository(artifact_uri)

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        self._folder.log_artifact(local_file, artifact_path)

    def list_artifacts(self, path: str | None = None) -> Any:
        return self._folder.list_artifacts(path)


class _Declares(ArtifactRepositorySuite):
    declared: ClassVar[Mapping[Any, Cell]] = {
        ArtifactCapability.DELETION: unsupported("nothing is ever deleted"),
        ArtifactCapability.SECRETS: not_implemented("later"),
    }


@pytest.fixture
def make_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """What the suite's fixture of this name would make."""
    with Processes() as processes:

        def make(opener: Any, side_door: SideDoor | None = None) -> Bench:
            location = str(tmp_path / "location")
            return Bench(location, opener, tmp_path / "kit", processes.of(opener), side_door)

        yield make


class TestVerdicts:
    def test_a_deletion_that_is_mlflows_own_is_none(self, make_bench: Callable[..., Bench]) -> None:
        with pytest.raises(NotImplementedError, match="does nothing and says nothing"):
            make_bench(_OnlyReads).candidate().delete_artifacts("a")

    def test_what_is_declared_as_missing_is_left_out_when_it_is(
        self, make_bench: Callable[..., Bench]
    ) -> None:
        bench = make_bench(_OnlyReads)

        with pytest.raises(pytest.skip.Exception, match="as declared: unsupported"):
            _Declares().test_a_deleted_run_takes_none_beside_it_along(bench)

    def test_what_is_declared_as_missing_and_works_is_a_failure(
        self, make_bench: Callable[..., Bench], tmp_path: Path
    ) -> None:
        bench = make_bench(LocalArtifactRepository, FolderSideDoor(tmp_path / "location"))

        with pytest.raises(pytest.fail.Exception, match="works here, and is declared"):
            _Declares().test_a_deleted_run_takes_none_beside_it_along(bench)

    def test_what_is_not_implemented_and_not_declared_is_told(
        self, make_bench: Callable[..., Bench]
    ) -> None:
        bench = make_bench(_OnlyReads)

        with pytest.raises(pytest.skip.Exception, match="not implemented: delete_artifacts"):
            ArtifactRepositorySuite().test_a_deleted_run_takes_none_beside_it_along(bench)

    def test_any_error_is_expected_of_what_is_declared_as_missing(self) -> None:
        class Suite(_Declares):
            @check(ArtifactCapability.SECRETS)
            def test_that_breaks(self) -> None:
                raise OSError

        with pytest.raises(pytest.skip.Exception, match="as declared"):
            Suite().test_that_breaks()

    def test_an_error_that_nobody_declared_stays_what_it_is(self) -> None:
        class Suite(ArtifactRepositorySuite):
            @check(ArtifactCapability.SECRETS)
            def test_that_breaks(self) -> None:
                raise OSError

        with pytest.raises(OSError):  # noqa: PT011  (it has no text)
            Suite().test_that_breaks()

    def test_not_implemented_is_no_refusal(self) -> None:
        def refuses() -> None:
            raise ValueError

        def lacks() -> None:
            raise NotImplementedError

        assert isinstance(error_of(refuses), ValueError)
        assert error_of(int) is None
        with pytest.raises(NotImplementedError):
            error_of(lacks)


class TestWithoutASideDoor:
    def test_another_process_is_asked_and_the_level_says_so(
        self, pytester: pytest.Pytester
    ) -> None:
        pytester.makepyfile(
            """
            import pytest
            from mlflow_plugin_testing import ArtifactRepositorySuite

            class TestMine(ArtifactRepositorySuite):
                @pytest.fixture
                def artifact_uri(self, tmp_path):
                    return str(tmp_path / "location")
            """
        )
        chosen = "a_logged_file_is_there or bytes_of_the_file or takes_none_beside"

        done = pytester.runpytest_subprocess("-rs", "-k", chosen, "-p", "no:randomly")

        done.assert_outcomes(passed=2, skipped=1)
        done.stdout.fnmatch_lines(["*no side door is given*"])
