"""When a download begins anew: the object was replaced meanwhile, or its bytes arrived damaged.

Each read names the ETag of the object, so a service refuses to mix two contents. Who asked for the
file, and not for a version of it, wants the new content rather than that refusal. It is noticed by
a look at the object after a failure, whatever the failure was.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mlflow.exceptions import MlflowException

from mlflow_plugin_core import errors

if TYPE_CHECKING:
    from mlflow_plugin_core.objects.calls import Calls
    from mlflow_plugin_core.objects.client import ObjectInfo, Verifier

_logger = logging.getLogger(__name__)

# Who replaces a file faster than it can be fetched is told so. Beside a writer that never pauses two of
# five attempts come too late, so six in a row do every few hundred downloads, and thirty never.
_REPLACED = 30


def verifier_of(calls: Calls, info: ObjectInfo, path: str) -> Verifier | None:
    """Return what checks an object; nothing is read of an empty one, and nothing checked."""
    if not info.size:
        return None
    return calls.request(lambda: calls.client.verifier(info), f"Cannot look up {path!r}")


class Attempts:
    """The attempts to fetch one object.

    Attributes:
        info: The object as it was when it was last looked at.
    """

    def __init__(self, calls: Calls, info: ObjectInfo, path: str) -> None:
        self.info = info
        self._calls = calls
        self._path = path
        self._replaced = 0
        self._was_damaged = False

    def look_up(self) -> None:
        """Look at the object as it is now, with its digests.

        Raises:
            MlflowException: RESOURCE_DOES_NOT_EXIST where it is not there any more.
        """
        info = self._look(self._calls)
        if info is None:
            message = errors.explain(
                f"No such artifact: '{self._path}'",
                location=self._calls.location,
                why="it was deleted after it had been listed",
            )
            raise errors.not_found(message)
        self.info = info

    def was_replaced(self) -> bool:
        """Tell after a failure whether the object is another one by now, which is fetched next."""
        try:
            info = self._look(self._calls.for_cleaning())
        except MlflowException:
            return False  # the failure itself says more
        if info is None or (info.etag, info.size) == (self.info.etag, self.info.size):
            return False
        self._replaced += 1
        if self._replaced > _REPLACED:
            return False
        self.info = info
        return True

    def is_right(self, verifier: Verifier | None) -> bool:
        """Compare the digests; False once, for another attempt.

        Raises:
            MlflowException: INTERNAL_ERROR where they differ again.
        """
        fault = None
        if verifier is not None:
            fault = self._calls.request(verifier.check, f"Cannot verify {self._path!r}")
        if fault is None:
            return True
        if self._was_damaged:
            message = errors.explain(
                f"Cannot fetch {self._path!r}",
                location=self._calls.location,
                why=f"it arrived damaged: {fault}",
                remedy="try again; if it stays so, the object itself or something on the way "
                "is broken",
            )
            raise errors.internal(message)
        self._was_damaged = True
        _logger.warning("%r arrived damaged and is fetched again: %s", self._path, fault)
        return False

    def _look(self, calls: Calls) -> ObjectInfo | None:
        return calls.request(
            lambda: calls.client.head(self.info.key), f"Cannot look up {self._path!r}"
        )
