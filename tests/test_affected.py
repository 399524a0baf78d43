"""Which distributions a change concerns, asked of a real git repository."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

import affected

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    command = ["git", *identity, *arguments]
    return subprocess.run(
        command, cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def root(repository: Callable[..., Path]) -> Path:
    made = repository(core=[], blue=["mlflow-core>=0.1"], green=[])
    (made / "plugins/green/moving.py").write_text("a line\n" * 20)
    _git(made, "init", "-q")
    _git(made, "add", ".")
    _git(made, "commit", "-qm", "First")
    return made


def _concerned(root: Path, base: str) -> list[str]:
    return [item.short for item in affected.affected(affected.changed_since(base, root), root)]


def test_a_moved_file_concerns_where_it_was_and_where_it_is(root: Path) -> None:
    base = _git(root, "rev-parse", "HEAD")
    _git(root, "mv", "plugins/green/moving.py", "plugins/blue/moving.py")
    _git(root, "commit", "-qm", "Move")

    assert _concerned(root, base) == ["blue", "green"]


def test_a_name_that_git_would_quote_is_read_as_it_is(root: Path) -> None:
    base = _git(root, "rev-parse", "HEAD")
    (root / "plugins/green/größe ü.py").write_text("")
    _git(root, "add", ".")
    _git(root, "commit", "-qm", "Add")

    assert affected.changed_since(base, root) == ["plugins/green/größe ü.py"]


def test_a_commit_of_documentation_concerns_nothing(root: Path) -> None:
    base = _git(root, "rev-parse", "HEAD")
    (root / "README.md").write_text("New.")
    _git(root, "add", ".")
    _git(root, "commit", "-qm", "Write")

    assert _concerned(root, base) == []


def test_without_a_commit_to_compare_with_everything_is_new(root: Path) -> None:
    assert _concerned(root, "") == ["core", "blue", "green"]


def test_a_change_of_the_kit_concerns_those_that_it_holds_against_the_contract(
    repository: Callable[..., Path],
) -> None:
    root = repository(blue=[], green=[], **{"plugin-testing": []})
    (root / "plugins/blue/tests/conformance").mkdir(parents=True)

    found = affected.affected(["plugins/plugin-testing/src/suite.py"], root)

    assert [item.short for item in found] == ["blue", "plugin-testing"]
