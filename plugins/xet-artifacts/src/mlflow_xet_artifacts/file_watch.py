"""Ends a transfer that makes no progress: hf_xet itself waits for ever."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

from mlflow_plugin_core import errors

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")

_LOOK = 0.5


class _Work(Generic[R]):
    """A function that runs in a thread of its own, and what came of it."""

    def __init__(self, function: Callable[[], R]) -> None:
        self._function = function
        self.done = threading.Event()
        self.result: R
        self.error: BaseException | None = None
        # A daemon: a thread that hangs in hf_xet must not keep the process from ending.
        threading.Thread(target=self._run, name="mlflow-xet", daemon=True).start()

    def _run(self) -> None:
        try:
            self.result = self._function()
        except BaseException as error:  # noqa: BLE001  # raised again where it is waited for
            self.error = error
        finally:
            del self._function  # with it goes what it holds: hf_xet's store closes by that
            self.done.set()


def run(
    function: Callable[[], R],
    *,
    progress: Callable[[], object],
    cancel: Callable[[], None],
    timeout: float,
    what: str,
    remedy: str = "see whether the disk answers, or raise MLFLOW_XET_STALL_TIMEOUT",
) -> R:
    """Run a function until it ends or stands still.

    Args:
        function: The work.
        progress: Anything that differs while the work goes on.
        cancel: Tells the work to stop; called when it stands still and when this thread is
            interrupted (Ctrl-C).
        timeout: Seconds without a difference.
        what: The beginning of the error's sentence.
        remedy: Its end.

    Raises:
        MlflowException: TEMPORARILY_UNAVAILABLE when nothing has moved for `timeout` seconds.
        Exception: What the function raises.
    """
    work = _Work(function)
    seen, since = progress(), time.monotonic()
    is_stalled = False
    try:
        while not is_stalled and not work.done.wait(min(_LOOK, timeout)):
            now = progress()
            if now != seen:
                seen, since = now, time.monotonic()
            is_stalled = time.monotonic() - since >= timeout
        if is_stalled:
            _raise_stalled(what, timeout, remedy)
    except BaseException:
        threading.Thread(target=cancel, name="mlflow-xet-cancel", daemon=True).start()
        # Most of what is cancelled ends at once, and then leaves nothing open behind.
        work.done.wait(1.0)
        raise
    if work.error is not None:
        raise work.error
    return work.result


def _raise_stalled(what: str, timeout: float, remedy: str) -> None:
    message = errors.explain(
        what,
        why=f"it has made no progress for {timeout:g} seconds",
        remedy=remedy,
    )
    raise errors.unavailable(message)
