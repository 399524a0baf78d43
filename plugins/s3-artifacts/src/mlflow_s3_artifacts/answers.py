"""Reads what boto3 answers, and prepares what it sends. Pure."""

from __future__ import annotations

import base64
import hashlib
import io
import mimetypes
from typing import TYPE_CHECKING, Any

from mlflow_plugin_core import errors
from mlflow_plugin_core.objects.client import ObjectInfo
from mlflow_s3_artifacts import digests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow_plugin_core.objects.client import Body

_BLOCK = 1 << 20


def is_encrypted(found: Any) -> bool:  # noqa: ANN401  # a dict of boto3's
    """Tell whether an answer is about an object whose ETag is no MD5, since a key encrypts it."""
    kind = str(found.get("ServerSideEncryption", ""))
    return kind.startswith("aws:kms") or bool(found.get("SSECustomerAlgorithm"))


def etag_of(found: Any) -> str:  # noqa: ANN401
    """Return the ETag of an answer, without quotes."""
    return str(found.get("ETag", "")).strip('"')


def known_digests(found: Any) -> dict[str, str]:  # noqa: ANN401
    """Return the digests of an object that an answer holds."""
    md5 = None if is_encrypted(found) else digests.md5_of(etag_of(found))
    known = {"md5": md5} if md5 else {}
    if found.get("ChecksumSHA256"):
        known["sha256"] = found["ChecksumSHA256"]
    return known


def described(key: str, found: Any, part_bytes: int | None = None) -> ObjectInfo:  # noqa: ANN401
    """Return what an answer to HEAD describes."""
    size = found["ContentLength"]
    return ObjectInfo(key, size, etag_of(found), known_digests(found), part_bytes)


def listed(entry: Any, *, hides_md5: bool) -> ObjectInfo:  # noqa: ANN401
    """Return what an entry of a listing describes.

    It does not tell the size of parts, so a digest of parts cannot be checked by it alone.
    """
    known = {} if hides_md5 else known_digests(entry)
    if any(is_composite(digest) for digest in known.values()):
        known = {}
    return ObjectInfo(entry["Key"], entry["Size"], etag_of(entry), known)


def going_on(found: Any, names: Mapping[str, str]) -> dict[str, Any] | None:  # noqa: ANN401
    """Return how the next page of a listing is asked for, or None behind the last one.

    Args:
        found: The answer.
        names: What is sent next, by the name under which it was told.

    Raises:
        MlflowException: INTERNAL_ERROR where the service says that there is more, and not behind
            what. Taken for the end, it would make a folder look smaller than it is.
    """
    if not found.get("IsTruncated"):
        return None
    marker = {sent: found[told] for told, sent in names.items() if found.get(told)}
    if not marker:
        message = errors.explain(
            "Cannot list",
            why=f"the service says that there is more, and not where: {', '.join(names)} is missing",
            remedy="report it to the maker of the service; MLflow would miss artifacts",
        )
        raise errors.internal(message)
    return marker


def is_composite(digest: str) -> bool:
    """Tell whether a digest is one of the digests of parts."""
    return "-" in digest


def count_of_parts(found: Any) -> int:  # noqa: ANN401
    """Return in how many parts an object was sent, by the digest that an answer holds; 0 if in none."""
    counts = [digest.rpartition("-")[2] for digest in known_digests(found).values()]
    return max((int(count) for count in counts if count.isdecimal() and len(count) < 6), default=0)  # noqa: PLR2004


def content_type(key: str) -> str:
    """Return the media type that a name suggests."""
    return mimetypes.guess_type(key)[0] or "application/octet-stream"


class Sent:
    """A body on its way, with the digests that go along with it.

    Attributes:
        data: What boto3 is given: the bytes where they are in memory, for a file object would be
            sent in pieces of 16 KiB.
        md5: Hexadecimal.
        headers: Arguments of boto3.
    """

    def __init__(self, body: Body, *, sha256: bool) -> None:
        body.seek(0)
        self.data: bytes | Body = body.read() if isinstance(body, io.BytesIO) else body
        self.size = body.size
        digest = _digest(self.data, hashlib.md5(usedforsecurity=False))
        self.md5 = digest.hexdigest()
        self.headers = {"ContentMD5": base64.b64encode(digest.digest()).decode()}
        if sha256:
            self.headers["ChecksumSHA256"] = sha256_of(self.data)

    def rewound(self) -> bytes | Body:
        """Return the body at its beginning."""
        if not isinstance(self.data, bytes):
            self.data.seek(0)
        return self.data


def md5_of(data: bytes | Body) -> str:
    """Return the MD5 of a body, hexadecimal."""
    return _digest(data, hashlib.md5(usedforsecurity=False)).hexdigest()


def sha256_of(data: bytes | Body) -> str:
    """Return the SHA-256 of a body in base64, as S3 writes it."""
    return base64.b64encode(_digest(data, hashlib.sha256()).digest()).decode()


def _digest(data: bytes | Body, digest: hashlib._Hash) -> hashlib._Hash:
    if isinstance(data, bytes):
        digest.update(data)
        return digest
    data.seek(0)
    while block := data.read(_BLOCK):
        digest.update(block)
    return digest


__all__ = [
    "Sent",
    "content_type",
    "described",
    "etag_of",
    "is_composite",
    "is_encrypted",
    "known_digests",
    "listed",
    "md5_of",
    "sha256_of",
]
