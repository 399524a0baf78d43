"""The tools are programs beside each other, not a package: their folder goes on the path."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))


@pytest.fixture
def repository(tmp_path: Path) -> Callable[..., Path]:
    """Make a small repository: `repository(core=[], plugin=["mlflow-core"])` by needs."""

    def make(**needs: list[str]) -> Path:
        for name, requirements in needs.items():
            parent = "shared" if name == "core" else "plugins"
            folder = tmp_path / parent / name
            package = folder / "src" / f"mlflow_{name}"
            package.mkdir(parents=True)
            (folder / "changes").mkdir()
            (folder / "pyproject.toml").write_text(
                f'[project]\nname = "mlflow-{name}"\ndescription = "About {name}."\n'
                f"dependencies = {['mlflow-skinny>=3.5', *requirements]!r}\n"
                f'[project.entry-points."mlflow.artifact_repository"]\n{name} = "mlflow_{name}:X"\n'
            )
            (package / "__about__.py").write_text('"""V."""\n\n__version__ = "1.2.0"\n')
            (package / "__init__.py").write_text('"""P."""\n')
            (package / "py.typed").write_text("")
            for document in ("README.md", "LICENSE", "CHANGELOG.md"):
                (folder / document).write_text("# Changelog\n\n## 1.2.0 (2026-01-01)\n\n- First.\n")
        return tmp_path

    return make


@pytest.fixture(scope="session")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this repository's files, without its history."""
    target = tmp_path_factory.mktemp("copied")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            # With its mode: a program that cannot be executed is a fault to the linter.
            shutil.copy2(ROOT / name, target / name)
    return target
