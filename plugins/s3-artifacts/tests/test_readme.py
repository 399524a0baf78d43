"""What the README shows is what runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

_PLUGIN = Path(__file__).parents[1]


def test_the_quick_start_of_the_readme_is_the_example() -> None:
    readme = (_PLUGIN / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    example = (_PLUGIN / "examples/quickstart.py").read_text(encoding="utf-8")

    assert example[example.index("import mlflow\n") :] == shown


@pytest.mark.server
@pytest.mark.enable_socket
def test_the_quick_start_runs_as_it_stands(tmp_path: Path) -> None:
    from mlflow_plugin_servers.s3 import s3

    readme = (_PLUGIN / "README.md").read_text(encoding="utf-8")
    (make_bucket,) = re.findall(r"```sh\n(python -c .*)\n```", readme)
    program = (_PLUGIN / "examples/quickstart.py").read_text(encoding="utf-8")
    python = Path(sys.executable).parent
    with s3() as server:
        ours = server.access.endpoint.removeprefix("http://")
        environment = {
            **os.environ,
            "PATH": f"{python}{os.pathsep}{os.environ['PATH']}",
            "AWS_ACCESS_KEY_ID": server.access.access_key,
            "AWS_SECRET_ACCESS_KEY": server.access.secret_key,
            "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/tracking.db",
        }

        def run(*command: str) -> str:
            told = [word.replace("127.0.0.1:8333", ours) for word in command]
            done = subprocess.run(
                told, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        run("sh", "-c", make_bucket)
        listed, text = run(sys.executable, "-c", program).strip().splitlines()[-2:]

    assert "path='notes/hello.txt'" in listed
    assert text == "hello"
