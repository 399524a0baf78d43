"""Why a test of a suite did not pass or fail: the words that `pytest.skip` is given, and what they mean for a level."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlflow_plugin_testing.support import Cell

__all__ = ["Outcome", "outcome_of_skip", "skip_absent", "skip_declared", "skip_missing"]


class Outcome(enum.Enum):
    """What became of one test.

    Attributes:
        PASSED: As it should be.
        FAILED: Not so, or the test ended in an error.
        MISSING: The plugin says that it does not have this.
        DECLARED: It is missing as the plugin declares.
        ABSENT: The installed MLflow does not have this.
        LEFT_OUT: Not looked at, for any other reason.
    """

    PASSED = "passed"
    FAILED = "failed"
    MISSING = "missing"
    DECLARED = "declared"
    ABSENT = "absent"
    LEFT_OUT = "left out"


_MISSING = "not implemented: "
_ABSENT = "not in this MLflow: "
_DECLARED = "as declared: "


def skip_missing(method: str) -> NoReturn:
    """End a test: the plugin says that it does not have a method, and did not say so before.

    Args:
        method: Name of the method.
    """
    pytest.skip(_MISSING + method)


def skip_absent(names: Iterable[str]) -> NoReturn:
    """End a test: the installed MLflow does not have what it is about.

    Args:
        names: The methods or classes that are missing.
    """
    pytest.skip(_ABSENT + ", ".join(names))


def skip_declared(claim: Cell) -> NoReturn:
    """End a test: what it is about is missing, as the plugin declares.

    Args:
        claim: The declaration.
    """
    pytest.skip(f"{_DECLARED}{claim}")


def outcome_of_skip(reason: str) -> tuple[Outcome, str]:
    """Read the reason of a skipped test.

    Args:
        reason: What `pytest.skip` was given.

    Returns:
        What it means, and the rest of the words.
    """
    for prefix, outcome in (
        (_MISSING, Outcome.MISSING),
        (_ABSENT, Outcome.ABSENT),
        (_DECLARED, Outcome.DECLARED),
    ):
        if reason.startswith(prefix):
            return outcome, reason.removeprefix(prefix)
    return Outcome.LEFT_OUT, reason
