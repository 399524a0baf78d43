"""Every call to OSS by oss2, the older SDK: one request a verb, made once."""

from __future__ import annotations

import datetime as dt
import io
import urllib.parse
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

with warnings.catch_warnings():
    # Its source has escapes that Python 3.12 warns of while compiling.
    warnings.simplefilter("ignore")
    import oss2
    from oss2.models import PartInfo

from mlflow_oss_artifacts import base, failures
from mlflow_oss_artifacts.base import BLOCK, CRC_HEADER, OssClient, OssPart
from mlflow_plugin_core.objects.client import ObjectInfo, Page, PendingUpload, SignedRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import urllib3

    from mlflow_oss_artifacts.endpoints import Endpoint
    from mlflow_oss_artifacts.transport import Transport
    from mlflow_plugin_core.objects.client import Body, Part

_NOT_FOUND = 404
_ERRORS = 300


class _Answer:
    """An answer of urllib3 as the SDK wants it."""

    def __init__(self, answer: urllib3.BaseHTTPResponse, *, streamed: bool) -> None:
        self.answer = answer
        self.status = answer.status
        self.headers = answer.headers
        self.request_id = answer.headers.get("x-oss-request-id", "")
        # The SDK leaves answers without a body unread, and their connections would be lost.
        self._content = None if streamed else io.BytesIO(answer.read())
        if not streamed:
            answer.release_conn()

    def read(self, amount: int | None = None) -> bytes:
        """Read some of it, or all."""
        if self._content is not None:
            return self._content.read(amount)
        return self.answer.read(amount)

    def __iter__(self) -> Iterator[bytes]:
        return self.answer.stream(BLOCK, decode_content=False)


