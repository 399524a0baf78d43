"""An object service in memory for tests of `ObjectStore`: fails, cuts, damages and waits as told.

Its digests are MD5 by hand, one of the whole content or, for objects that came in parts, one of
each part, so that the alignment of ranges is put to use.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlflow_plugin_core import errors
from mlflow_plugin_core.objects.client import (
    Limits,
    ObjectClient,
    ObjectInfo,
    Page,
    Part,
    PendingUpload,
    SignedRequest,
    Verifier,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mlflow.exceptions import MlflowException

    from mlflow_plugin_core.objects.client import Body

CHUNK = 64 << 10
EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)


class ServiceError(Exception):
    """What the service answers instead; busy ones say when to come back."""

    def __init__(self, code: str, *, passing: bool = False, seconds: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.passing = passing
        self.seconds = seconds


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@dataclass
class Stored:
    """One object: its content, and the sizes of the parts it came in."""

    data: bytes
    part_bytes: int | None = None


@dataclass
class Unfinished:
    """One upload: its parts by number."""

    key: str
    initiated: dt.datetime
    parts: dict[int, bytes] = field(default_factory=dict)


class FakeService(ObjectClient):
    """One bucket.

    Attributes:
        objects: What is stored.
        uploads: What is unfinished.
        calls: How often each verb was called.
        listing_has_digests: Whether listings have what HEAD has.
        digests: Whether there are digests at all.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.objects: dict[str, Stored] = {}
        self.uploads: dict[str, Unfinished] = {}
        self.calls: Counter[str] = Counter()
        self.listing_has_digests = False
        self.digests = True
        self.page_size = 1_000
        self.at_once = 0
        self.most_at_once = 0
        self.bytes_at_once = 0
        self.most_bytes_at_once = 0
        self.now = EPOCH
        self.latency = 0.0
        self._faults: list[tuple[str, Callable[[str, int], Exception | None]]] = []
        self._ids = itertools.count(1)
        self.lock = threading.Lock()
        #: Called with each chunk on its way out: returns it, another one, or raises.
        self.on_chunk: Callable[[str, int, bytes], bytes] = lambda _key, _offset, chunk: chunk
        #: Called before each request with its verb and key.
        self.on_request: Callable[[str, str], None] = lambda _verb, _key: None

    def fail(self, verb: str, *errors_: Exception, match: str = "", number: int = 0) -> None:
        """Answer the next requests of a verb by these errors, one after another."""
        left = list(errors_)

        def fault(key: str, part: int) -> Exception | None:
            if left and match in key and (not number or part == number):
                return left.pop(0)
            return None

        self._faults.append((verb, fault))

    @contextmanager
    def _request(self, verb: str, key: str, number: int = 0) -> Iterator[None]:
        with self.lock:
            self.calls[verb] += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.on_request(verb, key)
            if self.latency:
                time.sleep(self.latency)
            for wanted, fault in self._faults:
                if wanted == verb:
                    with self.lock:
                        error = fault(key, number)
                    if error is not None:
                        raise error
            yield
        finally:
            with self.lock:
                self.at_once -= 1

    @contextmanager
    def _counted(self, size: int) -> Iterator[None]:
        with self.lock:
            self.bytes_at_once += size
            self.most_bytes_at_once = max(self.most_bytes_at_once, self.bytes_at_once)
        yield
        with self.lock:
            self.bytes_at_once -= size

    def _info(self, key: str, stored: Stored, *, full: bool) -> ObjectInfo:
        part = stored.part_bytes
        etag = md5(stored.data) + (f"-{part}" if part else "")
        digests = {}
        if self.digests and (full or self.listing_has_digests):
            step = part or max(1, len(stored.data))
            pieces = [stored.data[at : at + step] for at in range(0, len(stored.data), step)]
            digests = {"md5s": ",".join(md5(piece) for piece in pieces)}
        return ObjectInfo(key, len(stored.data), etag, digests, part if full else None)

    def head(self, key: str) -> ObjectInfo | None:
        with self._request("head", key):
            stored = self.objects.get(key)
            return None if stored is None else self._info(key, stored, full=True)

    def list_page(
        self, prefix: str, *, folded: bool, token: str | None = None, limit: int = 1_000
    ) -> Page:
        with self._request("list", prefix):
            limit = min(limit, self.page_size)
            found: list[ObjectInfo] = []
            prefixes: list[str] = []
            last = token or ""
            with self.lock:
                keys = sorted(self.objects, key=str.encode)
            for key in keys:
                if not key.startswith(prefix):
                    continue
                cut = key.find("/", len(prefix)) if folded else -1
                entry = key[: cut + 1] if cut >= 0 else key
                # A folded prefix is behind its token until all of its keys are.
                if token is not None and entry.encode() <= token.encode():
                    continue
                if prefixes and entry == prefixes[-1]:
                    continue
                if len(found) + len(prefixes) == limit:
                    return Page(found, prefixes, last)
                last = entry
                if cut >= 0:
                    prefixes.append(entry)
                elif (stored := self.objects.get(key)) is not None:
                    found.append(self._info(key, stored, full=False))
            return Page(found, prefixes, None)

    def put(self, key: str, body: Body) -> ObjectInfo:
        with self._counted(body.size), self._request("put", key):
            data = read_all(body)
            if len(data) > self.limits.max_part_bytes:
                raise ServiceError("EntityTooLarge")
            self.objects[key] = Stored(data)
            return self._info(key, self.objects[key], full=True)

    @contextmanager
    def read(self, info: ObjectInfo, start: int, length: int) -> Iterator[Iterator[bytes]]:
        with self._request("read", info.key):
            if length <= 0 or start >= info.size:
                raise ServiceError("InvalidRange")
            stored = self.objects.get(info.key)
            if stored is None:
                raise ServiceError("NoSuchKey")
            if self._info(info.key, stored, full=True).etag != info.etag:
                raise ServiceError("PreconditionFailed")
            data = memoryview(stored.data)[start : start + length]
            yield (
                self.on_chunk(info.key, start + at, bytes(data[at : at + CHUNK]))
                for at in range(0, len(data), CHUNK)
            )

    def delete(self, key: str) -> None:
        with self._request("delete", key):
            self.objects.pop(key, None)

    def delete_batch(self, keys: Sequence[str]) -> Sequence[tuple[str, str]]:
        failed = []
        with self._request("delete_batch", keys[0]):
            assert len(keys) <= self.limits.delete_batch
            for key in keys:
                try:
                    self.on_request("delete_one", key)
                except ServiceError as error:
                    failed.append((key, error.code))
                else:
                    self.objects.pop(key, None)
        return failed

    def begin_upload(self, key: str) -> str:
        with self._request("begin_upload", key), self.lock:
            upload_id = f"upload-{next(self._ids)}"
            self.uploads[upload_id] = Unfinished(key, self.now)
            return upload_id

    def _upload(self, upload_id: str) -> Unfinished:
        found = self.uploads.get(upload_id)
        if found is None:
            raise ServiceError("NoSuchUpload")
        return found

    def put_part(self, key: str, upload_id: str, number: int, body: Body) -> Part:
        with self._counted(body.size), self._request("put_part", key, number):
            upload = self._upload(upload_id)
            if not 1 <= number <= self.limits.max_parts:
                raise ServiceError("InvalidPartNumber")
            data = read_all(body)
            upload.parts[number] = data
            return Part(number, len(data), md5(data))

    def list_parts(self, key: str, upload_id: str) -> Sequence[Part] | None:
        with self._request("list_parts", key):
            upload = self.uploads.get(upload_id)
            if upload is None:
                return None
            return [
                Part(number, len(data), md5(data)) for number, data in sorted(upload.parts.items())
            ]

    def part_matches(self, part: Part, body: Body) -> bool:
        return md5(read_all(body)) == part.etag

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part]) -> ObjectInfo:
        with self._request("complete_upload", key):
            upload = self._upload(upload_id)
            contents = [upload.parts[part.number] for part in parts]
            sizes = [len(data) for data in contents]
            if any(size < self.limits.min_part_bytes for size in sizes[:-1]):
                raise ServiceError("EntityTooSmall")
            if [md5(data) for data in contents] != [part.etag for part in parts]:
                raise ServiceError("InvalidPart")
            # As on a real service, sizes of parts are told only where they are alike.
            alike = len(set(sizes[:-1])) == 1
            self.objects[key] = Stored(b"".join(contents), sizes[0] if alike else None)
            del self.uploads[upload_id]
            return self._info(key, self.objects[key], full=True)

    def abort_upload(self, key: str, upload_id: str) -> None:
        with self._request("abort_upload", key):
            self.uploads.pop(upload_id, None)

    def list_uploads(self, prefix: str) -> Iterator[PendingUpload]:
        with self._request("list_uploads", prefix):
            found = list(self.uploads.items())
        for upload_id, upload in found:
            if upload.key.startswith(prefix):
                yield PendingUpload(upload.key, upload_id, upload.initiated)

    def verifier(self, info: ObjectInfo) -> Verifier | None:
        return PieceVerifier(info) if info.digests else None

    def sign_get(self, key: str, seconds: int) -> SignedRequest:
        raise NotImplementedError

    def sign_put(self, key: str, seconds: int) -> SignedRequest:
        raise NotImplementedError

    def sign_part(self, key: str, upload_id: str, number: int, seconds: int) -> SignedRequest:
        raise NotImplementedError

    def server_time(self) -> dt.datetime | None:
        return self.now

    def retryable(self, error: Exception) -> bool | float:
        if isinstance(error, ServiceError):
            return error.seconds if error.seconds is not None else error.passing
        return isinstance(error, OSError)

    def translate(self, error: Exception, what: str) -> MlflowException:
        code = error.code if isinstance(error, ServiceError) else type(error).__name__
        message = errors.explain(what, why=f"{code}: {error}")
        if code == "NoSuchKey":
            return errors.not_found(message, cause=error)
        if code == "AccessDenied":
            return errors.permission_denied(message, cause=error)
        if code == "PreconditionFailed":
            return errors.bad_request(f"{message} It changed while it was read.", cause=error)
        return errors.unavailable(message, cause=error)


