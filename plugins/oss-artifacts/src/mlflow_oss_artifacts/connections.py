"""Connections that may take long to send a body, and not long to be made.

urllib3 knows two time-outs, and keeps the one for connection attempts on the socket until the whole
body is sent, on a connection that is used again too. A slow line would break off a part of many
megabytes after those few seconds, while its bytes flow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import urllib3
from urllib3 import connection

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Plain(connection.HTTPConnection):
    sending_timeout: float | None = None

    def request(  # type: ignore[override]  # urllib3 replaces the standard library's one too
        self,
        method: str,
        url: str,
        body: Any = None,  # noqa: ANN401  # whatever urllib3 takes
        headers: Mapping[str, str] | None = None,
        **options: Any,  # noqa: ANN401
    ) -> None:
        if self.sock is None:
            # It would be made inside, with the time-out that is set below.
            self.connect()
        # The pool sets it again, for the attempt before and for the answer behind this call.
        self.timeout = self.sending_timeout
        super().request(method, url, body, headers, **options)


class _Secure(_Plain, connection.HTTPSConnection):
    pass


class _Patient:
    """What a pool does that makes such connections."""

    def _new_conn(self) -> Any:  # noqa: ANN401  # urllib3's own type of it is private
        made: Any = super()._new_conn()  # type: ignore[misc]  # the pool's
        made.sending_timeout = self.timeout.read_timeout  # type: ignore[attr-defined]
        return made


class _PlainPool(_Patient, urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(_Patient, urllib3.HTTPSConnectionPool):
    ConnectionCls = _Secure


# For the attribute of this name that every manager of connections has.
pool_classes_by_scheme: dict[str, type[urllib3.HTTPConnectionPool]] = {
    "http": _PlainPool,
    "https": _SecurePool,
}
