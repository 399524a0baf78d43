"""What only a side door shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlflow_plugin_testing.artifacts.capabilities import ArtifactCapability
from mlflow_plugin_testing.artifacts.check import check, error_of
from mlflow_plugin_testing.artifacts.content import Content, digest_of

if TYPE_CHECKING:
    from mlflow_plugin_testing.artifacts.bench import Bench
    from mlflow_plugin_testing.artifacts.side_door import SideDoor

__all__ = ["Doors"]


class Doors:
    """Tests that need the fixture `side_door`."""

    @check(ArtifactCapability.SIDE_DOOR)
    def test_what_is_stored_are_the_bytes_of_the_file(self, bench: Bench) -> None:
        """Seen by other means, and not by the code that may have written and read them with the same mistake."""
        door = _door(bench)
        content = Content(3_000_001, seed=9)
        bench.candidate().log_artifact("a.bin", content, "f")
        bench.candidate().log_artifact("empty", b"")

        assert digest_of(door.read(f"{bench.token}/f/a.bin")) == digest_of(content)
        assert door.read(f"{bench.token}/empty") == b""
        sizes = {path: size for path, size in door.listing().items() if bench.token in path}
        assert sizes == {f"{bench.token}/f/a.bin": content.size, f"{bench.token}/empty": 0}

    @check(ArtifactCapability.SIDE_DOOR)
    def test_what_somebody_else_stores_is_an_artifact(self, bench: Bench) -> None:
        """By another program, or by the same plugin years ago."""
        door = _door(bench)
        bench.candidate().log_artifact("a.txt", b"a", "f")
        door.write(f"{bench.token}/f/b.txt", b"by somebody else")
        repository = bench.candidate()

        assert [info["path"] for info in repository.list_artifacts("f")] == ["f/a.txt", "f/b.txt"]
        assert repository._download_file("f/b.txt") == digest_of(b"by somebody else")
        assert repository.download_artifacts("f")["files"] == {
            "f/a.txt": digest_of(b"a"),
            "f/b.txt": digest_of(b"by somebody else"),
        }

    @check(ArtifactCapability.SIDE_DOOR)
    def test_trace_data_that_somebody_broke_is_corrupted(self, bench: Bench) -> None:
        """MLflow tells a broken trace from a missing one by the error."""
        door = _door(bench)
        bench.candidate().upload_trace_data('{"spans": []}')
        door.write(f"{bench.token}/traces.json", b'{"spans": [')
        error = error_of(bench.candidate().download_trace_data)

        assert type(error).__name__ == "MlflowTraceDataCorrupted", f"answered by {error!r}"


def _door(bench: Bench) -> SideDoor:
    if bench.side_door is None:
        pytest.skip("no side door is given")
    return bench.side_door
