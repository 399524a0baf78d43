"""Tests of a suite that look at the repository alone: their verdict is compared with what the plugin claims."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar

from mlflow_plugin_testing.calls import Failed
from mlflow_plugin_testing.pair import NotImplementedByStoreError
from mlflow_plugin_testing.store_suite import judged
from mlflow_plugin_testing.suite import about

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow_plugin_testing.capabilities import Capability

__all__ = ["check", "error_of", "mixin"]

_F = TypeVar("_F", bound="Callable[..., Any]")


def check(capability: Capability) -> Callable[[_F], _F]:
    """Make a method of a suite one of its tests.

    Args:
        capability: What it is about.
    """

    def mark(function: _F) -> _F:
        @functools.wraps(function)
        def test(self: Any, *args: Any, **kwargs: Any) -> None:
            claim = self.claim(capability)
            missing = claim is not None and not claim.works

            def run() -> None:
                try:
                    function(self, *args, **kwargs)
                except (AssertionError, NotImplementedByStoreError):
                    raise
                except Exception as error:
                    failed = Failed(str(getattr(error, "error_code", "")), error)
                    if failed.not_implemented:
                        name = (capability.facts.methods or capability.facts.undeclared or ("it",))[
                            0
                        ]
                        raise NotImplementedByStoreError(name, str(error)) from error
                    if missing:
                        raise AssertionError(str(error)) from error
                    raise

            judged(run, capability, claim)

        marked: Any = about(capability)(test)
        return marked  # type: ignore[no-any-return]

    return mark


def error_of(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Exception | None:
    """Call something that should fail.

    Args:
        function: What is called.
        args: Its arguments.
        kwargs: Its arguments.

    Returns:
        The error; None when there was none.

    Raises:
        NotImplementedError: It says that it is not implemented, which is no answer to what was asked.
    """
    try:
        function(*args, **kwargs)
    except Exception as error:
        if Failed(str(getattr(error, "error_code", "")), error).not_implemented:
            raise
        return error
    return None


def mixin(name: str) -> Any:
    """Return one of the optional base classes of artifact repositories.

    Args:
        name: Name of the class.

    Raises:
        pytest.skip.Exception: The installed MLflow does not have it.
    """
    from mlflow.store.artifact import artifact_repo

    from mlflow_plugin_testing.verdicts import skip_absent

    found = getattr(artifact_repo, name, None)
    if found is None:
        skip_absent([name])
    return found
