"""Reads from the output of nox and pytest what was not run, and why."""

from __future__ import annotations

import re
from collections import Counter

# SKIPPED [2] tests/test_x.py:12: no mariadb: …
_TEST = re.compile(r"^SKIPPED \[(\d+)\] (?:\S+?(?::\d+)?: )?(.*)$")
# nox > Session bench(…) skipped: ….
_SESSION = re.compile(r"^nox > Session (\S+) skipped: (.*)$")
_WARNING = re.compile(r"^nox > left out: (.*)$")
# What the user did not ask for, and what does not exist, is not left out.
_MEANT = ("was not chosen", "talks to no server", "has no benchmark", "has no conformance")


def found(output: str) -> list[str]:
    """Return one sentence for each reason, with how many tests it concerns.

    Args:
        output: What a session printed.
    """
    tests: Counter[str] = Counter()
    others: dict[str, None] = {}
    for line in output.splitlines():
        if match := _TEST.match(line):
            tests[match[2]] += int(match[1])
        elif match := _SESSION.match(line):
            if not any(words in match[2] for words in _MEANT):
                others[f"{match[1]}: {match[2]}"] = None
        elif match := _WARNING.match(line):
            others[match[1]] = None
    listed = [f"{count} test{'s' * (count > 1)}: {reason}" for reason, count in tests.items()]
    return [*listed, *others]
