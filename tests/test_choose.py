"""What stands behind `--` chooses distributions and tests, and a mistake chooses nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import choose
import discover

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def root(repository: Callable[..., Path]) -> Path:
    made = repository(core=[], blue=["mlflow-core>=0.1"], green=[])
    for folder in ("tests", "plugins/blue/tests"):
        (made / folder).mkdir(exist_ok=True)
        (made / folder / "test_x.py").write_text("")
    return made


def test_a_distribution_is_chosen_by_either_name(root: Path) -> None:
    chosen = choose.parse(["blue", "mlflow-green", "-x"], root)

    assert chosen.shorts == ("blue", "green")
    assert not chosen.includes("core")
    assert chosen.for_pytest("blue") == ["-x"]


def test_nothing_chosen_is_everything(root: Path) -> None:
    assert choose.parse(["-k", "digest"], root).includes("core")


def test_a_path_chooses_the_distribution_it_lies_in(root: Path) -> None:
    path = "plugins/blue/tests/test_x.py::test_it"

    chosen = choose.parse([path], root)

    assert chosen.shorts == ("blue",)
    assert chosen.for_pytest("blue") == [path]
    assert chosen.for_pytest("green") == []


def test_a_path_outside_of_all_distributions_chooses_none(root: Path) -> None:
    chosen = choose.parse(["tests/test_x.py"], root)

    assert chosen.paths_of("") == ["tests/test_x.py"]
    assert not chosen.includes("blue")


@pytest.mark.parametrize("option", ["-k", "-m"])
@pytest.mark.parametrize("value", ["tests", "blue", "not server"])
def test_the_value_of_an_option_is_neither_path_nor_distribution(
    root: Path, option: str, value: str
) -> None:
    chosen = choose.parse(["green", option, value], root)

    assert chosen.shorts == ("green",)
    assert chosen.paths == ()
    assert chosen.options == (option, value)


def test_a_long_option_keeps_its_value(root: Path) -> None:
    assert choose.parse(["--maxfail", "3"], root).options == ("--maxfail", "3")


@pytest.mark.parametrize("word", ["bleu", "plugins/blue/tests/test_gone.py", "tests/gone"])
def test_a_misspelled_word_fails_and_names_what_there_is(root: Path, word: str) -> None:
    with pytest.raises(LookupError, match=f"(?s){word}.*core, blue, green"):
        choose.parse([word], root)


@pytest.mark.parametrize("session", ["unit", "build", "news", "cell", "version"])
def test_a_session_with_a_misspelled_distribution_fails(session: str) -> None:
    done = _nox(session, "sqlserver-artifact")

    assert done.returncode == 1
    assert "There is no distribution 'sqlserver-artifact'; there are: " in done.stdout


@pytest.mark.parametrize("session", ["news", "cell", "version"])
def test_a_session_that_needs_a_distribution_says_so(session: str) -> None:
    done = _nox(session)

    assert done.returncode == 1
    assert "name a distribution" in done.stdout


def _nox(session: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a session of this repository's noxfile that ends before it would install anything."""
    program = [sys.executable, "-m", "nox", "-f", str(discover.ROOT / "noxfile.py"), "--no-venv"]
    return subprocess.run(
        [*program, "-s", session, "--", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
        check=False,
    )
