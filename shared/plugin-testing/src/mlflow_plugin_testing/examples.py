"""How many examples property tests take, and how they are drawn."""

from __future__ import annotations

import os
from typing import Any

__all__ = ["EXAMPLES", "drawn"]

#: Environment variable: a factor for the number of examples. With one they are drawn by chance, so that each run
#: finds something new, and what fails is reduced; without one they are the same in each run.
EXAMPLES = "MLFLOW_PLUGIN_TESTING_EXAMPLES"


def drawn(count: int, **more: Any) -> Any:
    """Return the settings of a property test.

    Args:
        count: How many examples it takes.
        more: Other settings of Hypothesis.

    Returns:
        Hypothesis' settings: bounded, without a deadline, since stores are as slow as they are.

    Raises:
        ValueError: The factor in the environment is no number above zero.
    """
    from hypothesis import HealthCheck, Phase, settings

    text = os.environ.get(EXAMPLES, "").strip()
    factor = _factor(text) if text else 1.0
    # Looking for the smallest example takes minutes where each step is a call to a server.
    phases = [Phase.explicit, Phase.generate, *([Phase.shrink] if text else [])]
    return settings(
        max_examples=max(1, round(count * factor)),
        derandomize=not text,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        phases=phases,
        **more,
    )


def _factor(text: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        message = f"{EXAMPLES} is {text!r}; it takes a number above zero, such as 10"
        raise ValueError(message)
    return factor
