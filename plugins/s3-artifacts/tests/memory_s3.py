"""S3 in memory, as far as the plugin asks: it keeps keys that servers with files cannot keep."""

from __future__ import annotations

import hashlib
import re
import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from front import Asked

_DATE = "2026-01-01T00:00:00.000Z"


@dataclass
class Told:
    """An answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def _error(status: int, code: str) -> Told:
    return Told(status, f"<Error><Code>{code}</Code><Message>m</Message></Error>".encode())


def _xml(root: str, inner: str) -> Told:
    return Told(200, f"<{root}>{inner}</{root}>".encode(), {"Content-Type": "application/xml"})


def _etag(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


class MemoryS3:
    """One bucket, named `bucket`.

    Attributes:
        objects: Content and ETag by key.
        uploads: Parts of unfinished uploads, by id: the key and the parts by number.
        sizes: Those of the parts of each object that came in parts, by key.
        batches: Whether it knows batch deletes.
        page: Entries in one page.
        encrypts: Whether a key of KMS is used without being asked for, so that ETags are no MD5.
    """

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str, int]] = {}
        self.uploads: dict[str, tuple[str, dict[int, bytes]]] = {}
        self.sizes: dict[str, list[int]] = {}
        self.batches = True
        self.page = 1_000
        self.encrypts = False

    def __call__(self, asked: Asked) -> Told:
        """Answer one request."""
        parts = urllib.parse.urlsplit(asked.path)
        query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        bucket, _, key = urllib.parse.unquote(parts.path).lstrip("/").partition("/")
        if bucket != "bucket":
            return _error(404, "NoSuchBucket")
        if not key:
            return self._bucket(asked, query)
        if "uploadId" in query or "uploads" in query:
            return self._upload(asked, key, query)
        return self._object(asked, key, query)

    def _bucket(self, asked: Asked, query: dict[str, str]) -> Told:
        if "uploads" in query:
            found = "".join(
                f"<Upload><Key>{escape(key)}</Key><UploadId>{name}</UploadId>"
                f"<Initiated>{_DATE}</Initiated></Upload>"
                for name, (key, _) in self.uploads.items()
            )
            return _xml("ListMultipartUploadsResult", found + "<IsTruncated>false</IsTruncated>")
        if "delete" in query:
            if not self.batches:
                return _error(501, "NotImplemented")
            for name in re.findall(r"<Key>(.*?)</Key>", asked.body.decode()):
                self.objects.pop(name.replace("&amp;", "&").replace("&lt;", "<"), None)
            return _xml("DeleteResult", "")
        return self._list(query) if "list-type" in query else Told()

    def _list(self, query: dict[str, str]) -> Told:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        after = urllib.parse.unquote(query.get("continuation-token", ""))
        names: dict[str, bool] = {}
        for key in sorted(self.objects):
            if key.startswith(prefix):
                rest = key[len(prefix) :]
                folded = delimiter and delimiter in rest
                names[prefix + rest.partition("/")[0] + "/" if folded else key] = bool(folded)
        wanted = [name for name in names if name > after]
        count = min(self.page, int(query.get("max-keys", 1_000)))
        shown = wanted[:count]
        inner = f"<IsTruncated>{str(len(wanted) > count).lower()}</IsTruncated>"
        if len(wanted) > count:
            token = urllib.parse.quote(shown[-1])
            inner += f"<NextContinuationToken>{token}</NextContinuationToken>"
        for name in shown:
            quoted = urllib.parse.quote(name, safe="/")
            if names[name]:
                inner += f"<CommonPrefixes><Prefix>{quoted}</Prefix></CommonPrefixes>"
            else:
                data, etag, _ = self.objects[name]
                inner += (
                    f"<Contents><Key>{quoted}</Key><Size>{len(data)}</Size>"
                    f"<ETag>&quot;{etag}&quot;</ETag><LastModified>{_DATE}</LastModified>"
                    "</Contents>"
                )
        return _xml("ListBucketResult", f"<EncodingType>url</EncodingType>{inner}")

    def _object(self, asked: Asked, key: str, query: dict[str, str]) -> Told:
        if asked.method == "PUT":
            etag = _etag(b"salt" * self.encrypts + asked.body)
            self.objects[key] = (asked.body, etag, 0)
            told = {"x-amz-server-side-encryption": "aws:kms"} if self.encrypts else {}
            return Told(headers={"ETag": f'"{etag}"', **told})
        if asked.method == "DELETE":
            self.objects.pop(key, None)
            return Told(204)
        if key not in self.objects:
            return _error(404, "NoSuchKey")
        data, etag, part = self.objects[key]
        headers = {name.lower(): value for name, value in asked.headers.items()}
        if headers.get("if-match", f'"{etag}"') != f'"{etag}"':
            return _error(412, "PreconditionFailed")
        told = {"ETag": f'"{etag}"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        if self.encrypts:
            told["x-amz-server-side-encryption"] = "aws:kms"
        if "partNumber" in query:
            sizes = self.sizes.get(key, [part])
            number = int(query["partNumber"])
            data = data[sum(sizes[: number - 1]) :][: sizes[number - 1]]
        if asked.method == "HEAD":
            return Told(200, b"", {**told, "Content-Length": str(len(data))})
        asks = re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("range", ""))
        if asks:
            data = data[int(asks[1]) : int(asks[2]) + 1]
        return Told(206 if asks else 200, data, told)

    def _upload(self, asked: Asked, key: str, query: dict[str, str]) -> Told:
        if "uploads" in query:
            name = f"upload-{len(self.uploads)}"
            self.uploads[name] = (key, {})
            return _xml("InitiateMultipartUploadResult", f"<UploadId>{name}</UploadId>")
        name = query["uploadId"]
        if name not in self.uploads:
            return _error(404, "NoSuchUpload")
        parts = self.uploads[name][1]
        if asked.method == "PUT":
            parts[int(query["partNumber"])] = asked.body
            return Told(headers={"ETag": f'"{_etag(asked.body)}"'})
        if asked.method == "DELETE":
            del self.uploads[name]
            return Told(204)
        if asked.method == "GET":
            inner = "".join(
                f"<Part><PartNumber>{number}</PartNumber><Size>{len(data)}</Size>"
                f"<ETag>&quot;{_etag(data)}&quot;</ETag></Part>"
                for number, data in sorted(parts.items())
            )
            return _xml("ListPartsResult", inner + "<IsTruncated>false</IsTruncated>")
        content = [parts[number] for number in sorted(parts)]
        digests = b"".join(bytes.fromhex(_etag(data)) for data in content)
        etag = f"{_etag(digests)}-{len(content)}"
        self.objects[key] = (b"".join(content), etag, len(content[0]))
        self.sizes[key] = [len(data) for data in content]
        del self.uploads[name]
        return _xml("CompleteMultipartUploadResult", f"<ETag>&quot;{etag}&quot;</ETag>")


__all__ = ["MemoryS3", "Told"]
