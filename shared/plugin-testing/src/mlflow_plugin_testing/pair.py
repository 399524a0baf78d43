"""MLflow's own store and the one under test, taken through the same operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.calls import Calls, Entry, StoppedError
from mlflow_plugin_testing.difference import first_difference

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NotImplementedByStoreError", "Pair", "StoresDifferError"]

_WIDEST = 160
_STEPS_SHOWN = 12


class StoresDifferError(AssertionError):
    """The store under test answered something else than MLflow's own."""


class NotImplementedByStoreError(Exception):
    """The store under test says that it does not have a method; nothing else was found wrong."""

    def __init__(self, method: str, said: str) -> None:
        """Say which.

        Args:
            method: Name of the method.
            said: What the store's error says.
        """
        super().__init__(f"{method} is not implemented: {said}")
        self.method = method


@dataclass
class _Side:
    name: str
    calls: Calls
    state: Any = None

    @property
    def entries(self) -> list[Entry]:
        return self.calls._transcript.entries

    def shown(self, value: Any, field: str = "") -> Any:
        return self.calls._normaliser.normal(value, field)


class Pair:
    """Two stores in lock step.

    Example:
        >>> pair = Pair(mlflows_own, mine)                                    # doctest: +SKIP
        >>> pair.run(lambda store: store.create_experiment("a"))              # doctest: +SKIP
    """

    def __init__(self, reference: object, candidate: object) -> None:
        """Look at two stores.

        Args:
            reference: MLflow's own.
            candidate: The one under test.
        """
        self._reference = _Side("MLflow's own store", Calls(reference))
        self._candidate = _Side("this store", Calls(candidate))
        self._compared = 0
        self._forgiving = False

    def again(self, *, forgiving: bool = False) -> Pair:
        """Return a pair that knows the ids that this one knows, and to which nothing was said yet.

        A property test compares each of its examples by itself.

        Args:
            forgiving: Whether nothing is compared from where MLflow's own store fails by accident: a search drawn by
                chance finds the faults of older versions too.
        """
        other = Pair(None, None)
        other._forgiving = forgiving
        other._reference = _Side(self._reference.name, self._reference.calls.again())
        other._candidate = _Side(self._candidate.name, self._candidate.calls.again())
        return other

    @property
    def reached(self) -> set[str]:
        """Names of the methods that were called so far."""
        return self._reference.calls._transcript.reached

    def run(self, operation: Callable[[Any], Any]) -> tuple[Any, Any]:
        """Do the same on both, and compare what each call was answered.

        Args:
            operation: Takes a store (`Calls`) and does something with it.

        Returns:
            What the operation returned on MLflow's own store, and on the other one.

        Raises:
            StoresDifferError: The answers differ; the message shows the first difference and the steps before.
            NotImplementedByStoreError: The store under test says that it does not have one of the methods.
        """
        results = []
        for side in (self._reference, self._candidate):
            try:
                results.append(operation(side.calls))
            except StoppedError as stopped:
                results.append(None)
                side.calls.note("stopped", str(stopped))
            except Exception as error:
                # Its answer was not what the operation can go on with; which one it was, the comparison tells.
                if side is self._reference:
                    raise
                results.append(None)
                side.calls.note("stopped", f"{type(error).__name__}: {error}")
        self._compare()
        return results[0], results[1]

    def _compare(self) -> None:
        ours, theirs = self._reference.entries, self._candidate.entries
        for number in range(self._compared, max(len(ours), len(theirs))):
            if number >= min(len(ours), len(theirs)):
                self._differ(number, "one of them made no further call")
            left, right = ours[number], theirs[number]
            if self._forgiving and left.failed and left.failed.accidental:
                return
            if right.absent:
                continue
            if right.failed and right.failed.not_implemented:
                if not (left.failed and left.failed.not_implemented):
                    raise NotImplementedByStoreError(right.call, str(right.failed.error))
                continue
            if left.failed and left.failed.not_implemented:
                # A store may do what MLflow's own of this version does not: there is nothing to compare with.
                continue
            if left.failed and right.failed and left.failed.accidental:
                continue
            found = first_difference(
                self._reference.shown(left.answer, left.field),
                self._candidate.shown(right.answer, right.field),
            )
            if left.call != right.call or found:
                self._differ(number, found or "another call was made")
        self._compared = len(ours)

    def _differ(self, number: int, difference: str) -> None:
        lines = [f"step {number + 1} differs: {difference}", ""]
        first = max(0, number - _STEPS_SHOWN)
        lines += [f"  … {first} steps before"] if first else []
        ours, theirs = self._reference.entries, self._candidate.entries
        for step in range(first, min(number, len(ours))):
            entry = ours[step]
            lines.append(
                f"  {step + 1}. {self._call(self._reference, entry)} -> {entry_of(self._reference, entry)}"
            )
        for side, entries in ((self._reference, ours), (self._candidate, theirs)):
            if number < len(entries):
                entry = entries[number]
                lines.append(f"  {number + 1}. {self._call(side, entry)}")
                lines.append(f"     {side.name}: {entry_of(side, entry, full=True)}")
        causes = [entries[number].failed for entries in (ours, theirs) if number < len(entries)]
        cause = next((failed.error for failed in reversed(causes) if failed), None)
        raise StoresDifferError("\n".join(lines)) from cause

    @staticmethod
    def _call(side: _Side, entry: Entry) -> str:
        args, kwargs = entry.given or ([], {})
        given = [repr(side.shown(item)) for item in args]
        given += [f"{name}={side.shown(item, name)!r}" for name, item in kwargs.items()]
        return f"{entry.call}({_short(', '.join(given))})"


def entry_of(side: _Side, entry: Entry, *, full: bool = False) -> str:
    """Show the answer of one step.

    Args:
        side: The store.
        entry: The step.
        full: Whether an error's message is shown too, and long answers in full.
    """
    text = repr(side.shown(entry.answer, entry.field))
    if not full:
        return _short(text)
    return f"{entry.answer} {entry.failed.error}" if entry.failed else text


def _short(text: str) -> str:
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"
