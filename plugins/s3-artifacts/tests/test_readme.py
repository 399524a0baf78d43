"""What the README shows is what runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mlflow_plugin_servers.s3_server import S3Bucket

_PLUGIN = Path(__file__).parents[1]


def test_the_quick_start_of_the_readme_is_the_example() -> None:
    readme = (_PLUGIN / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    example = (_PLUGIN / "examples/quickstart.py").read_text(encoding="utf-8")

    assert example[example.index("import mlflow\n") :] == shown


@pytest.mark.server
@pytest.mark.enable_socket
def test_the_quick_start_runs_as_it_stands(s3_bucket: S3Bucket, tmp_path: Path) -> None:
    program = (_PLUGIN / "examples/quickstart.py").read_text(encoding="utf-8")
    place = f"{s3_bucket.endpoint.removeprefix('http://')}/{s3_bucket.name}/"
    keys = {
        "AWS_ACCESS_KEY_ID": s3_bucket.access.access_key,
        "AWS_SECRET_ACCESS_KEY": s3_bucket.access.secret_key,
    }

    done = subprocess.run(
        [sys.executable, "-c", program.replace("127.0.0.1:8333/models/", place)],
        cwd=tmp_path,
        env={**os.environ, **keys, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/tracking.db"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    listed, text = done.stdout.strip().splitlines()[-2:]
    assert "path='notes/hello.txt'" in listed
    assert text == "hello"
