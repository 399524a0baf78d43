"""No path leads out of a repository, whatever is done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlflow_plugin_testing.artifacts.capabilities import ArtifactCapability
from mlflow_plugin_testing.artifacts.check import check, error_of
from mlflow_plugin_testing.artifacts.content import digest_of, digest_of_file, write_file

if TYPE_CHECKING:
    from pathlib import Path

    from mlflow_plugin_testing.artifacts.bench import Bench

__all__ = ["HOSTILE", "SafePaths"]

_CANARY = b"a canary that stays in its cage"
#: Paths that lead from the repository under test to a folder beside it, read by somebody who is too helpful.
HOSTILE = {
    "upwards": "../beside",
    "up from a folder": "folder/../../beside",
    "up behind a dot": "./../beside",
    "percent-encoded": "%2e%2e/beside",
    "with an encoded slash": "..%2fbeside",
    "encoded twice": "%252e%252e%252fbeside",
    "with backslashes": "..\\beside",
    "with an encoded backslash": "..%5cbeside",
    "up with a slash too much": "..//beside",
    "up at the end": "../beside/.",
}
_ESCAPING = ("folder/../../../escaped", "folder/..\\..\\..\\escaped", "folder//../../../escaped")

_hostile = pytest.mark.parametrize("path", list(HOSTILE.values()), ids=list(HOSTILE))


class SafePaths:
    """Tests with paths that a user, or somebody who speaks to MLflow's server, may send."""

    @_hostile
    @check(ArtifactCapability.SAFE_PATHS)
    def test_no_path_reads_outside(self, bench: Bench, path: str) -> None:
        """A path that leads upwards is refused, or names nothing."""
        bench.candidate("beside").log_artifact("canary", _CANARY)
        inside = bench.candidate("inside")
        inside.log_artifact("a.txt", b"a", "folder")
        for wanted in (f"{path}/canary", path):
            destination = bench.place("downloads")
            destination.mkdir()
            error_of(inside.raw.download_artifacts, wanted, str(destination))
            _none_is_the_canary(destination.parent, f"download_artifacts({wanted!r})")
        fetched = bench.place("fetched")
        error_of(inside.raw._download_file, f"{path}/canary", str(fetched))
        _none_is_the_canary(fetched.parent, f"_download_file({path + '/canary'!r})")

    @_hostile
    @check(ArtifactCapability.SAFE_PATHS)
    def test_no_path_lists_outside(self, bench: Bench, path: str) -> None:
        """A path that leads upwards is refused, or lists nothing."""
        bench.candidate("beside").log_artifact("canary", _CANARY)
        inside = bench.candidate("inside")
        inside.log_artifact("a.txt", b"a", "folder")
        found: list[str] = []

        def listing() -> None:
            found.extend(info.path for info in inside.call("list_artifacts", path))

        error_of(listing)

        assert not any("canary" in name for name in found), (
            f"list_artifacts({path!r}) lists {found}, which lies outside of the repository: refuse such paths with "
            "INVALID_PARAMETER_VALUE"
        )

    @_hostile
    @check(ArtifactCapability.SAFE_PATHS)
    def test_no_path_writes_outside(self, bench: Bench, path: str) -> None:
        """A path that leads upwards is refused, or is a folder of a strange name inside."""
        bench.candidate("beside").log_artifact("canary", _CANARY)
        inside = bench.candidate("inside")
        inside.log_artifact("a.txt", b"a", "folder")
        before = _outside(bench)
        error_of(inside.log_artifact, "canary", b"another bird", path)
        error_of(inside.log_artifacts, {"canary": b"another bird", "cat": b"a cat"}, path)

        assert _outside(bench) == before, (
            f"logging to {path!r} wrote outside of the repository: refuse such paths with INVALID_PARAMETER_VALUE"
        )

    @_hostile
    @check(ArtifactCapability.SAFE_PATHS)
    def test_no_path_deletes_outside(self, bench: Bench, path: str) -> None:
        """A path that leads upwards is refused, or names nothing that could be deleted."""
        bench.candidate("beside").log_artifact("canary", _CANARY)
        inside = bench.candidate("inside")
        inside.log_artifact("a.txt", b"a", "folder")
        before = _outside(bench)
        for doomed in (f"{path}/canary", path):
            error_of(inside.raw.delete_artifacts, doomed)

            assert _outside(bench) == before, (
                f"delete_artifacts({doomed!r}) deleted something outside of the repository: refuse such paths with "
                "INVALID_PARAMETER_VALUE"
            )

    @check(ArtifactCapability.SAFE_PATHS)
    def test_no_absolute_path_is_a_file_of_this_machine(self, bench: Bench) -> None:
        """An absolute path is refused or means something inside: MLflow's server would hand out its own files."""
        canary = bench.place("canary")
        write_file(canary, _CANARY)
        inside = bench.candidate("inside")
        inside.log_artifact("a.txt", b"a")
        for path in (str(canary), canary.as_uri(), f"/{canary}", f"C:{canary}"):
            destination = bench.place("downloads")
            destination.mkdir()
            error_of(inside.raw.download_artifacts, path, str(destination))
            _none_is_the_canary(destination.parent, f"download_artifacts({path!r})")
            fetched = bench.place("fetched")
            error_of(inside.raw._download_file, path, str(fetched))
            _none_is_the_canary(fetched.parent, f"_download_file({path!r})")

    @check(ArtifactCapability.SAFE_PATHS)
    def test_nothing_is_written_to_an_absolute_path(self, bench: Bench) -> None:
        """An absolute path is refused or means something inside."""
        folder = bench.place("cage")
        write_file(folder / "canary", _CANARY)
        inside = bench.candidate("inside")
        for path in (str(folder), folder.as_uri()):
            error_of(inside.log_artifact, "cat", b"a cat", path)
            error_of(inside.log_artifacts, {"cat": b"a cat"}, path)

        assert [item.name for item in folder.iterdir()] == ["canary"], (
            f"logging to the path {str(folder)!r} wrote a file of this machine that is none of the repository's"
        )

    @check(ArtifactCapability.SAFE_PATHS)
    def test_nothing_is_deleted_at_an_absolute_path(self, bench: Bench) -> None:
        """An absolute path is refused or means something inside."""
        folder = bench.place("cage")
        inside = bench.candidate("inside")
        inside.log_artifact("a.txt", b"a")
        for path in (str(folder / "canary"), str(folder), folder.as_uri()):
            write_file(folder / "canary", _CANARY)
            error_of(inside.raw.delete_artifacts, path)

            assert (folder / "canary").is_file(), (
                f"delete_artifacts({path!r}) deleted a file of this machine that is none of the repository's"
            )

    @check(ArtifactCapability.SIDE_DOOR)
    def test_a_stored_name_cannot_escape_from_the_destination(self, bench: Bench) -> None:
        """Somebody else may write to the same bucket or table: a name is data, and not where to write."""
        if bench.side_door is None:
            pytest.skip("no side door is given")
        bench.candidate().log_artifact("a.txt", b"a", "folder")
        destinations = []
        for name in _ESCAPING:
            try:
                bench.side_door.write(f"{bench.token}/{name}", _CANARY)
            except ValueError:
                continue
            for wanted in ("", "folder", name):
                destination = bench.place("deep/deeper/deepest")
                destination.mkdir(parents=True)
                destinations.append(destination)
                error_of(bench.candidate().raw.download_artifacts, wanted, str(destination))
                outside = [
                    path
                    for path in bench.folder.rglob("*escaped*")
                    if not set(destinations) & set(path.parents)
                ]

                assert not outside, (
                    f"a stored file of the name {name!r} was written to {outside[0]}, outside of the destination of "
                    f"download_artifacts({wanted!r})"
                )


def _outside(bench: Bench) -> dict[str, str]:
    return {path: what for path, what in bench.stored().items() if not path.startswith("inside/")}


def _none_is_the_canary(folder: Path, what: str) -> None:
    for path in folder.rglob("*"):
        if path.is_file() and digest_of_file(path) == digest_of(_CANARY):
            pytest.fail(f"{what} fetched a file from outside of the repository", pytrace=False)
