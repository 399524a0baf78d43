"""Buckets of the Hub server: files by Xet without commits."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from mlflow_plugin_servers.hub_errors import HubError, no_such_entry
from mlflow_plugin_servers.hub_http import json_answer
from mlflow_plugin_servers.hub_repos import iso
from mlflow_plugin_servers.own_http import Response

if TYPE_CHECKING:
    from mlflow_plugin_servers.hub_access import Access, User
    from mlflow_plugin_servers.hub_cas import ContentStore
    from mlflow_plugin_servers.hub_http import Request
    from mlflow_plugin_servers.hub_store import Store

__all__ = ["Buckets"]

_PAGE = 1000
_KIND = "bucket"


class Buckets:
    """What is asked about buckets."""

    def __init__(self, store: Store, access: Access, content: ContentStore) -> None:
        """Serve what a store has."""
        self._store = store
        self._access = access
        self._content = content

    def answer(self, request: Request, user: User) -> Response:  # noqa: PLR0911  (a table of routes)
        """Answer a request below /api/buckets."""
        owner, name, *rest = request.parts[2:]
        bucket = f"{user.name if owner == 'me' else owner}/{name}"
        if not rest and request.method == "POST":
            return self._make(request, user, bucket)
        match request.method, *rest:
            case ("DELETE",):
                self._access.require(user, _KIND, bucket, write=True)
                self._store.rows("DELETE FROM repos WHERE kind = 'bucket' AND id = ?", bucket)
                self._store.rows("DELETE FROM bucket_files WHERE id = ?", bucket)
                return json_answer({})
            case "POST", "batch":
                self._access.require(user, _KIND, bucket, write=True)
                return self._batch(request, bucket)
            case "GET", "xet-write-token":
                self._access.require(user, _KIND, bucket, write=True)
                return self._content.token(request, "write")
        self._access.require(user, _KIND, bucket)
        match request.method, *rest:
            case ("GET",):
                return self._describe(bucket)
            case "GET", "tree", *folder:
                return self._tree(request, bucket, "/".join(folder))
            case "POST", "paths-info":
                return self._paths(request, bucket)
            case "GET", "xet-read-token":
                return self._content.token(request, "read")
        raise HubError(404, f"no such API: {request.path}")

    def resolve(self, request: Request, bucket: str, path: str, user: User) -> Response:
        """Send the link to a file."""
        self._access.require(user, _KIND, bucket)
        found = self._store.rows(
            "SELECT hash, size FROM bucket_files WHERE id = ? AND path = ?", bucket, path
        )
        if not found:
            raise no_such_entry(path, bucket)
        name, size = found[0]
        route = f"{request.base}/api/buckets/{bucket}/xet-read-token"
        headers = {
            "X-Linked-Size": str(size),
            "X-Linked-Etag": f'"{name}"',
            "X-Xet-Hash": name,
            "Link": f'<{route}>; rel="xet-auth"',
            "Location": self._content.link(request.base, name, path.rpartition("/")[2]),
        }
        return Response(302, headers)

    def _make(self, request: Request, user: User, bucket: str) -> Response:
        if user.role != "write":
            raise HubError(403 if user.name else 401, "you must use a write token to make a bucket")
        url = f"{request.base}/buckets/{bucket}"
        private = request.json().get("visibility") == "private"
        with self._store.transaction():
            if self._store.rows("SELECT 1 FROM repos WHERE kind = 'bucket' AND id = ?", bucket):
                return json_answer({"error": "You already created this bucket", "url": url}, 409)
            self._store.rows(
                "INSERT INTO repos VALUES ('bucket', ?, ?, ?)", bucket, private, time.time()
            )
        return json_answer({"url": url, "id": bucket})

    def _describe(self, bucket: str) -> Response:
        private, made = self._store.rows(
            "SELECT private, made FROM repos WHERE kind = 'bucket' AND id = ?", bucket
        )[0]
        count, size = self._store.rows(
            "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM bucket_files WHERE id = ?", bucket
        )[0]
        return json_answer(
            {
                "id": bucket,
                "private": bool(private),
                "createdAt": iso(made),
                "size": size,
                "totalFiles": count,
            }
        )

    def _tree(self, request: Request, bucket: str, prefix: str) -> Response:
        deep = request.get("recursive", "false").lower() == "true"
        head = f"{prefix}/" if prefix else ""
        found: dict[str, dict[str, Any]] = {}
        for row in self._store.rows(
            "SELECT path, hash, size, mtime, made FROM bucket_files WHERE id = ? ORDER BY path", bucket
        ):  # fmt: skip
            path = row[0]
            if not path.startswith(head):
                continue
            names = path.removeprefix(head).split("/")
            for depth in range(1, len(names) if deep else min(2, len(names))):
                folder = head + "/".join(names[:depth])
                found.setdefault(
                    folder, {"type": "directory", "path": folder, "uploadedAt": iso(row[4])}
                )
            if deep or len(names) == 1:
                found[path] = _file(row)
        entries = list(found.values())
        start = int(request.get("cursor", "0"))
        answer = json_answer(entries[start : start + _PAGE])
        if len(entries) > start + _PAGE:
            query = [(name, value) for name, value in request.query if name != "cursor"]
            following = urlencode([*query, ("cursor", str(start + _PAGE))])
            answer.headers["Link"] = f'<{request.base}{request.path}?{following}>; rel="next"'
        return answer

    def _paths(self, request: Request, bucket: str) -> Response:
        entries = [
            _file(row)
            for path in request.json()["paths"]
            for row in self._store.rows(
                "SELECT path, hash, size, mtime, made FROM bucket_files WHERE id = ? AND path = ?", bucket, path
            )
        ]  # fmt: skip
        return json_answer(entries)

    def _batch(self, request: Request, bucket: str) -> Response:
        failed: list[dict[str, str]] = []
        lines = [json.loads(line) for line in request.body.read().splitlines() if line.strip()]
        with self._store.transaction():
            for each in lines:
                path = each["path"]
                if each["type"] == "deleteFile":
                    self._store.rows(
                        "DELETE FROM bucket_files WHERE id = ? AND path = ?", bucket, path
                    )
                    continue
                size = self._content.size(each["xetHash"])
                if size is None:
                    failed.append({"path": path, "error": "no such content"})
                    continue
                self._store.rows(
                    "INSERT OR REPLACE INTO bucket_files VALUES (?, ?, ?, ?, ?, ?)",
                    bucket, path, each["xetHash"], size, each["mtime"] / 1000, time.time(),
                )  # fmt: skip
        done = len(lines) - len(failed)
        answer = {
            "success": not failed,
            "processed": len(lines),
            "succeeded": done,
            "failed": failed,
        }
        return json_answer(answer, 200 if done or not lines else 422)


def _file(row: tuple[Any, ...]) -> dict[str, Any]:
    path, name, size, mtime, made = row
    return {
        "type": "file",
        "path": path,
        "size": size,
        "xetHash": name,
        "mtime": iso(mtime),
        "uploadedAt": iso(made),
    }
