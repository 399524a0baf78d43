"""Access keys, and what hands them out: fixed ones, and ones that end and are fetched again."""

from __future__ import annotations

import logging
import math
import threading
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mlflow_plugin_core import uris

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_logger = logging.getLogger(__name__)

# A key is fetched again this long before it ends, so that no request is under way when it does.
# Alibaba's metadata service has the next one ready half an hour before.
_EARLY = 300.0
# A source that has no later key than the one before is not asked again at once.
_AGAIN = 60.0
# Seconds for which a failed attempt counts for those who ask behind it too.
_SHARED = 2.0


class Keys(NamedTuple):
    """One access key; prints itself without what is secret.

    Attributes:
        key_id: Its ID.
        secret: Its secret.
        token: The security token of a temporary one, or None.
        expires: Second since 1970 at which it ends; None for never or not known.
    """

    key_id: str
    secret: str
    token: str | None = None
    expires: float | None = None

    def __repr__(self) -> str:
        return f"Keys(key_id={self.key_id!r}, temporary={self.token is not None})"


class Provider(Protocol):
    """Hands out access keys; thread-safe.

    Attributes:
        name: Where they come from, for messages.
        identity: Equal for two providers that hand out the same keys.
    """

    name: str
    identity: Hashable

    def get(self, lasting: float = 0.0) -> Keys:
        """Return a key that is good now.

        Args:
            lasting: Seconds for which it should be good, where its source has such a key: what is
                signed by it ends with it.

        Raises:
            MlflowException: It cannot be had.
        """

    def renew(self, refused: Keys) -> bool:
        """Fetch again after OSS refused a key as ended; tells whether there is another one now."""


class Fixed(Provider):
    """A key that stays what it is."""

    def __init__(self, name: str, keys: Keys) -> None:
        """Keep it."""
        self.name = name
        self.identity = keys
        self._keys = keys

    def get(self, lasting: float = 0.0) -> Keys:
        """Return it."""
        del lasting
        return self._keys

    def renew(self, refused: Keys) -> bool:
        """There is no other one."""
        del refused
        return False


class Renewed(Provider):
    """A key that is fetched at first use, kept, and fetched again before it ends."""

    def __init__(
        self,
        name: str,
        fetch: Callable[[], Keys],
        identity: Hashable = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Fetch nothing yet.

        Args:
            name: Where it comes from.
            fetch: Fetches it.
            identity: What tells it from others of the same name.
            clock: Seconds since 1970.
        """
        self.name = name
        self.identity = (name, identity)
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Keys | None = None
        self._fetched = 0.0
        self._failure: tuple[float, Exception] | None = None

    def get(self, lasting: float = 0.0) -> Keys:
        """Return a key that is good for some minutes, if its source has one."""
        keys = self._keys
        if keys is not None and not self._is_due(keys, lasting):
            return keys
        asked = time.monotonic()
        with self._lock:
            keys = self._keys
            if keys is None or self._is_due(keys, lasting):
                try:
                    keys = self._fetch_for(asked)
                except Exception as error:
                    if keys is None or self._left(keys) <= 0:
                        raise
                    # It is good for some more minutes: the source may answer by then.
                    _logger.warning(
                        "Cannot renew the access key of %s: %s", self.name, uris.redact(error)
                    )
        return keys

    def renew(self, refused: Keys) -> bool:
        """Fetch again, whatever the clock says, unless another thread did so already."""
        asked = time.monotonic()
        with self._lock:
            keys = self._keys
            if keys is None or keys == refused:
                keys = self._fetch_for(asked)
            return keys[:3] != refused[:3]

    def _fetch_for(self, asked: float) -> Keys:
        # Who waited for an attempt that failed would wait as long for one more, after all others.
        if self._failure is not None and self._failure[0] > asked - _SHARED:
            raise self._failure[1]
        try:
            keys = self._fetch()
        except Exception as error:
            self._failure = (time.monotonic(), error)
            raise
        self._keys, self._fetched, self._failure = keys, self._clock(), None
        return keys

    def _is_due(self, keys: Keys, lasting: float) -> bool:
        left = self._left(keys)
        if left <= _EARLY or not lasting or keys.expires is None:
            return left <= _EARLY
        # Half of it: no source has a key that lasts for longer than a session.
        wanted = min(lasting, (keys.expires - self._fetched) / 2)
        return left < wanted and self._clock() - self._fetched >= _AGAIN

    def _left(self, keys: Keys) -> float:
        return math.inf if keys.expires is None else keys.expires - self._clock()
