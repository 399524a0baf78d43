"""What an object service can do below one bucket, as verbs: what a plugin's client.py implements.

A client is thin. Each verb is one request, made once: no retries (turn off the SDK's own), no
threads, and the SDK's errors as they are. `ObjectStore` repeats what `retryable` says may be
repeated, and turns what is left into MLflow's errors by `translate`. So a client has to be right
about one request only, and faults are handled in one place for all services.

Keys are the service's: no leading slash, UTF-8, the artifact root included.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from mlflow.exceptions import MlflowException

MEBIBYTE = 1 << 20
GIBIBYTE = 1 << 30
TEBIBYTE = 1 << 40


@dataclass(frozen=True)
class Limits:
    """What the service allows; the defaults are Amazon S3's (user guide, "multipart upload limits").

    Attributes:
        max_parts: Parts of one upload.
        min_part_bytes: Smallest part, the last one excepted.
        max_part_bytes: Largest part, and largest object in one request.
        max_object_bytes: Largest object.
        max_key_bytes: Longest key in UTF-8.
        delete_batch: Keys in one batch delete.
    """

    max_parts: int = 10_000
    min_part_bytes: int = 5 * MEBIBYTE
    max_part_bytes: int = 5 * GIBIBYTE
    max_object_bytes: int = 50_000 * GIBIBYTE
    max_key_bytes: int = 1_024
    delete_batch: int = 1_000


@dataclass(frozen=True)
class ObjectInfo:
    """One object as a listing or a HEAD describes it.

    Attributes:
        key: Its whole key.
        size: Bytes.
        etag: Without quotes; changes whenever the content does.
        digests: The service's own digests of the content by name, as far as the answer has them
            (`md5`, `crc64`, `crc32`, `sha256`, …), as the service writes them.
        part_bytes: Size of the parts that it was sent in, where the service tells; needed to check
            a digest that is one of the parts' digests.
    """

    key: str
    size: int
    etag: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    part_bytes: int | None = None


@dataclass(frozen=True)
class Page:
    """One page of a listing; `next_token` is None on the last one."""

    objects: Sequence[ObjectInfo]
    prefixes: Sequence[str]
    next_token: str | None


@dataclass(frozen=True)
class Part:
    """One part of an upload as the service knows it."""

    number: int
    size: int
    etag: str


@dataclass(frozen=True)
class PendingUpload:
    """An upload in parts that was begun and neither completed nor aborted."""

    key: str
    upload_id: str
    initiated: dt.datetime


@dataclass(frozen=True)
class SignedRequest:
    """An address that works without credentials, with the headers that have to be sent along."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Body(Protocol):
    """What a request sends: seekable, of known size, read from its beginning for each attempt.

    It stands at its beginning when a verb gets it. Most hold their bytes in memory, and their first
    `read()` returns them without a copy (`bodies.HeldBody`); larger ones are read from a file.
    """

    size: int

    def read(self, count: int = -1, /) -> bytes:
        """Return up to so many bytes."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move within the body."""

    def tell(self) -> int:
        """Return where it stands."""


class Verifier(Protocol):
    """Checks the content of one object against the service's digest, range by range.

    Ranges are fetched in parallel, so it is thread-safe; each begins at a multiple of `range_bytes`,
    and is fed in its own order, without a gap, by one thread; `check` comes last. Nothing is fed of
    an empty object, and nothing checked.

    Attributes:
        range_bytes: What ranges have to begin at multiples of; None where any will do.
    """

    range_bytes: int | None

    def feed(self, start: int, data: bytes) -> None:
        """Take bytes of the object; `start` is the offset of the first of them in the object."""

    def restart(self, start: int) -> None:
        """Forget what was fed of the range that begins at `start`; it is fetched again."""

    def check(self) -> str | None:
        """Return None if the digest is right, else what was expected and what was found."""


