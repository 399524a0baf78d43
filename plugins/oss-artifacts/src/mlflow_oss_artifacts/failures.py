"""What went wrong with one request, in terms that do not depend on the SDK. Pure."""

from __future__ import annotations

import email.utils
import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from urllib3 import exceptions as http

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal[
    "service",
    "refused",
    "unanswered",
    "dns",
    "tls",
    "timeout",
    "cut",
    "proxy",
    "digest",
    "local",
    "other",
]

_PASSING_STATUS = frozenset({408, 500, 502, 504})
# What OSS says when it is asked too often; it does not always say for how long to wait.
_BUSY_STATUS = frozenset({429, 503})
_BUSY_CODES = frozenset({"QpsLimitExceeded", "TooManyRequests", "SlowDown"})
# A bucket's retention policy (WORM) keeps the object as it is.
RETAINED = "FileImmutable"
ENDED_KEYS = frozenset({"SecurityTokenExpired", "InvalidSecurityToken"})
# What a server of TLS answers to plain text, in its own words or as a page.
_PLAIN_TO_TLS = ("plain http request", "http request to an https", "client sent an http")
_LONGEST_WAIT = 300.0


class DigestMismatchError(Exception):
    """What OSS stored or sent is not what was sent or stored."""


@dataclass(frozen=True)
class Failure:
    """One failed request.

    Attributes:
        kind: service for an answer of OSS; the others for what happened before or instead of one.
        text: What happened, in the words of whoever noticed.
        status: HTTP status of the answer.
        code: OSS's name of the error.
        request_id: What Alibaba's support asks for.
        ec: OSS's number of the reason, which its documentation is sorted by.
        fields: The other elements of OSS's answer.
        retry_after: Seconds that the answer asks to wait.
    """

    kind: Kind
    text: str
    status: int = 0
    code: str = ""
    request_id: str = ""
    ec: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | None = None

    @property
    def is_passing(self) -> bool:
        """Whether the same request may succeed a little later."""
        if self.kind == "service":
            return self.status in _PASSING_STATUS or self.code in {
                "RequestTimeout",
                "InvalidDigest",
            }
        return self.kind in {"timeout", "cut", "digest"}

    @property
    def is_busy(self) -> bool:
        """Whether OSS asks to be asked less often."""
        return self.status in _BUSY_STATUS or self.code in _BUSY_CODES

    @property
    def is_unreachable(self) -> bool:
        """Whether the service was not even reached."""
        return self.kind in {"refused", "dns", "unanswered"}


def from_answer(
    status: int,
    headers: Mapping[str, str],
    fields: Mapping[str, str],
    text: str,
) -> Failure:
    """Describe an error that OSS, or something in its place, answered."""
    code = fields.get("Code", "")
    lowered = text.lower()
    if not code and any(words in lowered for words in _PLAIN_TO_TLS):
        return Failure("tls", "the port speaks TLS, and got plain HTTP", status)
    return Failure(
        "service",
        fields.get("Message") or f"HTTP {status}",
        status,
        code,
        headers.get("x-oss-request-id") or fields.get("RequestId", ""),
        headers.get("x-oss-ec") or fields.get("EC", ""),
        fields,
        wait_of(headers.get("retry-after")),
    )


def from_exception(error: BaseException) -> Failure:
    """Describe what urllib3, the operating system or our own checks raised."""
    if isinstance(error, DigestMismatchError):
        return Failure("digest", str(error))
    chain = list(_chain(error))
    for kind, classes in _KINDS:
        for link in chain:
            if isinstance(link, classes):
                return Failure(kind, _words(link))
    return Failure("other", _words(error))


def wait_of(value: str | None) -> float | None:
    """Read a Retry-After header: seconds or a date."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return None
    return min(max(seconds, 0.0), _LONGEST_WAIT)


# In this order: an address that cannot be resolved is a kind of refused connection to urllib3.
_KINDS: tuple[tuple[Kind, tuple[type[BaseException], ...]], ...] = (
    ("dns", (http.NameResolutionError, socket.gaierror)),
    ("tls", (http.SSLError, ssl.SSLError)),
    ("proxy", (http.ProxyError,)),
    ("unanswered", (http.ConnectTimeoutError,)),
    ("timeout", (http.TimeoutError, TimeoutError)),
    ("refused", (http.NewConnectionError, ConnectionRefusedError)),
    ("cut", (http.ProtocolError, http.IncompleteRead, ConnectionError)),
    ("local", (OSError,)),
)


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in found:
        found.append(following)
        reason = getattr(following, "reason", None)
        inner = next((each for each in following.args if isinstance(each, BaseException)), None)
        following = reason if isinstance(reason, BaseException) else inner or following.__cause__
    return found


def _words(error: BaseException) -> str:
    """Say what happened without urllib3's addresses of objects."""
    text = str(error) or type(error).__name__
    return text.rpartition(">: ")[2] if ">: " in text else text
