"""Buckets of the OSS server: made, listed, described, removed."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from mlflow_plugin_servers.oss_errors import OssError, no_such_bucket
from mlflow_plugin_servers.oss_listing import count
from mlflow_plugin_servers.oss_objects import OWNER
from mlflow_plugin_servers.oss_xml import answer, element, iso_date, parse, text
from mlflow_plugin_servers.own_http import Response

if TYPE_CHECKING:
    from mlflow_plugin_servers.oss_http import Request
    from mlflow_plugin_servers.oss_store import Store

__all__ = ["Buckets"]

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_ACLS = ("private", "public-read", "public-read-write")


class Buckets:
    """Answers what is asked of a bucket, and of all of them."""

    def __init__(self, store: Store, region: str) -> None:
        """Work on a store.

        Args:
            store: The store.
            region: Where all its buckets are, such as cn-hangzhou.
        """
        self._store = store
        self._region = region

    def check(self, bucket: str) -> None:
        """See that a bucket is there.

        Args:
            bucket: Its name.

        Raises:
            OssError: It is not.
        """
        if not self._store.rows("SELECT 1 FROM buckets WHERE name = ?", bucket):
            raise no_such_bucket(bucket)

    def make(self, request: Request) -> Response:
        """Make a bucket; one's own is made again without harm."""
        name = request.bucket
        if not _NAME.fullmatch(name):
            message = "The specified bucket is not valid."
            raise OssError(400, "InvalidBucketName", message, fields={"BucketName": name})
        body = request.body.read()
        kind = text(parse(body), "StorageClass", "Standard") if body else "Standard"
        self._store.rows(
            "INSERT OR IGNORE INTO buckets VALUES (?, ?, ?, ?)",
            name,
            time.time(),
            self._chosen_acl(request, "private"),
            kind,
        )
        return Response(200, {"Location": f"/{name}"})

    def remove(self, request: Request) -> Response:
        """Remove a bucket that nothing is in."""
        name = request.bucket
        with self._store.transaction():
            self.check(name)
            for table in ("objects", "uploads"):
                if self._store.rows(f"SELECT 1 FROM {table} WHERE bucket = ? LIMIT 1", name):
                    message = "The bucket you tried to delete is not empty."
                    fields = {"BucketName": name}
                    raise OssError(409, "BucketNotEmpty", message, "0015-00000301", fields=fields)
            self._store.rows("DELETE FROM buckets WHERE name = ?", name)
        return Response(204)

    def info(self, request: Request) -> Response:
        """Describe a bucket."""
        name, made, acl, kind = self._store.rows(
            "SELECT name, made, acl, class FROM buckets WHERE name = ?", request.bucket
        )[0]
        own = [
            element("Name", name),
            element("CreationDate", iso_date(made)),
            element("Location", f"oss-{self._region}"),
            element("ExtranetEndpoint", request.host),
            element("IntranetEndpoint", request.host),
            element("StorageClass", kind),
            element("DataRedundancyType", "LRS"),
            element("AccessControlList", [element("Grant", acl)]),
            OWNER,
        ]
        return answer("BucketInfo", element("Bucket", own))

    def location(self, _request: Request) -> Response:
        """Tell where a bucket is."""
        return answer("LocationConstraint", f"oss-{self._region}")

    def stat(self, request: Request) -> Response:
        """Tell how much is in a bucket."""
        (size, objects), (uploads,) = (
            self._store.rows(
                "SELECT COALESCE(SUM(size), 0), COUNT(*) FROM objects WHERE bucket = ?",
                request.bucket,
            )[0],
            self._store.rows("SELECT COUNT(*) FROM uploads WHERE bucket = ?", request.bucket)[0],
        )
        return answer(
            "BucketStat",
            element("Storage", size),
            element("ObjectCount", objects),
            element("MultipartUploadCount", uploads),
        )

    def acl(self, request: Request) -> Response:
        """Tell or set who may read a bucket; it is kept and not acted upon."""
        if request.method == "PUT":
            acl = self._chosen_acl(request, "")
            self._store.rows("UPDATE buckets SET acl = ? WHERE name = ?", acl, request.bucket)
            return Response()
        acl = self._store.rows("SELECT acl FROM buckets WHERE name = ?", request.bucket)[0][0]
        return answer(
            "AccessControlPolicy", OWNER, element("AccessControlList", [element("Grant", acl)])
        )

    def list_all(self, request: Request) -> Response:
        """List the buckets, page by page."""
        limit = count(request, "max-keys", 100)
        prefix, marker = request.get("prefix"), request.get("marker")
        rows = self._store.rows(
            "SELECT name, made, class FROM buckets WHERE name > ? AND substr(name, 1, ?) = ? "
            "ORDER BY name LIMIT ?",
            marker,
            len(prefix),
            prefix,
            limit + 1,
        )
        more, rows = len(rows) > limit, rows[:limit]
        buckets = [
            element(
                "Bucket",
                [
                    element("Name", name),
                    element("CreationDate", iso_date(made)),
                    element("Location", f"oss-{self._region}"),
                    element("Region", self._region),
                    element("ExtranetEndpoint", request.host),
                    element("IntranetEndpoint", request.host),
                    element("StorageClass", kind),
                ],
            )
            for name, made, kind in rows
        ]
        facts = [
            element("Prefix", prefix),
            element("Marker", marker),
            element("MaxKeys", limit),
            element("IsTruncated", str(more).lower()),
            element("NextMarker", rows[-1][0] if more else ""),
            OWNER,
        ]
        return answer("ListAllMyBucketsResult", *facts, element("Buckets", buckets))

    @staticmethod
    def _chosen_acl(request: Request, default: str) -> str:
        acl = request.headers.get("x-oss-acl", default)
        if acl not in _ACLS:
            raise OssError(400, "InvalidArgument", "no such bucket access control exists")
        return acl
