"""The one place where requests are repeated, and where errors become MLflow's.

`retries.call` does not fit here: its clock runs while a part of many megabytes is being sent, so a
slow line would have no second attempt, and its pauses cannot be ended, so Ctrl-C would wait for
them. A streak of failures begins anew whenever there was progress.
"""

from __future__ import annotations

import logging
import random
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from mlflow.exceptions import MlflowException

from mlflow_plugin_core import errors, uris

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlflow_plugin_core.objects.client import ObjectClient

R = TypeVar("R")

_logger = logging.getLogger(__name__)

_GROWTH = 4.0
_LONGEST_PAUSE = 10.0
# A service that asks for more has no use for a client that waits in a thread.
_LONGEST_ASKED = 60.0
# After Ctrl-C somebody waits; what is not undone then, `clean` removes.
_CLEANING_SECONDS = 5.0


class StoppedError(Exception):
    """What a request ends with that was not begun, because the transfer has ended already."""


class BrokenOffError(ConnectionError):
    """An answer that ended before its last byte; always worth another attempt."""


@dataclass
class _Streak:
    """Failures in a row, without progress between them, and the seconds waited between them."""

    failures: int = 0
    waited: float = 0.0


@dataclass(frozen=True)
class Calls:
    """Makes requests of a client until they succeed or fail for good; thread-safe.

    Attributes:
        client: The client whose `retryable` and `translate` are asked.
        seconds: How long the pauses of a streak of failures may be together; 0 repeats nothing.
            The attempts themselves do not count: one that ended by a time-out would leave no time
            for others. So a service that cannot be reached is given up after `seconds` and
            `attempts` time-outs of the client at the latest, and one that stays busy when all its
            pauses are used up, at growing lengths about twelve.
        location: Where, for messages; redacted in them.
        attempts: How often a request is made without progress, unless the service asks to wait.
        stop: Ends pauses, and requests that have not begun, once it is set.
    """

    client: ObjectClient
    seconds: float
    location: str
    attempts: int = 5
    stop: threading.Event = field(default_factory=threading.Event)

    def for_transfer(self) -> Calls:
        """Return the same with a stop of its own."""
        return replace(self, stop=threading.Event())

    def for_cleaning(self) -> Calls:
        """Return the same for what undoes a failed transfer: not stopped, and not patient."""
        return replace(self, stop=threading.Event(), seconds=min(self.seconds, _CLEANING_SECONDS))

    def request(
        self,
        function: Callable[[], R],
        what: str,
        *,
        progress: Callable[[], object] = lambda: None,
    ) -> R:
        """Call a function that makes one request; it has to be safe to repeat.

        Args:
            function: Makes the request, each time from its beginning or from where it broke.
            what: What it does, as the message of a failure begins: "Cannot store 'a'".
            progress: Whatever changes when bytes have arrived; the streak of failures ends then.

        Raises:
            MlflowException: The last error, translated; one that the function raised, as it is.
            StoppedError: The transfer has ended.
        """
        streak: _Streak | None = None
        while True:
            if self.stop.is_set():
                raise StoppedError
            before = progress()
            try:
                return function()
            except (MlflowException, StoppedError):
                raise
            except Exception as error:
                if streak is None or progress() != before:
                    streak = _Streak()
                streak.failures += 1
                pause = self._pause(error, streak)
                if pause is None:
                    raise self.translated(error, what, streak.failures) from error
                _logger.info("%s; trying again in %.1f s: %s", what, pause, _first_line(error))
                self.stop.wait(pause)

    def translated(self, error: Exception, what: str, attempts: int = 1) -> MlflowException:
        """Return MLflow's error for one of the client's, with the place and the attempts."""
        if attempts > 1:
            what = f"{what} in {attempts} attempts"
        if self.location:
            what = f"{what} (at {uris.redact_location(self.location)})"
        if isinstance(error, BrokenOffError):
            return errors.unavailable(errors.explain(what, why=error), cause=error)
        return self.client.translate(error, what)

    def _pause(self, error: Exception, streak: _Streak) -> float | None:
        """Return the seconds until the next attempt, or None if there is none."""
        answer = isinstance(error, BrokenOffError) or self.client.retryable(error)
        if answer is False or not self.seconds:
            return None
        grown = min(0.2, self.seconds / 300) * _GROWTH ** min(streak.failures - 1, 8)
        pause = min(grown, _LONGEST_PAUSE, self.seconds / 6) * random.uniform(0.75, 1.25)  # noqa: S311  # no secret
        if answer is not True:
            pause = max(pause, min(answer, _LONGEST_ASKED))
        elif streak.failures >= self.attempts:
            return None
        left = self.seconds - streak.waited
        if left <= 0:
            return None
        streak.waited += min(pause, left)
        return min(pause, left)

    def attempt_all(self, actions: Iterable[Callable[[], object]], consequence: str) -> None:
        """Do what cleans up after a failure; what fails of it is logged, the first error counts."""
        for action in actions:
            try:
                action()
            except Exception as error:  # noqa: BLE001  # another error is on its way already
                _logger.warning("%s: %s", consequence, _first_line(error))


def _first_line(error: Exception) -> str:
    return uris.redact(str(error).partition("\n")[0])[:300]
