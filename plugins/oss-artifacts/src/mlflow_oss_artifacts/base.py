"""What both SDKs' clients share: limits, digests, which failures pass, and the errors' words."""

from __future__ import annotations

import base64
import email.utils
import hashlib
import threading
from abc import abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlflow.exceptions import MlflowException

from mlflow_oss_artifacts import errors, failures
from mlflow_oss_artifacts.crc64 import combine_all, crc64
from mlflow_oss_artifacts.failures import DigestMismatchError
from mlflow_oss_artifacts.verifying import DIGEST, CrcVerifier
from mlflow_plugin_core.objects.client import GIBIBYTE, Limits, ObjectClient, ObjectInfo, Part

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping, Sequence

    from mlflow_oss_artifacts.endpoints import Endpoint
    from mlflow_oss_artifacts.providers import Keys, Provider
    from mlflow_oss_artifacts.transport import Transport, TransportOptions
    from mlflow_plugin_core.objects.client import Body

# "Limits" of Object Storage Service and of its multipart upload, read 2026-11: 10,000 parts of
# 100 KB to 5 GB, objects of 48.8 TB, 5 GB in one request, keys of 1 to 1,023 bytes, 1,000 keys in
# one batch delete.
LIMITS = Limits(
    max_parts=10_000,
    min_part_bytes=100 * 1024,
    max_part_bytes=5 * GIBIBYTE,
    max_object_bytes=48_800 * GIBIBYTE,
    max_key_bytes=1_023,
    delete_batch=1_000,
)
CRC_HEADER = "x-oss-hash-crc64ecma"
BLOCK = 1 << 18
# OSS signs the content type of every request that has one, and many clients send one unasked: with
# this one signed, and told to the client, there is no guessing.
SIGNED_TYPE = {"Content-Type": "application/octet-stream"}
_HASHED = 1 << 20
# How often a request is made again while the service has never answered.
_UNREACHED = 2


@dataclass(frozen=True)
class Target:
    """One bucket, how it is reached, and as whom.

    Attributes:
        bucket: Its name.
        endpoint: Where it is.
        public_endpoint: What presigned addresses name.
        signature: v4 or v1.
        sdk: v2 or oss2.
        options: How connections are made.
        provider: What hands out the keys.
    """

    bucket: str
    endpoint: Endpoint
    public_endpoint: Endpoint
    signature: str
    sdk: str
    options: TransportOptions
    provider: Provider

    @property
    def identity(self) -> tuple[object, ...]:
        """Equal for two targets that one client serves."""
        return (
            self.bucket,
            self.endpoint,
            self.public_endpoint,
            self.signature,
            self.sdk,
            self.options,
            self.provider.identity,
        )


@dataclass(frozen=True)
class OssPart(Part):
    """A part with its CRC-64, which the whole object's is combined from."""

    crc: int | None = None


class OssClient(ObjectClient):
    """One bucket by either SDK; thread-safe."""

    limits = LIMITS

    def __init__(self, target: Target, transport: Transport) -> None:
        """Keep what the SDK's part needs.

        Args:
            target: Which bucket.
            transport: HTTP.
        """
        self._target = target
        self._transport = transport
        self._used = threading.local()

    @abstractmethod
    def failure_of(self, error: Exception) -> failures.Failure:
        """Describe an error of the SDK."""

    def current_keys(self) -> Keys:
        """Return the key for the request that this thread is about to sign."""
        keys = self._target.provider.get(getattr(self._used, "lasting", 0.0))
        self._used.keys = keys
        return keys

    @contextmanager
    def keys_lasting(self, seconds: float) -> Iterator[None]:
        """Have what this thread signs within signed by a key that is good for so long."""
        self._used.lasting = seconds
        try:
            yield
        finally:
            self._used.lasting = 0.0

    def put_before(self, error: Exception, key: str, size: int, crc: int) -> ObjectInfo:
        """Return what a bucket with a retention policy keeps, if it is what was being stored.

        The first attempt may have stored it, and only its answer was lost: every further one is
        refused then.

        Raises:
            Exception: The error itself, where another object is there or none.
        """
        if self.failure_of(error).code == failures.RETAINED:
            info = self.head(key)
            if info is not None and (info.size, info.digests.get(DIGEST)) == (size, str(crc)):
                return info
        raise error

    def delete_singly(self, keys: Sequence[str]) -> Sequence[tuple[str, str]]:
        """Delete what a batch did not confirm: it gives no reasons, and this does."""
        refused: list[tuple[str, str]] = []
        for key in keys:
            try:
                self.delete(key)
            except Exception as error:
                failure = self.failure_of(error)
                if failure.kind != "service" or failure.is_busy or failure.is_passing:
                    raise
                why = f"{failure.code}: {failure.text}"
                if failure.code == failures.RETAINED:
                    why = f"denied by the bucket's retention policy ({why})"
                refused.append((key, why))
        return refused

    def part_matches(self, part: Part, body: Body) -> bool:
        """Compare the MD5 that OSS has of a part, or else its CRC-64, with the local one."""
        if part.size != body.size:
            return False
        if len(part.etag) == 2 * hashlib.md5(usedforsecurity=False).digest_size:
            return part.etag.lower() == _md5_of(body).hex()
        return isinstance(part, OssPart) and part.crc is not None and part.crc == crc_of(body)

    def verifier(self, info: ObjectInfo) -> CrcVerifier:
        """Return what compares the CRC-64 that OSS keeps of every object."""
        return CrcVerifier(info)

    def server_time(self) -> dt.datetime | None:
        """Return OSS's clock, from the answer to an unsigned request that it refuses."""
        url = self._target.endpoint.bucket_url(self._target.bucket)
        answer = self._transport.send("HEAD", url, {})
        answer.drain_conn()
        answer.release_conn()
        date = answer.headers.get("Date")
        return email.utils.parsedate_to_datetime(date) if date else None

    def retryable(self, error: Exception) -> bool | float:
        """Tell whether a request that failed so may be made again."""
        if _mlflow_error_in(error) is not None:
            return False
        failure = self.failure_of(error)
        if failure.code in failures.ENDED_KEYS:
            used = getattr(self._used, "keys", None)
            try:
                return used is not None and self._target.provider.renew(used)
            except MlflowException:
                # OSS's own error says more than the one of whoever has no new key.
                return False
        if failure.is_unreachable:
            # A service that never answered is a wrong address more likely than a passing fault, so
            # nobody waits long for it; but names of new pods and first connections fail at times.
            tried = getattr(self._used, "unreached", 0) + 1
            self._used.unreached = 0 if tried > _UNREACHED else tried
            return self._transport.reached or tried <= _UNREACHED
        if failure.is_busy:
            return failure.retry_after or 0.0
        return failure.is_passing

    def translate(self, error: Exception, what: str) -> MlflowException:
        """Return MLflow's error for one of the SDK's or of the network's."""
        found = _mlflow_error_in(error)
        if found is not None:
            return found
        failure = self.failure_of(error)
        if failure.code in failures.ENDED_KEYS or failure.code == "InvalidAccessKeyId":
            what = f"{what} with the key of {self._target.provider.name}"
        endpoint = self._target.endpoint
        if failure.kind == "cut" and not self._transport.reached and endpoint.scheme == "http":
            # Most servers of TLS hang up on plain HTTP without a word.
            failure = replace(failure, kind="tls", text=f"{failure.text} (plain HTTP)")
        return errors.translate(failure, what, host=endpoint.netloc, cause=error)


