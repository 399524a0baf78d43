"""What all suites are built on: the contract of a test class, its guard, and what a test says it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import pytest

from mlflow_plugin_testing.support import FULL, Cell

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlflow_plugin_testing.capabilities import Capability

__all__ = ["MARK", "PluginSuite", "about", "overridden_because"]

MARK = "mlflow_contract"
_REASON = "__mlflow_plugin_testing_reason__"
_F = TypeVar("_F", bound="Callable[..., Any]")


def about(capability: Capability) -> pytest.MarkDecorator:
    """Say which capability a test of a suite is about.

    Args:
        capability: The capability; a plugin that declares it as missing need not pass.
    """
    return getattr(pytest.mark, MARK)(capability)  # type: ignore[no-any-return]


def overridden_because(reason: str) -> Callable[[_F], _F]:
    """Mark a test of a plugin that replaces one of the suite's.

    Args:
        reason: Why the suite's own cannot hold; it is shown in the report.
    """
    if not reason.strip():
        message = "a test of a suite is overridden for a reason, or not at all"
        raise ValueError(message)

    def mark(function: _F) -> _F:
        setattr(function, _REASON, reason)
        return function

    return mark


class PluginSuite:
    """Base of the suites. A plugin's test class inherits from one of them and gives its fixtures.

    Attributes:
        kind: Kind of plugin, by the name of MLflow's entry point group without `mlflow.`.
        capabilities: The enum of what such a plugin can be able to do; None for kinds without options.
        declared: What the plugin says of itself. What it does not mention it claims to have in full; with None
            nothing is claimed, and the suite only finds out.
        calls: Methods of MLflow's abstract class that the tests of the suite call, where no transcript tells.
    """

    kind: ClassVar[str] = ""
    capabilities: ClassVar[type[Capability] | None] = None
    declared: ClassVar[Mapping[Any, Cell] | None] = None
    calls: ClassVar[tuple[str, ...]] = ()

    def test_no_test_of_the_suite_is_replaced_without_a_reason(self) -> None:
        """A level means something only if all tests that make it up were there."""
        replaced = {
            name: base.__name__
            for base in type(self).__mro__
            if _of_the_kit(base)
            for name in vars(base)
            if name.startswith("test_") and self._replaced(name)
        }

        assert not replaced, (
            f"{', '.join(sorted(replaced))}: replaced without a reason. Remove the test of that name from "
            f"{type(self).__name__}, or mark it with @overridden_because('…')."
        )

    @classmethod
    def claim(cls, capability: Capability) -> Cell | None:
        """Return what the plugin claims about a capability.

        Args:
            capability: One of its kind's.

        Returns:
            The claim; None when it claims nothing at all.
        """
        if cls.declared is None:
            return None
        return cls.declared.get(capability, FULL)

    def _replaced(self, name: str) -> bool:
        cls = type(self)
        owner = next(base for base in cls.__mro__ if name in vars(base))
        return not _of_the_kit(owner) and not hasattr(vars(owner)[name], _REASON)


def _of_the_kit(cls: type) -> bool:
    return cls.__module__.split(".")[0] == __name__.split(".")[0]
