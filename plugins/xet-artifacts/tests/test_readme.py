"""What the README shows is what runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

_PLUGIN = Path(__file__).parents[1]


def test_the_quick_start_of_the_readme_is_the_example() -> None:
    readme = (_PLUGIN / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    example = (_PLUGIN / "examples/quickstart.py").read_text(encoding="utf-8")

    assert example.endswith(shown)


def test_the_quick_start_runs_as_it_stands(tmp_path: Path) -> None:
    program = (_PLUGIN / "examples/quickstart.py").read_text(encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-c", program.replace("/tmp/", f"{tmp_path}/")],
        cwd=tmp_path,
        env={**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/tracking.db"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "hello" in done.stdout.splitlines()
