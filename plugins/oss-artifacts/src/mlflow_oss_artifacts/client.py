"""Every call to OSS by alibabacloud-oss-v2, the default SDK: one request a verb, made once."""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import alibabacloud_oss_v2 as oss

from mlflow_oss_artifacts import base, failures
from mlflow_oss_artifacts.base import BLOCK, OssClient, OssPart
from mlflow_plugin_core.objects.client import ObjectInfo, Page, PendingUpload, SignedRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping, Sequence

    import urllib3
    from typing_extensions import Self

    from mlflow_oss_artifacts.endpoints import Endpoint
    from mlflow_oss_artifacts.transport import Transport
    from mlflow_plugin_core.objects.client import Body, Part

_NOT_FOUND = 404


class _Answer(oss.types.HttpResponse):  # type: ignore[misc]  # the SDK is untyped
    """An answer of urllib3 as the SDK wants it."""

    def __init__(self, request: Any, answer: urllib3.BaseHTTPResponse) -> None:  # noqa: ANN401
        self._request = request
        self._answer = answer
        self._content: bytes | None = None
        self._is_closed = False

    request = property(lambda self: self._request)
    is_closed = property(lambda self: self._is_closed)
    is_stream_consumed = property(lambda self: self._content is not None)
    status_code = property(lambda self: self._answer.status)
    reason = property(lambda self: self._answer.reason or "")

    @property
    def headers(self) -> MutableMapping[str, str]:
        return self._answer.headers

    @property
    def content(self) -> bytes:
        if self._content is None:
            raise oss.exceptions.ResponseNotReadError
        return self._content

    def read(self) -> bytes:
        if self._content is None:
            self._content = self._answer.read()
        self.close()
        return self._content

    def iter_bytes(self, **options: Any) -> Iterator[bytes]:  # noqa: ANN401
        return self._answer.stream(options.get("block_size", BLOCK), decode_content=False)

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            # One that was not read to its end must not serve the next request.
            if self._content is None and not self._answer.closed:
                self._answer.close()
            self._answer.release_conn()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Http(oss.types.HttpClient):  # type: ignore[misc]
    """Our transport as the SDK wants it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def send(self, request: Any, **options: Any) -> _Answer:  # noqa: ANN401
        headers = {name: value for name, value in request.headers.items() if value is not None}
        answer = self._transport.send(request.method, request.url, headers, request.body)
        found = _Answer(request, answer)
        if not options.get("stream"):
            found.read()
        return found

    def open(self) -> None:
        """There is nothing to open."""

    def close(self) -> None:
        self._transport.close()


class Client(OssClient):
    """One bucket by alibabacloud-oss-v2."""

    def __init__(self, target: base.Target, transport: Transport) -> None:
        """Make the SDK's clients; no request is sent."""
        super().__init__(target, transport)
        self._bucket = target.bucket
        self._oss = self._made(target.endpoint)
        self._signing = (
            self._oss
            if target.public_endpoint == target.endpoint
            else self._made(target.public_endpoint)
        )

    def _made(self, endpoint: Endpoint) -> oss.Client:
        def keys() -> oss.credentials.Credentials:
            found = self.current_keys()
            return oss.credentials.Credentials(found.key_id, found.secret, found.token)

        config = oss.Config(
            region=endpoint.region,
            endpoint=endpoint.url,
            signature_version=self._target.signature,
            credentials_provider=oss.credentials.CredentialsProviderFunc(keys),
            retry_max_attempts=1,
            http_client=_Http(self._transport),
            use_cname=endpoint.style == "cname",
            use_path_style=endpoint.style == "path",
            # Both are compared here, at a hundred times the speed.
            disable_upload_crc64_check=True,
            disable_download_crc64_check=True,
            user_agent="mlflow-oss-artifacts",
        )
        return oss.Client(config)

    def head(self, key: str) -> ObjectInfo | None:
        """Describe one object."""
        try:
            found = self._oss.head_object(oss.HeadObjectRequest(bucket=self._bucket, key=key))
        except oss.exceptions.OperationError as error:
            failure = self.failure_of(error)
            # An answer to HEAD has no body; older ones do not say in a header either what is missing.
            if failure.status == _NOT_FOUND and failure.code in {"NoSuchKey", ""}:
                return None
            raise
        return ObjectInfo(
            key, found.content_length, base.bare(found.etag), base.digests_of(found.hash_crc64)
        )

    def list_page(
        self, prefix: str, *, folded: bool, token: str | None = None, limit: int = 1_000
    ) -> Page:
        """Return one page of a listing."""
        found = self._oss.list_objects_v2(
            oss.ListObjectsV2Request(
                bucket=self._bucket,
                prefix=prefix or None,
                delimiter="/" if folded else None,
                continuation_token=token,
                max_keys=limit,
            )
        )
        return Page(
            [
                ObjectInfo(each.key, each.size or 0, base.bare(each.etag), {})
                for each in found.contents or ()
            ],
            [each.prefix for each in found.common_prefixes or ()],
            found.next_continuation_token if found.is_truncated else None,
        )

    def put(self, key: str, body: Body) -> ObjectInfo:
        """Store a whole object; OSS compares its MD5 before it replaces the old one."""
        md5, crc = base.fingerprint(body)
        request = oss.PutObjectRequest(bucket=self._bucket, key=key, body=body, content_md5=md5)
        try:
            found = self._oss.put_object(request)
        except oss.exceptions.OperationError as error:
            return self.put_before(error, key, body.size, crc)
        return base.stored(key, body.size, found.etag, found.hash_crc64, crc)

    @contextmanager
    def read(self, info: ObjectInfo, start: int, length: int) -> Iterator[Iterator[bytes]]:
        """Open a range of an object that is still the one described."""
        if not length:
            yield iter(())
            return
        found = self._oss.get_object(
            oss.GetObjectRequest(
                bucket=self._bucket,
                key=info.key,
                if_match=base.quoted(info.etag),
                range_header=base.range_header(info, start, length),
                range_behavior="standard",
            )
        )
        base.note_crc(info, found.headers)
        with found.body as stream:
            yield stream.iter_bytes(block_size=BLOCK)

    def delete(self, key: str) -> None:
        """Delete one object."""
        self._oss.delete_object(oss.DeleteObjectRequest(bucket=self._bucket, key=key))

    def delete_batch(self, keys: Sequence[str]) -> Sequence[tuple[str, str]]:
        """Delete many objects; each that OSS refuses is returned."""
        odd = [key for key in keys if not base.fits_xml(key)]
        for key in odd:
            self.delete(key)
        plain = sorted(set(keys) - set(odd))
        if not plain:
            return []
        found = self._oss.delete_multiple_objects(
            oss.DeleteMultipleObjectsRequest(
                bucket=self._bucket,
                objects=[oss.DeleteObject(key=key) for key in plain],
                quiet=False,
            )
        )
        confirmed = {each.key for each in found.deleted_objects or ()}
        return self.delete_singly([key for key in plain if key not in confirmed])

    def begin_upload(self, key: str) -> str:
        """Begin an upload in parts."""
        found = self._oss.initiate_multipart_upload(
            oss.InitiateMultipartUploadRequest(bucket=self._bucket, key=key)
        )
        return str(found.upload_id)

    def put_part(self, key: str, upload_id: str, number: int, body: Body) -> Part:
        """Store one part; it counts only if OSS has the same CRC-64 of it."""
        crc = base.crc_of(body)
        found = self._oss.upload_part(
            oss.UploadPartRequest(
                bucket=self._bucket, key=key, upload_id=upload_id, part_number=number, body=body
            )
        )
        base.check_crc(f"part {number} of {key}", found.hash_crc64, crc)
        return OssPart(number, body.size, base.bare(found.etag), crc)

    def list_parts(self, key: str, upload_id: str) -> Sequence[Part] | None:
        """Return all parts that OSS has."""
        parts: list[Part] = []
        marker: int | None = None
        while True:
            try:
                found = self._oss.list_parts(
                    oss.ListPartsRequest(
                        bucket=self._bucket,
                        key=key,
                        upload_id=upload_id,
                        max_parts=1_000,
                        part_number_marker=marker,
                    )
                )
            except oss.exceptions.OperationError as error:
                if self.failure_of(error).code == "NoSuchUpload":
                    return None
                raise
            parts += [
                OssPart(
                    each.part_number,
                    each.size,
                    base.bare(each.etag),
                    int(each.hash_crc64) if each.hash_crc64 else None,
                )
                for each in found.parts or ()
            ]
            if not found.is_truncated:
                return parts
            marker = found.next_part_number_marker

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part]) -> ObjectInfo:
        """Make the parts an object, and compare its CRC-64 with theirs combined."""
        found = self._oss.complete_multipart_upload(
            oss.CompleteMultipartUploadRequest(
                bucket=self._bucket,
                key=key,
                upload_id=upload_id,
                complete_multipart_upload=oss.CompleteMultipartUpload(
                    parts=[
                        oss.UploadPart(part_number=part.number, etag=f'"{part.etag}"')
                        for part in parts
                    ]
                ),
            )
        )
        size = sum(part.size for part in parts)
        return base.stored(key, size, found.etag, found.hash_crc64, base.combined(parts))

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Give up an upload."""
        try:
            self._oss.abort_multipart_upload(
                oss.AbortMultipartUploadRequest(bucket=self._bucket, key=key, upload_id=upload_id)
            )
        except oss.exceptions.OperationError as error:
            if self.failure_of(error).code != "NoSuchUpload":
                raise

    def list_uploads(self, prefix: str) -> Iterator[PendingUpload]:
        """Yield every unfinished upload."""
        key_marker: str | None = None
        id_marker: str | None = None
        while True:
            found = self._oss.list_multipart_uploads(
                oss.ListMultipartUploadsRequest(
                    bucket=self._bucket,
                    prefix=prefix or None,
                    key_marker=key_marker,
                    upload_id_marker=id_marker,
                    max_uploads=1_000,
                )
            )
            for each in found.uploads or ():
                yield PendingUpload(each.key, each.upload_id, each.initiated)
            if not found.is_truncated:
                return
            key_marker, id_marker = found.next_key_marker, found.next_upload_id_marker

    def sign_get(self, key: str, seconds: int) -> SignedRequest:
        """Return an address that reads an object."""
        return self._signed(oss.GetObjectRequest(bucket=self._bucket, key=key), seconds)

    def sign_put(self, key: str, seconds: int) -> SignedRequest:
        """Return an address that stores an object."""
        request = oss.PutObjectRequest(bucket=self._bucket, key=key, headers=dict(base.SIGNED_TYPE))
        return self._signed(request, seconds)

    def sign_part(self, key: str, upload_id: str, number: int, seconds: int) -> SignedRequest:
        """Return an address that stores one part."""
        request = oss.UploadPartRequest(
            bucket=self._bucket,
            key=key,
            upload_id=upload_id,
            part_number=number,
            headers=dict(base.SIGNED_TYPE),
        )
        return self._signed(request, seconds)

    def _signed(self, request: Any, seconds: int) -> SignedRequest:  # noqa: ANN401
        # The SDK counts from its own first look at the clock, and cuts what is left of a second.
        with self.keys_lasting(seconds):
            found = self._signing.presign(
                request, expires=dt.timedelta(seconds=seconds, milliseconds=500)
            )
        return SignedRequest(found.url, dict(found.signed_headers or {}))

    def failure_of(self, error: Exception) -> failures.Failure:
        """Describe an error of the SDK, which wraps what it did not expect."""
        found = base.unwrapped(error)
        if isinstance(found, oss.exceptions.ServiceError):
            snapshot = found.snapshot or b""
            return failures.from_answer(
                found.status_code,
                found.headers or {},
                {name: text or "" for name, text in (found.error_fileds or {}).items()},
                snapshot.decode("utf-8", "replace") if isinstance(snapshot, bytes) else "",
            )
        return failures.from_exception(found)
