"""Repeats what is safe to repeat: stamina, configured once."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from mlflow_plugin_core import uris

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

R = TypeVar("R")

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RetryPolicy:
    """How long and how often.

    Attributes:
        attempts: Tries in all; None for as many as the time allows.
        timeout: Seconds after which nothing is tried again; a service that asks to be left alone
            for longer than what is left of them is not waited for.
        wait_initial: Seconds before the second attempt; each further wait is twice as long.
        wait_max: The longest wait, in seconds.
    """

    attempts: int | None = 5
    timeout: float = 60.0
    wait_initial: float = 0.2
    wait_max: float = 10.0


DEFAULT = RetryPolicy()


def call(
    function: Callable[[], R],
    *,
    retryable: Callable[[Exception], bool | float],
    policy: RetryPolicy = DEFAULT,
    describe: str = "",
) -> R:
    """Call a function until it succeeds, is out of attempts, or fails for good.

    Args:
        function: Has to be safe to repeat, also after an attempt whose outcome is unknown.
        retryable: Tells for an error whether to try again; a number is how many seconds to wait,
            as a service's Retry-After asks for.
        policy: Limits, and the growth of the jittered pauses between attempts.
        describe: What the function does, for the log.

    Raises:
        Exception: The last error, unchanged.
    """
    if policy.attempts == 1:
        return function()
    import stamina

    began = time.monotonic()

    def decide(error: Exception) -> bool | float | dt.timedelta:
        answer = retryable(error)
        # stamina looks at its clock only after it has slept for as long as it was told.
        if not isinstance(answer, bool) and time.monotonic() - began + answer > policy.timeout:
            _logger.info("%s: the service asks for %.0f s, which is too long", describe, answer)
            return False
        if answer is not False:
            # INFO: stamina itself says at WARNING that it tries again.
            _logger.info("%s: trying again after: %s", describe, _first_line(error))
        return answer

    for attempt in stamina.retry_context(
        on=decide,
        attempts=policy.attempts,
        timeout=policy.timeout,
        wait_initial=policy.wait_initial,
        wait_max=policy.wait_max,
        wait_jitter=policy.wait_initial,
    ):
        with attempt:
            return function()
    message = "unreachable: the last attempt returns or raises"
    raise AssertionError(message)


def _first_line(error: Exception) -> str:
    return uris.redact(str(error).partition("\n")[0])[:300]