def crc_of(body: Body) -> int:
    """Return the CRC-64 of a body, which stands at its beginning afterwards."""
    value = 0
    for block in _blocks(body):
        value = crc64(block, value)
    return value


def fingerprint(body: Body) -> tuple[str, int]:
    """Return a body's MD5 as Content-MD5 has it, and its CRC-64."""
    digest, value = hashlib.md5(usedforsecurity=False), 0
    for block in _blocks(body):
        digest.update(block)
        value = crc64(block, value)
    return base64.b64encode(digest.digest()).decode(), value


def _md5_of(body: Body) -> bytes:
    digest = hashlib.md5(usedforsecurity=False)
    for block in _blocks(body):
        digest.update(block)
    return digest.digest()


def _blocks(body: Body) -> Iterator[bytes]:
    body.seek(0)
    while block := body.read(_HASHED):
        yield block
    body.seek(0)


def stored(key: str, size: int, etag: str | None, crc: str | None, sent: int | None) -> ObjectInfo:
    """Describe what was just stored, after its CRC-64 was compared.

    Raises:
        DigestMismatchError: OSS has other bytes than were sent.
    """
    check_crc(key, crc, sent)
    return ObjectInfo(key, size, bare(etag), digests_of(crc))


def check_crc(what: str, crc: str | None, sent: int | None) -> None:
    """Compare the CRC-64 that OSS answered with the one of what was sent.

    Raises:
        DigestMismatchError: They differ.
    """
    if crc and sent is not None and int(crc) != sent:
        message = f"{what!r} has the CRC-64 {crc} at OSS and {sent} here"
        raise DigestMismatchError(message)


def combined(parts: Sequence[Part]) -> int | None:
    """Return the CRC-64 of an object of these parts, or None where one of them is not known."""
    pieces = [(part.crc, part.size) for part in parts if isinstance(part, OssPart)]
    if len(pieces) != len(parts) or any(crc is None for crc, _ in pieces):
        return None
    return combine_all((crc or 0, size) for crc, size in pieces)


def digests_of(crc: str | None) -> dict[str, str]:
    """Return the digests of an answer with this CRC-64; mutable, so that a read can add them."""
    return {DIGEST: crc} if crc else {}


def note_crc(info: ObjectInfo, headers: Mapping[str, str]) -> None:
    """Keep the CRC-64 that came with a read of the object, for the verifier to look at."""
    crc = headers.get(CRC_HEADER)
    if crc and isinstance(info.digests, dict):
        info.digests.setdefault(DIGEST, crc)


def range_header(info: ObjectInfo, start: int, length: int) -> str | None:
    """Return the Range header; None for the whole object, for an empty one has no range."""
    if start == 0 and length >= info.size:
        return None
    return f"bytes={start}-{start + length - 1}"


def bare(etag: str | None) -> str:
    """Return an ETag without its quotes."""
    return (etag or "").strip('"')


def quoted(etag: str) -> str | None:
    """Return an ETag as If-Match has it."""
    return f'"{etag}"' if etag else None


def fits_xml(key: str) -> bool:
    """Tell whether XML 1.0 can hold a key; a batch delete is XML, and other keys go one by one."""
    return all(
        character in "\t\n" or " " <= character <= "\ud7ff" or character >= "\ue000"
        for character in key
    ) and not {"\ufffe", "\uffff"} & set(key)


def unwrapped(error: BaseException) -> BaseException:
    """Return what alibabacloud-oss-v2 wrapped, some of it twice; other errors as they are."""
    found = error
    while isinstance(inner := getattr(found, "kwargs", {}).get("error"), BaseException):
        found = inner
    return found


def _mlflow_error_in(error: BaseException) -> MlflowException | None:
    """Return the error of our own code, such as that there is no key, that an SDK wrapped."""
    found = unwrapped(error)
    return found if isinstance(found, MlflowException) else None