class PieceVerifier(Verifier):
    """Digests of the pieces, each fed in its own order."""

    def __init__(self, info: ObjectInfo) -> None:
        self._wanted = info.digests["md5s"].split(",")
        self._step = info.part_bytes or max(1, info.size)
        self.range_bytes: int | None = self._step
        self._found: dict[int, hashlib._Hash] = {}
        self._next: dict[int, int] = {}
        self._lock = threading.Lock()

    def feed(self, start: int, data: bytes) -> None:
        while data:
            index = start // self._step
            piece = data[: self._step - start % self._step]
            with self._lock:
                if start % self._step == 0:
                    self._found[index] = hashlib.md5(usedforsecurity=False)
                    self._next[index] = start
                assert self._next[index] == start, "bytes of a range in the wrong order"
                self._found[index].update(piece)
                self._next[index] += len(piece)
            start, data = start + len(piece), data[len(piece) :]

    def restart(self, start: int) -> None:
        self._found.pop(start // self._step, None)

    def check(self) -> str | None:
        found = [self._found[index].hexdigest() for index in sorted(self._found)]
        if found == self._wanted:
            return None
        return f"the service says MD5 {self._wanted}, these bytes have {found}"


def read_all(body: Body) -> bytes:
    """Read a body as SDKs do: from its beginning, in blocks."""
    assert body.tell() == 0
    data = b"".join(iter(lambda: body.read(1 << 20), b""))
    assert len(data) == body.size, "the body is not as long as it says"
    return data
