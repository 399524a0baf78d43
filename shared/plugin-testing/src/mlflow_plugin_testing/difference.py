"""The first place where two plain values differ, in words."""

from __future__ import annotations

from typing import Any

__all__ = ["first_difference"]


def first_difference(reference: Any, candidate: Any, where: str = "the answer") -> str:
    """Compare two plain values.

    Args:
        reference: What MLflow's own answered.
        candidate: What the one under test answered.
        where: What is being compared.

    Returns:
        A sentence on the first difference; empty when there is none.
    """
    if isinstance(reference, dict) and isinstance(candidate, dict):
        return _of_mappings(reference, candidate, where)
    if isinstance(reference, list) and isinstance(candidate, list):
        return _of_lists(reference, candidate, where)
    # True equals 1 and 1 equals 1.0 in Python; in an answer they are different things.
    if isinstance(reference, bool) != isinstance(candidate, bool) or reference != candidate:
        return f"{where} is {reference!r} in MLflow's own, {candidate!r} in this one"
    return ""


def _of_mappings(reference: dict[str, Any], candidate: dict[str, Any], where: str) -> str:
    for name in sorted({*reference, *candidate}):
        inside = f"{where}.{name}" if name.isidentifier() else f"{where}[{name!r}]"
        if name not in candidate:
            return f"{inside} is missing; MLflow's own has {reference[name]!r}"
        if name not in reference:
            return f"{inside} is {candidate[name]!r}; MLflow's own does not have it"
        if found := first_difference(reference[name], candidate[name], inside):
            return found
    return ""


def _of_lists(reference: list[Any], candidate: list[Any], where: str) -> str:
    for number, (left, right) in enumerate(zip(reference, candidate, strict=False)):
        if found := first_difference(left, right, f"{where}[{number}]"):
            return f"{found} ({len(reference)} and {len(candidate)} items)"
    if len(reference) != len(candidate):
        return f"{where} has {len(reference)} items in MLflow's own, {len(candidate)} in this one"
    return ""
