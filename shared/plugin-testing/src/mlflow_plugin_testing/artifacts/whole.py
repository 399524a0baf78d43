"""A file is there whole or not at all, and a large one is never in memory."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, ClassVar

import pytest

from mlflow_plugin_testing.artifacts.capabilities import ArtifactCapability
from mlflow_plugin_testing.artifacts.check import check, error_of
from mlflow_plugin_testing.artifacts.content import Content, digest_of, read_tree, write_file
from mlflow_plugin_testing.artifacts.process import Process
from mlflow_plugin_testing.artifacts.together import at_once

if TYPE_CHECKING:
    from mlflow_plugin_testing.artifacts.bench import Bench

__all__ = ["WholeFiles"]

_MEBIBYTE = 1 << 20
_MORE = 16 * _MEBIBYTE


class WholeFiles:
    """Tests of what is left when something goes wrong on the way.

    Attributes:
        memory_growth: Bytes by which a process may grow while it logs and fetches a file that is larger than that.
            Clients cut files into pieces of 5 to 16 MiB and work on several at once; a plugin whose service has
            larger pieces sets what they take.
    """

    memory_growth: ClassVar[int] = 80 * _MEBIBYTE

    @check(ArtifactCapability.WHOLE_OR_NOT)
    def test_a_failed_download_leaves_no_file(self, bench: Bench) -> None:
        """The disk is full, half-way through: no half file has the name of the whole one, and nothing else is left."""
        if sys.platform == "win32":
            pytest.skip(
                "Windows has no limit to the size of a file, so that no disk can be made full"
            )
        bench.candidate().log_artifact("large.bin", Content(12 * _MEBIBYTE, seed=1), "folder")
        destination = bench.place("downloads")
        destination.mkdir()
        with Process(bench.opener) as process:
            error = process.ask(
                "limited",
                bench.uri(),
                path="folder/large.bin",
                folder=str(destination),
                limit=6 * _MEBIBYTE,
            )

        assert error, (
            "a file was fetched though the disk was too full for it, and no error was raised"
        )
        left = read_tree(destination)
        assert not left, (
            f"a download failed half-way and left {left}: write to a temporary name, move it into place when it is "
            "whole, and remove it when it fails"
        )

    @check(ArtifactCapability.WHOLE_OR_NOT)
    def test_a_destination_that_cannot_be_written_is_an_error(self, bench: Bench) -> None:
        """In the place of the file is a folder that is not empty."""
        bench.candidate().log_artifact("a.txt", b"a")
        destination = bench.place("downloads")
        write_file(destination / "a.txt" / "in the way", b"mine")
        error = error_of(bench.candidate().raw.download_artifacts, "a.txt", str(destination))

        assert error is not None, "a.txt cannot have been written, and no error was raised"
        assert read_tree(destination) == {"a.txt/in the way": digest_of(b"mine")}

    @check(ArtifactCapability.DOWNLOADS)
    def test_a_destination_that_is_missing_is_an_error(self, bench: Bench) -> None:
        """MLflow asks for a folder that exists."""
        bench.candidate().log_artifact("a.txt", b"a")
        missing = bench.place("missing")
        error = error_of(bench.candidate().raw.download_artifacts, "a.txt", str(missing))

        assert getattr(error, "error_code", None) == "RESOURCE_DOES_NOT_EXIST", (
            f"a destination that does not exist was answered by {error!r}"
        )
        assert not missing.exists()

    @check(ArtifactCapability.DOWNLOADS)
    def test_a_destination_that_is_a_file_is_an_error(self, bench: Bench) -> None:
        """MLflow asks for a folder."""
        bench.candidate().log_artifact("a.txt", b"a")
        file = bench.place("file")
        write_file(file, b"mine")
        error = error_of(bench.candidate().raw.download_artifacts, "a.txt", str(file))

        assert getattr(error, "error_code", None) == "INVALID_PARAMETER_VALUE", (
            f"a destination that is a file was answered by {error!r}"
        )
        assert file.read_bytes() == b"mine"

    @check(ArtifactCapability.LOGGING)
    def test_a_local_file_that_is_missing_is_an_error(self, bench: Bench) -> None:
        """Nothing is stored in its place."""
        bench.candidate().log_artifact("kept", b"kept")
        missing = bench.place("missing.txt")
        error = error_of(bench.candidate().raw.log_artifact, str(missing), "folder")

        assert error is not None, "a file that does not exist was logged without an error"
        assert bench.stored() == {"kept": digest_of(b"kept")}

    @check(ArtifactCapability.WHOLE_OR_NOT)
    def test_one_of_two_writers_wins_whole(self, bench: Bench) -> None:
        """Two instances write one path at the same moment: what is stored then is one of the two, and not a mixture."""
        contents = [Content(3 * _MEBIBYTE, seed=1), Content(2 * _MEBIBYTE + 7, seed=2)]
        allowed = {digest_of(content) for content in contents}
        for round_ in range(3):
            errors = at_once(lambda given: bench.candidate().log_artifact("a.bin", given), contents)

            assert len(errors) < len(contents), f"no writer succeeded: {errors[0]!r}"
            found = bench.stored().get("a.bin")
            assert found in allowed, f"round {round_ + 1}: {found} is neither of {sorted(allowed)}"
            assert bench.candidate()._download_file("a.bin") == found

    @check(ArtifactCapability.WHOLE_OR_NOT)
    def test_a_reader_sees_the_old_file_or_the_new_one(self, bench: Bench) -> None:
        """A file is replaced while it is read: a model that is half old and half new would load, or not."""
        contents = [Content(2 * _MEBIBYTE + size, seed=size) for size in (0, 5)]
        allowed = {digest_of(content) for content in contents}
        bench.candidate().log_artifact("a.bin", contents[0])
        done = threading.Event()

        def write() -> None:
            try:
                for number in range(10):
                    bench.candidate().log_artifact("a.bin", contents[number % 2])
            finally:
                done.set()

        seen: list[str] = []

        def read() -> None:
            while not done.is_set():
                seen.append(bench.candidate()._download_file("a.bin"))
            seen.append(bench.candidate()._download_file("a.bin"))

        errors = at_once(lambda job: job(), [write, read])

        assert not errors, f"reading while another writes ended in {errors[0]!r}"
        assert set(seen) <= allowed, f"{sorted(set(seen) - allowed)} was read, which nobody wrote"

    @check(ArtifactCapability.MEMORY)
    def test_a_large_file_is_not_held_in_memory(self, bench: Bench) -> None:
        """A process that logs a file of 96 MiB and fetches it grows by less than 80; see `memory_growth`."""
        size = self.memory_growth + _MORE
        warm, large = bench.place("warm.bin"), bench.place("large.bin")
        write_file(warm, Content(2 * _MEBIBYTE))
        write_file(large, Content(size))
        folder = bench.place("downloads")
        folder.mkdir()
        with Process(bench.opener) as process:
            grown = process.ask(
                "memory", bench.uri(), warm=str(warm), local=str(large), folder=str(folder)
            )

        for what, growth in grown.items():
            assert growth < self.memory_growth, (
                f"a file of {size >> 20} MiB was {what} and took {growth >> 20} MiB of memory: a model may be "
                "larger than the memory of the machine"
            )
