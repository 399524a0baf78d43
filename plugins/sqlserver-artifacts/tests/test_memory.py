"""Memory does not grow with the file, whatever the driver."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = Path(__file__).with_name("writers.py")
_SIZE = 400 << 20
_ALLOWED = 150 << 20


@pytest.mark.timeout(600)
def test_a_file_of_400_mib_takes_less_than_150_mib_of_memory_each_way(
    location: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, str(_PROGRAM), "measure_memory", location, str(tmp_path), str(_SIZE)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    growth = json.loads(done.stdout)
    assert growth["up"] < _ALLOWED
    assert growth["up from a stream"] < _ALLOWED
    assert growth["down"] < _ALLOWED
