"""A stream on its way to the Hub: kept in a temporary file, which needs room and is removed."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlflow_xet_artifacts import hub_location, hub_streams

_PLACE = hub_location.parse("xet://acme/runs/main/1")
_FULL = """
import io, resource, signal
from mlflow_xet_artifacts import hub_location, hub_streams
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
place = hub_location.parse("xet://acme/runs/main/1")
try:
    with hub_streams.as_file(io.BytesIO(bytes(3 << 20)), "model/weights", place):
        print("stored")
except Exception as error:
    print(type(error).__name__, error.error_code, error.message)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)  # what it remembers of TMPDIR
    return tmp_path


def test_a_stream_is_a_file_for_a_while(folder: Path) -> None:
    content = os.urandom(3_000_000)
    with hub_streams.as_file(io.BytesIO(content), "a", _PLACE) as file:
        assert file.parent == folder
        assert file.read_bytes() == content

    assert list(folder.iterdir()) == []


def test_a_stream_that_breaks_leaves_nothing(folder: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError), hub_streams.as_file(Broken(), "a", _PLACE):
        pytest.fail("half a stream is no file")

    assert list(folder.iterdir()) == []


def test_a_full_folder_is_named_with_the_remedy(folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _FULL], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("MlflowException INTERNAL_ERROR Cannot store 'model/weights'")
    assert f"cannot be kept in {folder}" in done.stdout
    assert "set TMPDIR to a folder with room" in done.stdout
    assert list(folder.iterdir()) == []


def test_what_a_killed_process_left_is_removed_after_a_day(folder: Path) -> None:
    yesterday = time.time() - 90_000
    names = {"mlflow-xet-old": yesterday, "mlflow-xet-new": time.time(), "others": yesterday}
    for name, when in names.items():
        (folder / name).write_bytes(b"left")
        os.utime(folder / name, (when, when))

    with hub_streams.as_file(io.BytesIO(b"a"), "a", _PLACE):
        pass

    assert sorted(each.name for each in folder.iterdir()) == ["mlflow-xet-new", "others"]
