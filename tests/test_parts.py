"""What `nox -s tests` runs."""

from __future__ import annotations

import choose
import parts
from discover import distributions

_PROGRAM = ["nox", "-s"]
_SHORTS = [item.short for item in distributions()]


def test_each_distribution_is_tested_in_a_part_of_its_own() -> None:
    found = parts.commands(choose.parse([]), _PROGRAM)

    for short in _SHORTS:
        for session in ("server", "unit", "conformance"):
            assert found[f"{session} {short}"] == ["nox", "-s", session, "--", short]
    assert {"wheel", "minimums", "tools", "demo", "together", "types", "docs", "lint"} < set(found)


def test_one_distribution_that_is_chosen_is_tested_alone_with_its_options() -> None:
    found = parts.commands(choose.parse([_SHORTS[0], "-k", "digest"]), _PROGRAM)

    assert found[f"unit {_SHORTS[0]}"] == ["nox", "-s", "unit", "--", _SHORTS[0], "-k", "digest"]
    assert not any(short in name for name in found for short in _SHORTS[1:])
    assert found["wheel"] == ["nox", "-s", "wheel", "--", _SHORTS[0]]


def test_tests_of_the_tools_need_no_other_part() -> None:
    found = parts.commands(choose.parse(["tests/test_parts.py"]), _PROGRAM)

    assert found == {"tools": ["nox", "-s", "tools", "--", "tests/test_parts.py"]}