class _Session:
    """Our transport as the SDK wants it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def do_request(self, request: Any, timeout: Any) -> _Answer:  # noqa: ANN401
        """Send a request once."""
        del timeout
        url = request.url
        if request.params:
            url += "?" + urllib.parse.urlencode(request.params, quote_via=urllib.parse.quote)
        headers = {
            name: value.decode("latin-1") if isinstance(value, bytes) else value
            for name, value in request.headers.items()
            if value is not None
        }
        body = request.data
        # The SDK wraps a body in an adapter of its own, which knows its length.
        if body is not None and not isinstance(body, (bytes, str)):
            body = getattr(body, "file_object", body)
        answer = self._transport.send(request.method, url, headers, body)
        # Only whole objects and their ranges are streamed, and no error is.
        is_object = request.method == "GET" and not request.params and answer.status < _ERRORS
        return _Answer(answer, streamed=is_object)


class _Keys(oss2.credentials.CredentialsProvider):  # type: ignore[misc]  # the SDK is untyped
    def __init__(self, client: OssClient) -> None:
        self._client = client

    def get_credentials(self) -> Any:  # noqa: ANN401
        """Return the key for the next request."""
        found = self._client.current_keys()
        return oss2.credentials.Credentials(found.key_id, found.secret, found.token or "")


class Oss2Client(OssClient):
    """One bucket by oss2."""

    def __init__(self, target: base.Target, transport: Transport) -> None:
        """Make the SDK's buckets; no request is sent."""
        super().__init__(target, transport)
        self._bucket = self._made(target.endpoint)
        self._signing = self._made(target.public_endpoint)

    def _made(self, endpoint: Endpoint) -> Any:  # noqa: ANN401
        is_v4 = self._target.signature == "v4"
        auth = (oss2.ProviderAuthV4 if is_v4 else oss2.ProviderAuth)(_Keys(self))
        return oss2.Bucket(
            auth,
            endpoint.url,
            self._target.bucket,
            is_cname=endpoint.style == "cname",
            is_path_style=endpoint.style == "path",
            session=_Session(self._transport),
            # It is compared here, at a hundred times the speed.
            enable_crc=False,
            app_name="mlflow-oss-artifacts",
            region=endpoint.region,
        )

    def head(self, key: str) -> ObjectInfo | None:
        """Describe one object."""
        try:
            found = self._bucket.head_object(key)
        except oss2.exceptions.ServerError as error:
            # An answer to HEAD has no body; older ones do not say in a header either what is missing.
            if error.status == _NOT_FOUND and error.code in {"NoSuchKey", ""}:
                return None
            raise
        crc = found.headers.get(CRC_HEADER)
        return ObjectInfo(key, found.content_length or 0, found.etag, base.digests_of(crc))

    def list_page(
        self, prefix: str, *, folded: bool, token: str | None = None, limit: int = 1_000
    ) -> Page:
        """Return one page of a listing."""
        found = self._bucket.list_objects_v2(
            prefix, "/" if folded else "", continuation_token=token or "", max_keys=limit
        )
        return Page(
            [ObjectInfo(each.key, each.size, each.etag, {}) for each in found.object_list],
            list(found.prefix_list),
            found.next_continuation_token if found.is_truncated else None,
        )

    def put(self, key: str, body: Body) -> ObjectInfo:
        """Store a whole object; OSS compares its MD5 before it replaces the old one."""
        md5, crc = base.fingerprint(body)
        try:
            found = self._bucket.put_object(key, body, headers={"Content-MD5": md5})
        except oss2.exceptions.ServerError as error:
            return self.put_before(error, key, body.size, crc)
        return base.stored(key, body.size, found.etag, found.headers.get(CRC_HEADER), crc)

    @contextmanager
    def read(self, info: ObjectInfo, start: int, length: int) -> Iterator[Iterator[bytes]]:
        """Open a range of an object that is still the one described."""
        if not length:
            yield iter(())
            return
        headers = {
            "If-Match": base.quoted(info.etag),
            "Range": base.range_header(info, start, length),
            "x-oss-range-behavior": "standard",
        }
        sent = {name: value for name, value in headers.items() if value}
        found = self._bucket.get_object(info.key, headers=sent)
        base.note_crc(info, found.headers)
        answer = found.resp.answer
        try:
            yield answer.stream(BLOCK, decode_content=False)
        finally:
            if not answer.closed:
                answer.close()
            answer.release_conn()

    def delete(self, key: str) -> None:
        """Delete one object."""
        self._bucket.delete_object(key)

    def delete_batch(self, keys: Sequence[str]) -> Sequence[tuple[str, str]]:
        """Delete many objects; each that OSS refuses is returned."""
        odd = [key for key in keys if not base.fits_xml(key)]
        for key in odd:
            self.delete(key)
        plain = sorted(set(keys) - set(odd))
        if not plain:
            return []
        confirmed = set(self._bucket.batch_delete_objects(plain).deleted_keys)
        return self.delete_singly([key for key in plain if key not in confirmed])

    def begin_upload(self, key: str) -> str:
        """Begin an upload in parts."""
        return str(self._bucket.init_multipart_upload(key).upload_id)

    def put_part(self, key: str, upload_id: str, number: int, body: Body) -> Part:
        """Store one part; it counts only if OSS has the same CRC-64 of it."""
        crc = base.crc_of(body)
        found = self._bucket.upload_part(key, upload_id, number, body)
        base.check_crc(f"part {number} of {key}", found.headers.get(CRC_HEADER), crc)
        return OssPart(number, body.size, base.bare(found.etag), crc)

    def list_parts(self, key: str, upload_id: str) -> Sequence[Part] | None:
        """Return all parts that OSS has; this SDK leaves their CRC-64 out."""
        parts: list[Part] = []
        marker = ""
        while True:
            try:
                found = self._bucket.list_parts(key, upload_id, marker=marker)
            except oss2.exceptions.NoSuchUpload:
                return None
            parts += [
                OssPart(each.part_number, each.size, base.bare(each.etag)) for each in found.parts
            ]
            if not found.is_truncated:
                return parts
            marker = found.next_marker

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part]) -> ObjectInfo:
        """Make the parts an object, and compare its CRC-64 with theirs combined."""
        listed = [PartInfo(part.number, part.etag) for part in parts]
        found = self._bucket.complete_multipart_upload(key, upload_id, listed)
        size = sum(part.size for part in parts)
        crc = found.headers.get(CRC_HEADER)
        return base.stored(key, size, found.etag, crc, base.combined(parts))

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Give up an upload."""
        try:
            self._bucket.abort_multipart_upload(key, upload_id)
        except oss2.exceptions.NoSuchUpload:
            return

    def list_uploads(self, prefix: str) -> Iterator[PendingUpload]:
        """Yield every unfinished upload."""
        key_marker = id_marker = ""
        while True:
            found = self._bucket.list_multipart_uploads(
                prefix, key_marker=key_marker, upload_id_marker=id_marker
            )
            for each in found.upload_list:
                when = dt.datetime.fromtimestamp(each.initiation_date, dt.timezone.utc)
                yield PendingUpload(each.key, each.upload_id, when)
            if not found.is_truncated:
                return
            key_marker, id_marker = found.next_key_marker, found.next_upload_id_marker

    def sign_get(self, key: str, seconds: int) -> SignedRequest:
        """Return an address that reads an object."""
        with self.keys_lasting(seconds):
            return SignedRequest(self._signing.sign_url("GET", key, seconds, slash_safe=True))

    def sign_put(self, key: str, seconds: int) -> SignedRequest:
        """Return an address that stores an object."""
        return self._signed_put(key, seconds, {})

    def sign_part(self, key: str, upload_id: str, number: int, seconds: int) -> SignedRequest:
        """Return an address that stores one part."""
        return self._signed_put(key, seconds, {"uploadId": upload_id, "partNumber": str(number)})

    def _signed_put(self, key: str, seconds: int, params: dict[str, str]) -> SignedRequest:
        headers = dict(base.SIGNED_TYPE)
        with self.keys_lasting(seconds):
            url = self._signing.sign_url(
                "PUT", key, seconds, headers=headers, params=params, slash_safe=True
            )
        return SignedRequest(url, headers)

    def failure_of(self, error: Exception) -> failures.Failure:
        """Describe an error of the SDK."""
        if isinstance(error, oss2.exceptions.ServerError):
            fields = {name: text or "" for name, text in error.details.items()}
            body = error.body
            text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body)
            return failures.from_answer(error.status, error.headers, fields, text)
        if isinstance(error, oss2.exceptions.OssError):
            return failures.Failure("other", str(error.body))
        return failures.from_exception(error)
