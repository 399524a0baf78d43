"""Named scenarios: short programs that use a store, each of them a sentence on what a right store does."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlflow_plugin_testing.capabilities import Capability

__all__ = ["Catalogue", "Scenario", "World"]


@dataclass(frozen=True)
class World:
    """What one scenario has to itself, in a store that may hold other things; the same on both sides.

    Attributes:
        token: A word that nothing else in the store has.
        folder: An empty folder on this machine.
    """

    token: str = field(default_factory=lambda: "w" + secrets.token_hex(5))
    folder: Path | None = None

    def name(self, name: str) -> str:
        """Make a name that is this scenario's own.

        Args:
            name: What it would be called.

        Returns:
            The name behind this world's word, so that `name LIKE 'word%'` finds what is ours.
        """
        return f"{self.token} {name}"


@dataclass(frozen=True)
class Scenario:
    """One scenario.

    Attributes:
        name: A sentence, with underscores.
        capability: What it is about; a store without this capability need not pass.
        run: The program; it is given the store (see `calls.Calls`) and its world.
        needs: Methods without which it makes no sense: on an MLflow that lacks one it is left out.
    """

    name: str
    capability: Capability
    run: Callable[[Any, World], None]
    needs: tuple[str, ...] = ()


class Catalogue:
    """The scenarios of one kind of store.

    Example:
        >>> TRACKING = Catalogue()
        >>> @TRACKING.scenario(TrackingCapability.EXPERIMENTS)                # doctest: +SKIP
        ... def an_experiment_is_found_by_its_name(store, world):
        ...     store.create_experiment(world.name("a"))
        ...     store.get_experiment_by_name(world.name("a"))
    """

    def __init__(self) -> None:
        """Make an empty one."""
        self._scenarios: dict[str, Scenario] = {}

    def scenario(
        self, capability: Capability, *needs: str
    ) -> Callable[[Callable[[Any, World], None]], Callable[[Any, World], None]]:
        """Add a function.

        Args:
            capability: What it is about.
            needs: Methods without which it makes no sense.
        """

        def add(function: Callable[[Any, World], None]) -> Callable[[Any, World], None]:
            name = function.__name__
            if name in self._scenarios:
                message = f"there are two scenarios named {name}"
                raise ValueError(message)
            self._scenarios[name] = Scenario(name, capability, function, needs)
            return function

        return add

    def __iter__(self) -> Iterator[Scenario]:
        """Go through them in the order in which they were added."""
        return iter(self._scenarios.values())

    def __len__(self) -> int:
        """Count them."""
        return len(self._scenarios)

    def __getitem__(self, name: str) -> Scenario:
        """Find one by its name."""
        return self._scenarios[name]
