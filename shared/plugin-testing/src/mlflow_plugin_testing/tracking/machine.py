"""A state machine that takes two stores through the same random steps: the base that each area builds on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from mlflow_plugin_testing.calls import Failed
from mlflow_plugin_testing.examples import drawn
from mlflow_plugin_testing.scenario import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow_plugin_testing.pair import Pair

__all__ = ["PairMachine", "Twin", "run_machine"]


@dataclass(frozen=True)
class Twin:
    """The same thing in both stores.

    Attributes:
        reference: What MLflow's own store calls it.
        candidate: What the store under test calls it.
    """

    reference: Any
    candidate: Any

    @property
    def failed(self) -> bool:
        """Whether it is no thing but an error, in both."""
        return isinstance(self.reference, Failed)

    def map(self, function: Callable[[Any], Any]) -> Twin:
        """Take a part of both.

        Args:
            function: Takes the answer of one store.
        """
        return Twin(function(self.reference), function(self.candidate))


class PairMachine(RuleBasedStateMachine):
    """Base of the machines. A rule calls `both(…)`, and keeps what it is answered for other rules.

    Example:
        >>> class Machine(PairMachine):                                       # doctest: +SKIP
        ...     runs = Bundle("runs")
        ...     @rule(target=runs)
        ...     def make(self):
        ...         return self.made(self.both("create_run", …), "info.run_id")
    """

    def __init__(self, pair: Pair) -> None:
        """Begin with two stores.

        Args:
            pair: Both stores; the machine compares on a pair of its own that knows the same ids.
        """
        super().__init__()
        self.pair = pair.again()
        self.world = World()
        self._count = 0

    def count(self) -> int:
        """Return a number that was not used yet: for names and times that must differ."""
        self._count += 1
        return self._count

    def both(self, method: str, *args: Any, view: str = "", **kwargs: Any) -> Twin:
        """Call a method of both stores, and compare the answers.

        Args:
            method: Its name.
            args: Arguments; a `Twin` stands for what each store calls it, in lists and dictionaries too.
            view: How the answer is compared: `unordered`, `unordered_inside`, or as it is.
            kwargs: Arguments by name.

        Returns:
            Both answers.

        Raises:
            StoresDifferError: The answers differ.
        """
        number = iter((0, 1))

        def operation(store: Any) -> Any:
            side = next(number)
            calls = getattr(store, view) if view else store
            return getattr(calls, method)(*_of(args, side), **_of(kwargs, side))

        return Twin(*self.pair.run(operation))

    @staticmethod
    def made(answer: Twin, path: str = "") -> Twin | None:
        """Take a part of what was made.

        Args:
            answer: What both stores answered.
            path: Names of attributes with dots between; the whole answer by default.

        Returns:
            The part in both; None when both refused to make it.
        """
        if answer.failed:
            return None
        for name in filter(None, path.split(".")):
            answer = answer.map(lambda value, name=name: getattr(value, name))  # type: ignore[misc]
        return answer


def _of(value: Any, side: int) -> Any:
    """Put in what one of the stores calls things."""
    if isinstance(value, Twin):
        return value.candidate if side else value.reference
    if isinstance(value, dict):
        return {name: _of(item, side) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_of(item, side) for item in value)
    return value


def run_machine(
    machine: Callable[[Pair], PairMachine], pair: Pair, *, examples: int = 8, steps: int = 40
) -> None:
    """Run a machine as a test: first with few steps, so that what fails is short, then with more.

    Args:
        machine: Class of the machine.
        pair: Both stores.
        examples: How many times it runs with all steps, and with each smaller number of them.
        steps: How many steps it takes at most.

    Raises:
        StoresDifferError: The stores differ; the message has the steps that lead there.
    """
    # Its type asks for a class; what it does is to call whatever it is given.
    run: Any = run_state_machine_as_test
    for most in (steps // 4, steps // 2, steps):
        run(lambda: machine(pair), settings=drawn(examples, stateful_step_count=most))
