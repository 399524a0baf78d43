"""Many threads and many instances at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.artifacts.capabilities import ArtifactCapability
from mlflow_plugin_testing.artifacts.check import check
from mlflow_plugin_testing.artifacts.content import Content, digest_of, write_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlflow_plugin_testing.artifacts.bench import Bench

__all__ = ["Together", "at_once"]

_THREADS = 8


def at_once(job: Callable[[Any], Any], items: Sequence[Any]) -> list[Exception]:
    """Do a job for several items, in threads of their own that begin together.

    Args:
        job: The job.
        items: What it is done for.

    Returns:
        The errors.
    """
    barrier = threading.Barrier(len(items))

    def run(item: Any) -> Exception | None:
        barrier.wait()
        try:
            job(item)
        except Exception as error:  # noqa: BLE001  (the one that asked judges it)
            return error
        return None

    with ThreadPoolExecutor(len(items)) as pool:
        return [error for error in pool.map(run, items) if error]


class Together:
    """Tests with several users of one location."""

    @check(ArtifactCapability.CONCURRENCY)
    def test_one_instance_serves_eight_threads(self, bench: Bench) -> None:
        """MLflow's server and its asynchronous logging share an instance among threads."""
        one = bench.candidate().alone()
        contents = {number: Content(50_000 + number, seed=number) for number in range(_THREADS)}

        def work(number: int) -> None:
            for turn in range(3):
                one.log_artifact(f"{turn}.bin", contents[number], f"thread {number}")
                listed = one.list_artifacts(f"thread {number}")
                assert len(listed) == turn + 1, f"{turn + 1} files were logged, {listed} is listed"
                fetched = one.download_artifacts(f"thread {number}/{turn}.bin")
                assert list(fetched["files"].values()) == [digest_of(contents[number])]

        errors = at_once(work, range(_THREADS))

        assert not errors, (
            f"{len(errors)} of {_THREADS} threads failed, the first with {errors[0]!r}"
        )
        assert bench.stored() == {
            f"thread {number}/{turn}.bin": digest_of(contents[number])
            for number in range(_THREADS)
            for turn in range(3)
        }

    @check(ArtifactCapability.CONCURRENCY)
    def test_one_instance_can_be_kept(self, bench: Bench) -> None:
        """One that is used for hours answers as a new one does."""
        one = bench.candidate().alone()
        for name in ("a.txt", "b.txt"):
            one.log_artifact(name, name.encode(), "f")
            assert one.list_artifacts("f") == bench.candidate().list_artifacts("f")
            assert one.download_artifacts("f") == bench.candidate().download_artifacts("f")
        one.log_artifacts({"a.txt": b"again", "g/c.txt": b"c"}, "f")
        assert one.list_artifacts("f") == bench.candidate().list_artifacts("f")

        assert bench.stored() == {
            "f/a.txt": digest_of(b"again"),
            "f/b.txt": digest_of(b"b.txt"),
            "f/g/c.txt": digest_of(b"c"),
        }
        assert one.download_artifacts("")["files"] == bench.stored()

    @check(ArtifactCapability.CONCURRENCY)
    def test_many_instances_log_to_one_folder(self, bench: Bench) -> None:
        """The workers of a distributed training: the folder is new, and each file is another one."""

        def work(number: int) -> None:
            tree = {f"{number}/{file}": b"%d" % file for file in range(10)}
            bench.candidate().log_artifacts(tree, "shared/new")

        errors = at_once(work, range(_THREADS))

        assert not errors, (
            f"{len(errors)} of {_THREADS} writers failed, the first with {errors[0]!r}"
        )
        assert bench.stored() == {
            f"shared/new/{number}/{file}": digest_of(b"%d" % file)
            for number in range(_THREADS)
            for file in range(10)
        }

    @check(ArtifactCapability.CONCURRENCY)
    def test_what_one_instance_stores_another_one_sees(self, bench: Bench) -> None:
        """An instance that was open before sees it too: nothing that was read once is kept."""
        one, other = bench.candidate().alone(), bench.candidate().alone()
        assert one.list_artifacts("f") == other.list_artifacts("f") == []
        other.log_artifact("a.txt", b"first", "f")
        assert one.list_artifacts("f") == [{"path": "f/a.txt", "is_dir": False, "file_size": 5}]
        other.log_artifact("a.txt", b"the second", "f")
        assert one.list_artifacts("f") == [{"path": "f/a.txt", "is_dir": False, "file_size": 10}]
        assert one._download_file("f/a.txt") == digest_of(b"the second")
        assert [info["path"] for info in one.list_artifacts()] == ["f"]

    @check(ArtifactCapability.CONCURRENCY)
    def test_what_another_process_stores_is_seen(self, bench: Bench) -> None:
        """Nothing that a process knows is kept beyond a call: a run is logged here and read there."""
        one = bench.candidate().alone()
        assert one.list_artifacts() == []
        local = bench.place("a.txt")
        for content in (b"first", b"the second"):
            write_file(local, content)
            bench.process.ask("log", bench.uri(), local=str(local), folder="f")

            assert one.list_artifacts("f") == [
                {"path": "f/a.txt", "is_dir": False, "file_size": len(content)}
            ]
            assert one._download_file("f/a.txt") == digest_of(content)
        one.log_artifact("b.txt", b"b", "f")
        listed = bench.process.ask("listed", bench.uri(), path="f")
        assert listed == [["f/a.txt", False, 10], ["f/b.txt", False, 1]]
