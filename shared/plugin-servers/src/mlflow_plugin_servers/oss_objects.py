"""Objects of the OSS server: put, get, head, delete, copy, append, link."""

from __future__ import annotations

import base64
import binascii
import email.utils
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from mlflow_plugin_servers.oss_crc64 import combine
from mlflow_plugin_servers.oss_errors import OssError, no_such_bucket, no_such_key
from mlflow_plugin_servers.oss_store import StoredObject
from mlflow_plugin_servers.oss_xml import answer, element, http_date, iso_date, parse, text
from mlflow_plugin_servers.own_http import Piece, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow_plugin_servers.oss_http import Request
    from mlflow_plugin_servers.oss_store import Blob, Store

__all__ = ["Objects"]

CRC = "x-oss-hash-crc64ecma"
_KEPT = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-oss-storage-class",
    "x-oss-object-acl",
)
_LINKS = 5
_MOST_AT_ONCE = 1000


def kept_headers(request: Request) -> dict[str, str]:
    """Choose the headers that an object keeps.

    Args:
        request: What makes the object.

    Returns:
        By name in small letters.
    """
    own = {
        name: value
        for name, value in request.headers.items()
        if name in _KEPT or name.startswith("x-oss-meta-")
    }
    own.setdefault("content-type", "application/octet-stream")
    return own


def check_md5(request: Request, store: Store, blob: Blob) -> None:
    """Compare what was written with what the client says it sent.

    Args:
        request: The client's request.
        store: Removes the bytes that are wrong.
        blob: What was written.

    Raises:
        OssError: They differ.
    """
    said = request.headers.get("content-md5")
    if not said:
        return
    try:
        right = base64.b64decode(said, validate=True).hex().upper() == blob.md5
    except binascii.Error:
        right = False
    if not right:
        store.remove(blob)
        message = "The Content-MD5 you specified did not match what we received."
        raise OssError(400, "InvalidDigest", message)


def source_of(request: Request) -> tuple[str, str]:
    """Read where a copy is taken from.

    Args:
        request: A request with `x-oss-copy-source`.

    Returns:
        Bucket and key.
    """
    where = unquote(request.headers["x-oss-copy-source"].partition("?")[0]).lstrip("/")
    bucket, _, key = where.partition("/")
    return bucket, key


def check_conditions(headers: Mapping[str, str], thing: StoredObject, prefix: str = "") -> None:
    """See whether a request still wants the object.

    Args:
        headers: The request's headers.
        thing: The object.
        prefix: What stands before the names of the conditions.

    Raises:
        OssError: It does not: 412, or 304 for a plain request that has it already.
    """

    def tags(name: str) -> list[str]:
        return [tag.strip().strip('"') for tag in headers.get(prefix + name, "").split(",") if tag]

    def later(name: str) -> bool | None:
        try:
            when = email.utils.parsedate_to_datetime(headers[prefix + name]).timestamp()
        except (KeyError, ValueError):
            return None
        return int(thing.modified) > int(when)

    wanted, known = tags("if-match"), tags("if-none-match")
    if (wanted and thing.etag not in wanted and "*" not in wanted) or later("if-unmodified-since"):
        message = "At least one of the pre-conditions you specified did not hold."
        raise OssError(412, "PreconditionFailed", message)
    if (known and (thing.etag in known or "*" in known)) or later("if-modified-since") is False:
        facts = {"ETag": f'"{thing.etag}"', "Last-Modified": http_date(thing.modified)}
        message = "The object was not modified."
        raise OssError(304, "NotModified", message, headers=facts)


def span(request: Request, size: int) -> tuple[int, int] | None:
    """Read which bytes are wanted.

    Args:
        request: The request.
        size: Bytes of the object.

    Returns:
        First byte and number of bytes; None for all, which is also the answer of OSS to a range that is out of the
        object's bounds, unless the request asks for the behaviour of the standard.

    Raises:
        OssError: The range is out of bounds and that behaviour was asked for.
    """
    found = re.fullmatch(r"bytes=(\d*)-(\d*)(,.*)?", request.headers.get("range", "").strip())
    if found is None or not (found[1] or found[2]):
        return None
    if found[1]:
        first, last = int(found[1]), int(found[2]) if found[2] else size - 1
    else:
        first, last = size - int(found[2]), size - 1
    if 0 <= first <= last < size:
        return first, last - first + 1
    if request.headers.get("x-oss-range-behavior") != "standard":
        return None
    first, last = max(first, 0), min(last, size - 1)
    if first > last:
        facts = {"Content-Range": f"bytes */{size}"}
        message = "The requested range cannot be satisfied"
        raise OssError(416, "InvalidRange", message, headers=facts)
    return first, last - first + 1


