"""What the README shows is what runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

_README = Path(__file__).parents[2] / "README.md"


def test_the_quick_start_passes_as_it_stands(pytester: pytest.Pytester) -> None:
    (shown,) = re.findall(r"```python\n(.*?)```", _README.read_text(encoding="utf-8"), re.DOTALL)
    pytester.makepyfile(shown)

    options = ("-p", "no:cacheprovider", "-p", "no:randomly")
    pytester.runpytest_subprocess(*options).assert_outcomes(passed=1)
