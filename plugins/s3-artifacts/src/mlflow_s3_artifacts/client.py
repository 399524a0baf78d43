"""The verbs of one bucket, by boto3 or by the fast client: one request each, and no retries."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlflow_plugin_core.objects.client import (
    Limits,
    ObjectClient,
    ObjectInfo,
    Page,
    Part,
    PendingUpload,
    SignedRequest,
)
from mlflow_s3_artifacts import answers, digests, errors
from mlflow_s3_artifacts.answers import Sent
from mlflow_s3_artifacts.client_requests import Requests
from mlflow_s3_artifacts.client_signing import sign

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from mlflow.exceptions import MlflowException

    from mlflow_plugin_core.objects.client import Body, Verifier
    from mlflow_s3_artifacts.target import Target

_BLOCK = 1 << 20
_NOT_XML = re.compile(r"[\x00-\x1f\x7f\ufffe\uffff]")
_NOT_FOUND = 404
_NEXT_UPLOAD = {"NextKeyMarker": "KeyMarker", "NextUploadIdMarker": "UploadIdMarker"}


class S3Client(ObjectClient):
    """One bucket; thread-safe, and cheap to make: connections are the process's."""

    limits = Limits()

    def __init__(self, target: Target) -> None:
        self.target = target
        self._requests = Requests(target)

    def head(self, key: str) -> ObjectInfo | None:
        """Describe one object, with its digests and the size of its parts."""
        requests = self._requests
        arguments = requests.head_arguments()
        try:
            found = requests.head(key, arguments)
        except Exception as error:
            if errors.status_of(error) != _NOT_FOUND:
                raise
            requests.require_bucket()
            return None
        if answers.is_encrypted(found) and "ChecksumMode" not in arguments:
            found = requests.call("head_object", Key=key, **requests.head_arguments())
        if not any(map(answers.is_composite, answers.known_digests(found).values())):
            return answers.described(key, found)
        return answers.described(key, found, self._part_bytes(key, found, arguments))

    def _part_bytes(self, key: str, found: Any, arguments: dict[str, Any]) -> int | None:  # noqa: ANN401
        """Return the size of an object's parts; None where they are unlike, or it was replaced."""

        def size_of(number: int) -> int:
            part = self._requests.call("head_object", Key=key, PartNumber=number, **arguments)
            return int(part["ContentLength"]) if part["ETag"] == found["ETag"] else 0

        count, first = answers.count_of_parts(found), size_of(1)
        # Parts of long streams grow, and other clients cut as they like: the digest of an object
        # cut otherwise than it was sent would call it damaged.
        if count > 2 and first * (count - 1) + size_of(count) != found["ContentLength"]:  # noqa: PLR2004
            return None
        return first or None

    def list_page(
        self, prefix: str, *, folded: bool, token: str | None = None, limit: int = 1_000
    ) -> Page:
        """Return one page of the keys with a prefix."""
        arguments: dict[str, Any] = {"Prefix": prefix, "MaxKeys": limit}
        if folded:
            arguments["Delimiter"] = "/"
        if token:
            arguments["ContinuationToken"] = token
        found = self._requests.call("list_objects_v2", **arguments)
        connection = self._requests.connection
        connection.bucket_seen = True
        entries = found.get("Contents", ())
        objects = [answers.listed(entry, hides_md5=connection.hides_md5) for entry in entries]
        prefixes = [entry["Prefix"] for entry in found.get("CommonPrefixes", ())]
        more = answers.going_on(found, {"NextContinuationToken": "token"})
        return Page(objects, prefixes, more["token"] if more else None)

    def put(self, key: str, body: Body) -> ObjectInfo:
        """Store a whole object; the service compares its MD5, and its answer is compared too."""
        return ObjectInfo(key, body.size, self._requests.put(key, body))

    @contextmanager
    def read(self, info: ObjectInfo, start: int, length: int) -> Iterator[Iterator[bytes]]:
        """Open a range of an object that has not changed since it was described."""
        if length == 0:
            yield iter(())
            return
        whole = start == 0 and length == info.size
        data = self._requests.get_fast(info) if whole else None
        if data is not None:
            yield iter((data,))
            return
        arguments: dict[str, Any] = self.target.customer_key()
        if not whole:
            arguments["Range"] = f"bytes={start}-{start + length - 1}"
        if info.etag:
            arguments["IfMatch"] = f'"{info.etag}"'
        stream = self._requests.call("get_object", Key=info.key, **arguments)["Body"]
        try:
            yield iter(lambda: stream.read(_BLOCK), b"")
        finally:
            stream.close()

    def delete(self, key: str) -> None:
        """Delete one object."""
        self._requests.call("delete_object", Key=key)

    def delete_batch(self, keys: Sequence[str]) -> Sequence[tuple[str, str]]:
        """Delete many; keys that XML cannot hold go one by one."""
        plain = [key for key in keys if not _NOT_XML.search(key)]
        singly = [key for key in keys if _NOT_XML.search(key)]
        failed: list[tuple[str, str]] = []
        if plain:
            batch = {"Objects": [{"Key": key} for key in plain], "Quiet": True}
            try:
                found = self._requests.call("delete_objects", Delete=batch)
            except Exception as error:
                # Google's interoperable service has no batches.
                if errors.code_of(error) not in {"NotImplemented", "MethodNotAllowed"}:
                    raise
                singly = list(keys)
            else:
                failed = [
                    (entry["Key"], f"{entry.get('Code', '')}: {entry.get('Message', '')}")
                    for entry in found.get("Errors", ())
                ]
        for key in singly:
            self.delete(key)
        return failed

    def begin_upload(self, key: str) -> str:
        """Begin an upload in parts."""
        arguments = self.target.new_object()
        if self.target.hides_md5:
            arguments["ChecksumAlgorithm"] = "SHA256"
        kind = answers.content_type(key)
        found = self._requests.call(
            "create_multipart_upload", Key=key, ContentType=kind, **arguments
        )
        return str(found["UploadId"])

    def put_part(self, key: str, upload_id: str, number: int, body: Body) -> Part:
        """Store one part; the service compares its MD5, and its answer is compared too."""
        sent = Sent(body, sha256=self.target.hides_md5)
        found = self._requests.call(
            "upload_part",
            sent,
            Key=key,
            UploadId=upload_id,
            PartNumber=number,
            **self.target.customer_key(),
        )
        self._requests.compare(found, sent.md5, f"{key}, part {number}")
        sha256 = sent.headers.get("ChecksumSHA256")
        return Part(number, body.size, digests.join_part(answers.etag_of(found), sha256))

    def list_parts(self, key: str, upload_id: str) -> Sequence[Part] | None:
        """Return all parts that the service has."""
        parts: list[Part] = []
        asked = {"Key": key, "UploadId": upload_id, **self.target.encoded_customer_key()}
        marker: dict[str, Any] | None = {}
        while marker is not None:
            try:
                found = self._requests.call("list_parts", **asked, **marker)
            except Exception as error:
                if errors.code_of(error) == "NoSuchUpload":
                    return None
                raise
            for entry in found.get("Parts", ()):
                sha256 = entry.get("ChecksumSHA256") if self.target.hides_md5 else None
                etag = digests.join_part(answers.etag_of(entry), sha256)
                parts.append(Part(entry["PartNumber"], entry["Size"], etag))
            marker = answers.going_on(found, {"NextPartNumberMarker": "PartNumberMarker"})
        return parts

    def part_matches(self, part: Part, body: Body) -> bool:
        """Compare a part on the service with a local one, by digest."""
        etag, sha256 = digests.split_part(part)
        if part.size != body.size:
            return False
        if self.target.hides_md5:
            return sha256 is not None and sha256 == answers.sha256_of(body)
        return digests.md5_of(etag) == answers.md5_of(body)

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part]) -> ObjectInfo:
        """Make the parts an object, and compare its digest with those of the parts."""
        named = []
        for part in parts:
            etag, sha256 = digests.split_part(part)
            entry: dict[str, Any] = {"PartNumber": part.number, "ETag": f'"{etag}"'}
            named.append(entry | ({"ChecksumSHA256": sha256} if sha256 else {}))
        found = self._requests.call(
            "complete_multipart_upload",
            Key=key,
            UploadId=upload_id,
            MultipartUpload={"Parts": named},
            **self.target.customer_key(),
        )
        expected = digests.md5_of_parts([digests.split_part(part)[0] for part in parts])
        if expected is not None:
            self._requests.compare(found, expected, key)
        first = parts[0].size if parts else None
        size = sum(part.size for part in parts)
        return ObjectInfo(key, size, answers.etag_of(found), part_bytes=first)

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Give up an upload."""
        try:
            self._requests.call("abort_multipart_upload", Key=key, UploadId=upload_id)
        except Exception as error:
            if errors.code_of(error) != "NoSuchUpload":
                raise

    def list_uploads(self, prefix: str) -> Iterator[PendingUpload]:
        """Yield every unfinished upload to keys with a prefix."""
        # MinIO takes the prefix for a whole key: elsewhere than on Amazon all are listed.
        asked: dict[str, Any] = {"Prefix": prefix} if self.target.location.is_amazon else {}
        marker: dict[str, Any] | None = {}
        while marker is not None:
            found = self._requests.call("list_multipart_uploads", **asked, **marker)
            for entry in found.get("Uploads", ()):
                if entry["Key"].startswith(prefix):
                    yield PendingUpload(entry["Key"], entry["UploadId"], entry["Initiated"])
            marker = answers.going_on(found, _NEXT_UPLOAD)

    def verifier(self, info: ObjectInfo) -> Verifier | None:
        """Return what checks this object's content; asks the service where a listing says too little."""
        known: ObjectInfo | None = info
        if not info.digests and digests.md5_of(info.etag):
            known = self.head(info.key)
        if known is None or known.etag != info.etag:
            return None  # it was changed or deleted, which reading it finds
        found = digests.verifier_of(known)
        return _Verifier(self._requests, known, found) if found is not None else None

    def sign_get(self, key: str, seconds: int) -> SignedRequest:
        """Return a request that reads an object."""
        return sign(self.target, "get_object", seconds, Key=key)

    def sign_put(self, key: str, seconds: int) -> SignedRequest:
        """Return a request that stores a whole object."""
        return sign(self.target, "put_object", seconds, Key=key, **self.target.new_object())

    def sign_part(self, key: str, upload_id: str, number: int, seconds: int) -> SignedRequest:
        """Return a request that stores one part."""
        part = {"UploadId": upload_id, "PartNumber": number}
        return sign(self.target, "upload_part", seconds, Key=key, **part)

    def server_time(self) -> dt.datetime | None:
        """Return the service's clock."""
        try:
            return errors.date_of(self._requests.call("head_bucket"))
        except Exception as error:
            answer = getattr(error, "response", None)
            if answer is None:
                raise
            return errors.date_of(answer)

    def retryable(self, error: Exception) -> bool | float:
        """Tell whether a request that failed so may be made again."""
        return errors.retryable(error)

    def translate(self, error: Exception, what: str) -> MlflowException:
        """Return MLflow's error for the service's."""
        return errors.translate(error, what, self.target)


class _Verifier:
    """Checks a download, and bears with ETags that turn out to be no digests."""

    def __init__(self, requests: Requests, info: ObjectInfo, inner: Verifier) -> None:
        self.range_bytes = inner.range_bytes
        self._requests = requests
        self._info = info
        self._inner = inner

    def feed(self, start: int, data: bytes) -> None:
        """Take the next bytes of a range."""
        self._inner.feed(start, data)

    def restart(self, start: int) -> None:
        """Forget what was fed of a range."""
        self._inner.restart(start)

    def check(self) -> str | None:
        """Compare; an object under a key of KMS has an ETag that only looks like an MD5."""
        why = self._inner.check()
        if not why or "sha256" in self._info.digests:
            return why
        return None if self._requests.is_encrypted(self._info.key) else why


__all__ = ["S3Client"]