class Objects:
    """Answers what is asked of one object."""

    def __init__(self, store: Store) -> None:
        """Work on a store."""
        self._store = store

    def find(self, bucket: str, key: str) -> StoredObject:
        """Look for an object.

        Args:
            bucket: Name of the bucket.
            key: Name of the object.

        Returns:
            The object.

        Raises:
            OssError: There is none.
        """
        thing = self._store.find(bucket, key)
        if thing is None:
            raise no_such_key(key)
        return thing

    def put(self, request: Request) -> Response:
        """Write an object whole."""
        self.check_overwrite(request)
        blob = self._store.write(request.body.blocks())
        check_md5(request, self._store, blob)
        self.check_overwrite(request)
        thing = StoredObject(request.key, blob, blob.md5, headers=kept_headers(request))
        self._store.put(request.bucket, thing)
        facts = {"Content-MD5": base64.b64encode(bytes.fromhex(blob.md5)).decode()}
        return Response(200, {**facts, "ETag": f'"{blob.md5}"', CRC: str(blob.crc)})

    def check_overwrite(self, request: Request) -> None:
        """Refuse to write over an object when the request forbids it."""
        forbidden = request.headers.get("x-oss-forbid-overwrite", "").lower() == "true"
        if forbidden and self._store.find(request.bucket, request.key):
            message = "The object you specified already exists and can not be overwritten."
            raise OssError(409, "FileAlreadyExists", message)

    def get(self, request: Request) -> Response:
        """Send an object, or what a link leads to; HEAD asks for the same without the bytes."""
        key, link = request.key, None
        for _ in range(_LINKS):
            opened = self._store.open(request.bucket, key)
            if opened is None:
                raise no_such_key(key) if link is None else self._lost(link)
            thing, stream = opened
            if thing.kind != "Symlink":
                break
            stream.close()
            link, key = thing, thing.headers["x-oss-symlink-target"]
        try:
            check_conditions(request.headers, thing)
            part = span(request, thing.blob.size)
        except OssError:
            stream.close()
            raise
        size = thing.blob.size
        first, length = part or (0, size)
        headers = self._headers(thing)
        if part:
            headers["Content-Range"] = f"bytes {first}-{first + length - 1}/{size}"
        for name, value in request.query:
            if name.startswith("response-"):
                headers[name.removeprefix("response-").title()] = value
        headers["Content-Length"] = str(length)
        return Response(206 if part else 200, headers, Piece(stream, first, length))

    def meta(self, request: Request) -> Response:
        """Tell size, ETag and time of an object, and no more."""
        thing = self.find(request.bucket, request.key)
        facts = {"ETag": f'"{thing.etag}"', "Last-Modified": http_date(thing.modified)}
        return Response(
            200, {**facts, CRC: str(thing.blob.crc), "Content-Length": str(thing.blob.size)}
        )

    def delete(self, request: Request) -> Response:
        """Remove an object; that there is none is no error."""
        self._store.delete(request.bucket, request.key)
        return Response(204)

    def copy(self, request: Request) -> Response:
        """Copy an object, with its own headers or with new ones."""
        self.check_overwrite(request)
        bucket, key = source_of(request)
        if not self._store.rows("SELECT 1 FROM buckets WHERE name = ?", bucket):
            raise no_such_bucket(bucket)
        with self._store.lock:
            thing = self.find(bucket, key)
            check_conditions(request.headers, thing, "x-oss-copy-source-")
            replaced = request.headers.get("x-oss-metadata-directive", "").upper() == "REPLACE"
            headers = kept_headers(request) if replaced else thing.headers
            etag = thing.etag if thing.kind == "Normal" else thing.blob.md5
            blob = self._store.twin(thing.blob)
            new = StoredObject(request.key, blob, etag, headers=headers)
            self._store.put(request.bucket, new)
        return answer(
            "CopyObjectResult",
            element("LastModified", iso_date(new.modified)),
            element("ETag", f'"{etag}"'),
            ETag=f'"{etag}"',
        )

    def append(self, request: Request) -> Response:
        """Put bytes behind an object, which must be as long as the client believes."""
        more = self._store.write(request.body.blocks())
        check_md5(request, self._store, more)
        with self._store.lock:
            old = self._store.find(request.bucket, request.key)
            try:
                self._check_position(old, request.get("position"))
            except OssError:
                self._store.remove(more)
                raise
            if old is None:
                headers = kept_headers(request)
                new = StoredObject(request.key, more, more.md5, "Appendable", headers=headers)
            else:
                crc = combine(old.blob.crc, more.crc, more.size)
                blob = self._store.extend(old.blob, more, crc)
                new = StoredObject(request.key, blob, blob.md5, "Appendable", headers=old.headers)
            self._store.put(request.bucket, new)
            if old:
                self._store.remove(more)
        facts = {"x-oss-next-append-position": str(new.blob.size), CRC: str(new.blob.crc)}
        return Response(200, {**facts, "ETag": f'"{new.etag}"'})

    def link(self, request: Request) -> Response:
        """Make a name for another object."""
        self.check_overwrite(request)
        target = unquote(request.headers.get("x-oss-symlink-target", ""))
        blob = self._store.write([])
        headers = {**kept_headers(request), "x-oss-symlink-target": target}
        thing = StoredObject(request.key, blob, blob.md5, "Symlink", headers=headers)
        self._store.put(request.bucket, thing)
        return Response(200, {"ETag": f'"{blob.md5}"'})

    def link_target(self, request: Request) -> Response:
        """Tell which object a link leads to."""
        thing = self.find(request.bucket, request.key)
        if thing.kind != "Symlink":
            message = "The object you specified is not a symlink object."
            raise OssError(400, "NotSymlink", message)
        target = quote(thing.headers["x-oss-symlink-target"], safe="")
        return Response(200, {"ETag": f'"{thing.etag}"', "x-oss-symlink-target": target})

    def acl(self, request: Request) -> Response:
        """Tell or set who may read an object; it is kept and not acted upon."""
        thing = self.find(request.bucket, request.key)
        if request.method == "PUT":
            chosen = request.headers.get("x-oss-object-acl", "default")
            headers = {**thing.headers, "x-oss-object-acl": chosen}
            self._store.put(request.bucket, replace(thing, headers=headers))
            return Response()
        grant = element("Grant", thing.headers.get("x-oss-object-acl", "default"))
        return answer("AccessControlPolicy", OWNER, element("AccessControlList", [grant]))

    def delete_many(self, request: Request) -> Response:
        """Remove up to 1,000 objects."""
        order = parse(request.body.read())
        keys = [text(each, "Key") for each in order.findall("Object")]
        if not 0 < len(keys) <= _MOST_AT_ONCE:
            message = "The XML you provided was not well-formed or did not validate."
            raise OssError(400, "MalformedXML", message)
        escaped = request.get("encoding-type") == "url"
        for key in keys:
            self._store.delete(request.bucket, key)
        if text(order, "Quiet").lower() == "true":
            return answer("DeleteResult")
        deleted = [
            element("Deleted", [element("Key", quote(key, safe="") if escaped else key)])
            for key in keys
        ]
        kind = [element("EncodingType", "url")] if escaped else []
        return answer("DeleteResult", *kind, *deleted)

    @staticmethod
    def _headers(thing: StoredObject) -> dict[str, str]:
        own = {name.title(): value for name, value in thing.headers.items() if name in _KEPT}
        meta = {
            name: value for name, value in thing.headers.items() if name.startswith("x-oss-meta-")
        }
        own.pop("X-Oss-Object-Acl", None)
        own.setdefault("X-Oss-Storage-Class", "Standard")
        if thing.kind == "Appendable":
            own["x-oss-next-append-position"] = str(thing.blob.size)
        if thing.kind == "Normal":
            own["Content-MD5"] = base64.b64encode(bytes.fromhex(thing.blob.md5)).decode()
        return {
            **own,
            **meta,
            "Accept-Ranges": "bytes",
            "ETag": f'"{thing.etag}"',
            "Last-Modified": http_date(thing.modified),
            "x-oss-object-type": thing.kind,
            CRC: str(thing.blob.crc),
        }

    @staticmethod
    def _check_position(old: StoredObject | None, position: str) -> None:
        size = old.blob.size if old else 0
        if old and old.kind != "Appendable":
            message = "The object is not appendable"
            raise OssError(409, "ObjectNotAppendable", message)
        if position != str(size):
            message = "Position is not equal to file length"
            facts = {"x-oss-next-append-position": str(size)}
            raise OssError(409, "PositionNotEqualToLength", message, headers=facts)

    @staticmethod
    def _lost(link: StoredObject) -> OssError:
        message = "The symlink target object does not exist"
        return OssError(404, "SymlinkTargetNotExist", message, fields={"Key": link.key})


OWNER = element("Owner", [element("ID", "1"), element("DisplayName", "1")])
