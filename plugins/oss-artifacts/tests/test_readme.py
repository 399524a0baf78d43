"""What the README shows is the example; tests/server runs it."""

from __future__ import annotations

import re
from pathlib import Path

_PLUGIN = Path(__file__).parents[1]


def test_the_quick_start_of_the_readme_is_the_example() -> None:
    readme = (_PLUGIN / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    example = (_PLUGIN / "examples/quickstart.py").read_text(encoding="utf-8")

    assert example.endswith(shown)