class ObjectClient(Protocol):
    """One bucket of an object service; thread-safe, and without state of its own beside the SDK's.

    Attributes:
        limits: What the service allows.
    """

    limits: Limits

    @abstractmethod
    def head(self, key: str) -> ObjectInfo | None:
        """Describe one object with its digests; None if it is not there (the bucket has to be)."""

    @abstractmethod
    def list_page(
        self, prefix: str, *, folded: bool, token: str | None = None, limit: int = 1_000
    ) -> Page:
        """Return one page of the keys with a prefix, in the service's order.

        Args:
            prefix: Whole keys begin with it.
            folded: Keys with a further "/" behind the prefix are one entry of `prefixes`.
            token: `next_token` of the page before.
            limit: Entries at most.
        """

    @abstractmethod
    def put(self, key: str, body: Body) -> ObjectInfo:
        """Store a whole object, with a digest that the service verifies while it takes it."""

    @abstractmethod
    def read(
        self, info: ObjectInfo, start: int, length: int
    ) -> AbstractContextManager[Iterator[bytes]]:
        """Open a range of the object that `info` described, and fail where it has changed since.

        `info` may come from a listing, without digests. `length` is never 0. An answer that ends
        early need not be noticed here; where a whole object is read whose `info` has no digests,
        the client compares the content with the digest in the answer, if there is one.
        """

    @abstractmethod
    def delete(self, key: str) -> None:
        """Delete one object; succeeds when nothing is there."""

    @abstractmethod
    def delete_batch(self, keys: Sequence[str]) -> Sequence[tuple[str, str]]:
        """Delete up to `limits.delete_batch` objects; returns each key that failed, and why."""

    @abstractmethod
    def begin_upload(self, key: str) -> str:
        """Begin an upload in parts; returns its id."""

    @abstractmethod
    def put_part(self, key: str, upload_id: str, number: int, body: Body) -> Part:
        """Store one part, counted from 1, with a digest that the service verifies."""

    @abstractmethod
    def list_parts(self, key: str, upload_id: str) -> Sequence[Part] | None:
        """Return all parts that the service has; None if it does not know the upload any more."""

    @abstractmethod
    def part_matches(self, part: Part, body: Body) -> bool:
        """Tell whether a part on the service has the content of a local one; False if unknown."""

    @abstractmethod
    def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part]) -> ObjectInfo:
        """Make the parts an object; its digest is compared with those of the parts."""

    @abstractmethod
    def abort_upload(self, key: str, upload_id: str) -> None:
        """Give up an upload; succeeds when the service does not know it any more."""

    @abstractmethod
    def list_uploads(self, prefix: str) -> Iterator[PendingUpload]:
        """Yield every unfinished upload to keys with a prefix, over all pages."""

    @abstractmethod
    def verifier(self, info: ObjectInfo) -> Verifier | None:
        """Return what checks this object's content, or None where the service gives no digest."""

    @abstractmethod
    def sign_get(self, key: str, seconds: int) -> SignedRequest:
        """Return a request that reads an object."""

    @abstractmethod
    def sign_put(self, key: str, seconds: int) -> SignedRequest:
        """Return a request that stores a whole object."""

    @abstractmethod
    def sign_part(self, key: str, upload_id: str, number: int, seconds: int) -> SignedRequest:
        """Return a request that stores one part."""

    @abstractmethod
    def server_time(self) -> dt.datetime | None:
        """Return the service's clock by a request of little cost; None where it does not tell."""

    @abstractmethod
    def retryable(self, error: Exception) -> bool | float:
        """Tell whether a request that failed so may be made again.

        True: a passing fault (cut, time-out, 500), repeated with growing pauses, five times in all
        without progress. A number, 0.0 too: the service is busy (429, 503) and asks for so many
        seconds at least; repeated for as long as the settings allow.
        """

    @abstractmethod
    def translate(self, error: Exception, what: str) -> MlflowException:
        """Return MLflow's error for the service's: what failed, why, and what to do."""
