"""The README's quick start runs as it stands, with the three variables that it names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mlflow_plugin_servers.oss_server import Bucket

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

_PLUGIN = Path(__file__).parents[2]


def test_the_quick_start_runs_as_it_stands(bucket: Bucket, tmp_path: Path) -> None:
    program = (_PLUGIN / "examples/quickstart.py").read_text(encoding="utf-8")
    readme = (_PLUGIN / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^export (MLFLOW_OSS_\w+)=", readme, re.MULTILINE))
    assert named == {name for name in os.environ if name.startswith("MLFLOW_OSS_")}

    done = subprocess.run(
        [sys.executable, "-c", program.replace("my-bucket", bucket.name)],
        cwd=tmp_path,
        env={**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/tracking.db"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "hello" in done.stdout.splitlines()
