"""The parts of `tests` run beside each other, and the summary hides nothing."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import left_out
import parallel

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def _python(program: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", program, *arguments]


def test_every_failure_is_named_and_every_closing_line_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = _python("print('3 passed in 0.1s')")
    bad = _python("raise SystemExit(3)")

    failed = parallel.run({"good": good, "bad": bad}, tmp_path / "logs")

    assert failed == ["bad"]
    summary = capsys.readouterr().out.partition("═ summary")[2]
    assert [
        line.split()[:2] for line in summary.splitlines() if line.startswith(("ok", "FAIL"))
    ] == [
        ["ok", "good"],
        ["FAILED", "bad"],
    ]
    assert "3 passed in 0.1s" in summary
    assert "nothing was left out" in summary
    assert (tmp_path / "logs/good.log").read_text().strip() == "3 passed in 0.1s"


def test_two_parts_run_at_once(tmp_path: Path) -> None:
    # Each opens one end of a pipe, which succeeds only while the other holds the other end.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    commands = {
        "writes": _python("import sys; open(sys.argv[1], 'w').write('met')", str(pipe)),
        "reads": _python("import sys; assert open(sys.argv[1]).read() == 'met'", str(pipe)),
    }

    assert parallel.run(commands, tmp_path / "logs") == []


def test_each_part_is_announced_when_it_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parallel.run({"one": _python("print('its output')")}, tmp_path / "logs")

    said = capsys.readouterr().out
    assert said.index("started one") < said.index("its output")


def test_what_was_left_out_is_named_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    skipped = "SKIPPED [2] tests/test_x.py:3: no mariadb: not installed"

    parallel.run(
        {"server": _python(f"print({skipped!r})")},
        tmp_path / "logs",
        left_out=["Python 3.11: not on this machine"],
    )

    said = capsys.readouterr().out.partition("left out:")[2]
    assert "Python 3.11: not on this machine" in said
    assert "server: 2 tests: no mariadb: not installed" in said


def test_skips_are_grouped_by_their_reason() -> None:
    output = """
SKIPPED [2] tests/test_x.py:3: no mariadb: gone
SKIPPED [1] tests/test_y.py:9: no mariadb: gone
SKIPPED [1] conftest.py: for ordinary users
nox > Session cell-3.11 skipped: Python interpreter 3.11 not found.
nox > Session unit(blue) skipped: blue was not chosen.
nox > left out: actionlint, which Go builds, and Go is not installed
SKIPPED is a word in a sentence
"""

    assert left_out.found(output) == [
        "3 tests: no mariadb: gone",
        "1 test: for ordinary users",
        "cell-3.11: Python interpreter 3.11 not found.",
        "actionlint, which Go builds, and Go is not installed",
    ]
