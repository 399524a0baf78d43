"""Uploads in parts on the OSS server."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from typing import TYPE_CHECKING, Any

from mlflow_plugin_servers.oss_crc64 import combine
from mlflow_plugin_servers.oss_errors import OssError, no_such_bucket, no_such_upload
from mlflow_plugin_servers.oss_listing import count, encoding, name_writer
from mlflow_plugin_servers.oss_objects import (
    CRC,
    check_conditions,
    check_md5,
    kept_headers,
    source_of,
    span,
)
from mlflow_plugin_servers.oss_store import Blob, StoredObject
from mlflow_plugin_servers.oss_xml import answer, element, iso_date, parse, text
from mlflow_plugin_servers.own_http import Response

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from mlflow_plugin_servers.oss_http import Request
    from mlflow_plugin_servers.oss_objects import Objects
    from mlflow_plugin_servers.oss_store import Store

__all__ = ["Uploads"]

# Both from Alibaba's documentation: 100 KB for every part but the last, 10,000 parts.
_SMALLEST = 102_400
_MOST_PARTS = 10_000


class Uploads:
    """Answers what is asked of uploads."""

    def __init__(self, store: Store, objects: Objects) -> None:
        """Work on a store.

        Args:
            store: The store.
            objects: Where the finished objects are.
        """
        self._store = store
        self._objects = objects

    def begin(self, request: Request) -> Response:
        """Begin an upload."""
        upload = secrets.token_hex(16).upper()
        self._store.rows(
            "INSERT INTO uploads VALUES (?, ?, ?, ?, ?)",
            upload,
            request.bucket,
            request.key.encode(),
            time.time(),
            json.dumps(kept_headers(request)),
        )
        return answer(
            "InitiateMultipartUploadResult",
            *encoding(request),
            element("Bucket", request.bucket),
            element("Key", name_writer(request)(request.key)),
            element("UploadId", upload),
        )

    def put_part(self, request: Request) -> Response:
        """Take a part; one with the same number is replaced."""
        self._check(request)
        number = self._number(request)
        blob = self._store.write(request.body.blocks())
        check_md5(request, self._store, blob)
        self._keep(request, number, blob)
        return Response(200, {"ETag": f'"{blob.md5}"', CRC: str(blob.crc)})

    def copy_part(self, request: Request) -> Response:
        """Take a part from an object that is there."""
        self._check(request)
        number = self._number(request)
        bucket, key = source_of(request)
        if not self._store.rows("SELECT 1 FROM buckets WHERE name = ?", bucket):
            raise no_such_bucket(bucket)
        thing = self._objects.find(bucket, key)
        check_conditions(request.headers, thing, "x-oss-copy-source-")
        request.headers["range"] = request.headers.get("x-oss-copy-source-range", "")
        first, length = span(request, thing.blob.size) or (0, thing.blob.size)
        with self._store.path(thing.blob).open("rb") as stream:
            stream.seek(first)
            blob = self._store.write(_blocks(stream, length))
        self._keep(request, number, blob)
        return answer(
            "CopyPartResult",
            element("LastModified", iso_date(time.time())),
            element("ETag", f'"{blob.md5}"'),
            ETag=f'"{blob.md5}"',
        )

    def complete(self, request: Request) -> Response:
        """Make the object of the parts that the client names, or of all."""
        order = request.body.read()
        with self._store.lock:
            headers = self._check(request)
            self._objects.check_overwrite(request)
            parts = self._parts(request)
            if request.headers.get("x-oss-complete-all", "").lower() == "yes":
                chosen = list(parts.values())
            else:
                chosen = self._chosen(order, parts)
            if not chosen or any(blob.size < _SMALLEST for blob in chosen[:-1]):
                message = "Your proposed upload smaller than the minimum allowed size."
                raise OssError(400, "EntityTooSmall", message)
            crc = 0
            for blob in chosen:
                crc = combine(crc, blob.crc, blob.size)
            digests = b"".join(bytes.fromhex(blob.md5) for blob in chosen)
            md5 = hashlib.md5(digests, usedforsecurity=False).hexdigest().upper()
            etag = f"{md5}-{len(chosen)}"
            joined = self._store.join(chosen, md5, crc)
            thing = StoredObject(request.key, joined, etag, "Multipart", headers=headers)
            self._store.put(request.bucket, thing)
            self._forget(request, parts)
        result = answer(
            "CompleteMultipartUploadResult",
            *encoding(request),
            element("Location", f"http://{request.host}/{request.bucket}/{request.key}"),
            element("Bucket", request.bucket),
            element("Key", name_writer(request)(request.key)),
            element("ETag", f'"{etag}"'),
        )
        result.headers |= {CRC: str(crc), "ETag": f'"{etag}"'}
        return result

    def abort(self, request: Request) -> Response:
        """Forget an upload and its parts."""
        with self._store.lock:
            self._check(request)
            self._forget(request, self._parts(request))
        return Response(204)

    def list_parts(self, request: Request) -> Response:
        """List the parts of an upload, page by page."""
        self._check(request)
        limit = count(request, "max-parts", 1000)
        marker = int(request.get("part-number-marker") or 0)
        rows = self._store.rows(
            "SELECT number, size, md5, crc, modified FROM parts WHERE upload = ? AND number > ? "
            "ORDER BY number LIMIT ?",
            request.get("uploadId"),
            marker,
            limit + 1,
        )
        more, rows = len(rows) > limit, rows[:limit]
        parts = [
            element(
                "Part",
                [
                    element("PartNumber", number),
                    element("LastModified", iso_date(modified)),
                    element("ETag", f'"{md5}"'),
                    element("HashCrc64ecma", crc),
                    element("Size", size),
                ],
            )
            for number, size, md5, crc, modified in rows
        ]
        facts = [
            element("Bucket", request.bucket),
            element("Key", name_writer(request)(request.key)),
            element("UploadId", request.get("uploadId")),
            element("StorageClass", "Standard"),
            element("PartNumberMarker", marker),
            element("NextPartNumberMarker", rows[-1][0] if rows else marker),
            element("MaxParts", limit),
            element("IsTruncated", str(more).lower()),
        ]
        return answer("ListPartsResult", *encoding(request), *facts, *parts)

    def list_all(self, request: Request) -> Response:
        """List the uploads that are under way in a bucket, page by page; a delimiter draws nothing together."""
        limit = count(request, "max-uploads", 1000)
        prefix = request.get("prefix").encode()
        marker, after = request.get("key-marker").encode(), request.get("upload-id-marker")
        # Without the second marker all uploads of the first one's key were told already.
        rows = self._store.rows(
            "SELECT key, id, made FROM uploads WHERE bucket = ? AND substr(key, 1, ?) = ? AND "
            "(key > ? OR (key = ? AND ? <> '' AND id > ?)) ORDER BY key, id LIMIT ?",
            request.bucket,
            len(prefix),
            prefix,
            marker,
            marker,
            after,
            after,
            limit + 1,
        )
        more, rows = len(rows) > limit, rows[:limit]
        name = name_writer(request)
        uploads = [
            element(
                "Upload",
                [
                    element("Key", name(key.decode())),
                    element("UploadId", upload),
                    element("StorageClass", "Standard"),
                    element("Initiated", iso_date(made)),
                ],
            )
            for key, upload, made in rows
        ]
        facts = [
            element("Bucket", request.bucket),
            element("Prefix", name(prefix.decode())),
            element("KeyMarker", name(marker.decode())),
            element("UploadIdMarker", after),
            element("NextKeyMarker", name(rows[-1][0].decode()) if more else ""),
            element("NextUploadIdMarker", rows[-1][1] if more else ""),
            element("MaxUploads", limit),
            element("IsTruncated", str(more).lower()),
        ]
        return answer("ListMultipartUploadsResult", *encoding(request), *facts, *uploads)

    def _check(self, request: Request) -> dict[str, str]:
        """Return the headers that the object will have."""
        found = self._store.rows(
            "SELECT headers FROM uploads WHERE id = ? AND bucket = ? AND key = ?",
            request.get("uploadId"),
            request.bucket,
            request.key.encode(),
        )
        if not found:
            raise no_such_upload(request.get("uploadId"))
        headers: dict[str, str] = json.loads(found[0][0])
        return headers

    @staticmethod
    def _number(request: Request) -> int:
        given = request.get("partNumber")
        if not given.isdigit() or not 0 < int(given) <= _MOST_PARTS:
            message = f"Part number must be an integer between 1 and {_MOST_PARTS}, inclusive."
            raise OssError(400, "InvalidArgument", message)
        return int(given)

    def _keep(self, request: Request, number: int, blob: Blob) -> None:
        with self._store.transaction():
            try:
                # It may have been aborted or completed while the bytes came.
                self._check(request)
            except OssError:
                self._store.remove(blob)
                raise
            old = self._parts(request).get(number)
            self._store.rows(
                "REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?, ?)",
                request.get("uploadId"),
                number,
                blob.file,
                blob.size,
                blob.md5,
                str(blob.crc),
                time.time(),
            )
        if old:
            self._store.remove(old)

    def _parts(self, request: Request) -> dict[int, Blob]:
        rows = self._store.rows(
            "SELECT number, file, size, md5, crc FROM parts WHERE upload = ? ORDER BY number",
            request.get("uploadId"),
        )
        return {number: Blob(file, size, md5, int(crc)) for number, file, size, md5, crc in rows}

    @staticmethod
    def _chosen(order: bytes, parts: dict[int, Blob]) -> list[Blob]:
        chosen: list[Blob] = []
        last = 0
        for part in parse(order).findall("Part"):
            number, etag = int(text(part, "PartNumber", "0")), text(part, "ETag").strip('"')
            if number <= last:
                message = "The list of parts was not in ascending order."
                raise OssError(400, "InvalidPartOrder", message)
            blob, last = parts.get(number), number
            if blob is None or blob.md5 != etag.upper():
                message = (
                    "One or more of the specified parts could not be found or the specified "
                    "entity tag might not have matched the part's entity tag."
                )
                fields = {"PartNumber": str(number)}
                raise OssError(400, "InvalidPart", message, fields=fields)
            chosen.append(blob)
        return chosen

    def _forget(self, request: Request, parts: dict[int, Blob]) -> None:
        upload = request.get("uploadId")
        with self._store.transaction():
            self._store.rows("DELETE FROM uploads WHERE id = ?", upload)
            self._store.rows("DELETE FROM parts WHERE upload = ?", upload)
        self._store.remove(*parts.values())


def _blocks(stream: IO[Any], length: int) -> Iterator[bytes]:
    while length and (block := stream.read(min(1 << 20, length))):
        length -= len(block)
        yield block
