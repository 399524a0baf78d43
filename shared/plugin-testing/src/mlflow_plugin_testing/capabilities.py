"""What a kind of plugin can be able to do, as an enum for each kind."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from mlflow_plugin_testing.support import Tier

__all__ = ["Capability", "Facts", "capability_of"]


@dataclass(frozen=True)
class Facts:
    """What is known about a capability, whatever plugin has it.

    Attributes:
        tier: From which level on it is asked for.
        title: How tables name it.
        methods: The methods of MLflow's abstract class that it consists of, each in one capability only.
        undeclared: Methods that MLflow calls though its abstract class does not have them.
        since: MLflow minor that brought it; empty for those that were always there.
    """

    tier: Tier
    title: str
    methods: tuple[str, ...] = ()
    undeclared: tuple[str, ...] = ()
    since: str = ""


class Capability(enum.Enum):
    """Base of the enums; each value is `Facts`."""

    @property
    def facts(self) -> Facts:
        """What is known about it."""
        value = self.value
        if not isinstance(value, Facts):
            message = f"{self!r} has no facts"
            raise TypeError(message)
        return value


_C = TypeVar("_C", bound=Capability)


def capability_of(method: str, capabilities: type[_C]) -> _C | None:
    """Find the capability that a method belongs to.

    Args:
        method: Its name.
        capabilities: The enum of the kind.

    Returns:
        The capability; None for a method that this kit does not know, such as one of a newer MLflow.
    """
    for capability in capabilities:
        if method in capability.facts.methods or method in capability.facts.undeclared:
            return capability
    return None
