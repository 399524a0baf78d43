"""How well something is supported, how much of it counts, and what a plugin declares about itself.

The scale is the one of dbt's adapters: it keeps apart what the service cannot do, what the plugin does not do yet, and
what nobody has looked at.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["FULL", "Cell", "Level", "Support", "Tier", "not_implemented", "since", "unsupported"]


class Support(enum.Enum):
    """What a cell of a compatibility table says."""

    UNKNOWN = "unknown"
    UNSUPPORTED = "unsupported by the service"
    NOT_IMPLEMENTED = "not implemented"
    SINCE = "since a version"
    FULL = "full"


class Tier(enum.IntEnum):
    """From which level on a capability has to be there.

    Attributes:
        BASE: Without it MLflow's own commands fail.
        EXTENDED: What the client library and the user interface use every day.
        FULL: All else that MLflow lets a plugin do.
        REFERENCE: What only some can have, since MLflow gives it to its own SQL store alone, or since a service knows
            no such thing; it counts for no level.
    """

    BASE = 1
    EXTENDED = 2
    FULL = 3
    REFERENCE = 4


class Level(enum.IntEnum):
    """What a plugin reached as a whole."""

    NONE = 0
    BASE = 1
    EXTENDED = 2
    FULL = 3


@dataclass(frozen=True)
class Cell:
    """One cell: a place on the scale, and why.

    Attributes:
        support: The place.
        detail: Since which version, or the reason; empty where none is needed.
    """

    support: Support
    detail: str = ""

    @property
    def works(self) -> bool:
        """Whether somebody can use it."""
        return self.support in {Support.FULL, Support.SINCE}

    def __str__(self) -> str:
        """Write it as tables do."""
        if self.support is Support.SINCE:
            return f"since {self.detail}"
        return f"{self.support.value}: {self.detail}" if self.detail else self.support.value


FULL = Cell(Support.FULL)


def unsupported(reason: str) -> Cell:
    """Declare that the service behind a plugin cannot do something.

    Args:
        reason: One sentence for the reader of the table.
    """
    return Cell(Support.UNSUPPORTED, _given(reason))


def not_implemented(reason: str) -> Cell:
    """Declare that a plugin does not do something yet.

    Args:
        reason: One sentence for the reader of the table.
    """
    return Cell(Support.NOT_IMPLEMENTED, _given(reason))


def since(version: str) -> Cell:
    """Declare that something works from a version of the service on.

    Args:
        version: The version, with the service's name: `Elasticsearch 8.19`.
    """
    return Cell(Support.SINCE, _given(version))


def _given(text: str) -> str:
    if not text.strip():
        message = "a declaration needs a reason: it is what the table shows"
        raise ValueError(message)
    return text
