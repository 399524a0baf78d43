"""Files of the Hub server: listed page by page, described, committed and sent."""

from __future__ import annotations

import base64
import fnmatch
import io
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from mlflow_plugin_servers.hub_errors import HubError, no_such_entry, no_such_revision
from mlflow_plugin_servers.hub_git import pointer, read_pointer
from mlflow_plugin_servers.hub_http import json_answer, ranged
from mlflow_plugin_servers.own_http import Piece, Response

if TYPE_CHECKING:
    from mlflow_plugin_servers.hub_access import Access, User
    from mlflow_plugin_servers.hub_cas import ContentStore
    from mlflow_plugin_servers.hub_git import Entry, Git
    from mlflow_plugin_servers.hub_http import Request
    from mlflow_plugin_servers.hub_repos import Repo, Repos
    from mlflow_plugin_servers.hub_store import Store

__all__ = ["Files"]

_PAGE, _EXPANDED_PAGE = 1000, 50
_MOST_PATHS = 1000
# Text up to this is kept in Git itself.
_REGULAR_LIMIT = 10 << 20


class Files:
    """What is asked about the files of a repository."""

    def __init__(
        self, store: Store, git: Git, repos: Repos, access: Access, content: ContentStore
    ) -> None:
        """Serve what a store has."""
        self._store = store
        self._git = git
        self._repos = repos
        self._access = access
        self._content = content

    def tree(self, request: Request, repo: Repo, revision: str, path: str) -> Response:
        """List a folder, or all that is below it, in pages."""
        commit = self._git.look_up(self._repos.resolve(repo, revision))
        folder = self._git.find(commit.tree, path)
        if folder is None or not folder.is_folder:
            raise no_such_entry(path, revision)
        deep = request.get("recursive", "false").lower() == "true"
        expand = request.get("expand", "false").lower() == "true"
        size = int(request.get("limit") or (_EXPANDED_PAGE if expand else _PAGE))
        start = int(request.get("cursor", "0"))
        found = list(self._git.walk(folder.oid, path, deep=deep))
        page = [self._entry(each) for each in found[start : start + size]]
        answer = json_answer(page)
        if len(found) > start + size:
            query = [(name, value) for name, value in request.query if name != "cursor"]
            # The Hub's cursor is opaque; this one counts.
            following = urlencode([*query, ("cursor", str(start + size))])
            answer.headers["Link"] = f'<{request.base}{request.path}?{following}>; rel="next"'
        return answer

    def paths(self, request: Request, repo: Repo, revision: str) -> Response:
        """Describe paths; those that are not there are left out."""
        commit = self._git.look_up(self._repos.resolve(repo, revision))
        paths = [value for name, value in request.form() if name == "paths"]
        if len(paths) > _MOST_PATHS:
            raise HubError(413, "too many parameters")
        found = ((path.strip("/"), self._git.find(commit.tree, path.strip("/"))) for path in paths)
        return json_answer(
            [self._entry(entry._replace(name=path)) for path, entry in found if entry is not None]
        )

    def preupload(self, request: Request, repo: Repo, revision: str) -> Response:
        """Say for each file whether it goes into Git or beside it, and whether it is there already."""
        wanted = request.json()
        commit = self._git.look_up(self._repos.resolve(repo, revision))
        patterns = self._text(commit.tree, ".gitattributes")
        lfs = [line.split()[0] for line in patterns.splitlines() if "filter=lfs" in line]
        ignored = wanted.get("gitIgnore")
        rules = self._text(commit.tree, ".gitignore") if ignored is None else ignored
        files = []
        for each in wanted["files"]:
            path = each["path"]
            name = path.rpartition("/")[2]
            binary = b"\0" in base64.b64decode(each.get("sample", ""))
            large = binary or each["size"] > _REGULAR_LIMIT or _matches(path, lfs)
            entry = self._git.find(commit.tree, path)
            oid = None if entry is None or entry.is_folder else self._content_id(entry)
            files.append(
                {
                    "path": path,
                    "uploadMode": "lfs" if large else "regular",
                    "shouldIgnore": _matches(path, rules.split()) or name in rules.split(),
                    "oid": oid,
                }
            )
        return json_answer({"files": files})

    def commit(self, request: Request, repo: Repo, branch: str, user: User) -> Response:
        """Make a commit of what is in the body, all of it or nothing."""
        lines = [json.loads(line) for line in request.body.read().splitlines() if line.strip()]
        header = next(each["value"] for each in lines if each["key"] == "header")
        with self._store.transaction():
            head = self._repos.head(repo, branch)
            if not head:
                raise no_such_revision(branch)
            if header.get("parentCommit") not in {None, head}:
                raise HubError(412, "A commit has happened since. Please refresh and try again.")
            old = self._git.look_up(head).tree
            removed = {
                each["value"]["path"].rstrip("/"): each["key"] == "deletedFolder"
                for each in lines
                if each["key"] in {"deletedFile", "deletedFolder"}
            }
            for path, is_folder in removed.items():
                entry = self._git.find(old, path)
                if entry is None or entry.is_folder != is_folder:
                    what = "folder" if is_folder else "file"
                    raise HubError(
                        404, f"A {what} with this name doesn't exist: {path}", "EntryNotFound"
                    )
            tree = self._git.change(old, dict.fromkeys(removed))
            added = {
                each["value"]["path"]: self._blob(each)
                for each in lines
                if each["key"] in {"file", "lfsFile"}
            }
            tree = self._git.change(tree, added)
            title, message = header["summary"], header.get("description", "")
            oid = self._git.commit(tree, head, title, message, user.name)
            self._repos.move(repo, branch, oid)
        url = f"{request.base}/{repo.prefix}{repo.id}/commit/{oid}"
        return json_answer({"success": True, "commitUrl": url, "commitOid": oid, "hookOutput": ""})

    def resolve(self, request: Request, repo: Repo, revision: str, path: str) -> Response:
        """Send a file of Git, or the link to a large one."""
        oid = self._repos.resolve(repo, revision)
        entry = self._git.find(self._git.look_up(oid).tree, path)
        if entry is None or entry.is_folder:
            raise no_such_entry(path, revision)
        data = self._git.read(entry.oid)
        headers = {"X-Repo-Commit": oid, "Content-Type": "application/octet-stream"}
        large = read_pointer(data)
        if large is None:
            headers["ETag"] = f'"{entry.oid}"'
            return _small(request, data, headers)
        sha256, size = large
        route = f"{request.base}/api/{repo.kind}s/{repo.id}/xet-read-token/{oid}"
        headers |= {"X-Linked-Etag": f'"{sha256}"', "X-Linked-Size": str(size)}
        headers["Location"] = self._content.link(request.base, sha256, path.rpartition("/")[2])
        if xet := self._content.xet_hash(sha256):
            headers |= {"X-Xet-Hash": xet, "Link": f'<{route}>; rel="xet-auth"'}
        return Response(302, headers)

    def large_batch(self, request: Request) -> Response:
        """Tell where large files go that do not go by Xet."""
        objects = []
        for each in request.json()["objects"]:
            oid = each["oid"]
            if self._store.rows("SELECT 1 FROM large WHERE sha256 = ?", oid):
                objects.append({"oid": oid, "size": each["size"]})
                continue
            right = self._access.sign(f"put:{oid}")
            href = f"{request.base}/_upload/{oid}?{urlencode({'right': right})}"
            objects.append(
                {"oid": oid, "size": each["size"], "actions": {"upload": {"href": href}}}
            )
        return json_answer({"transfer": "basic", "objects": objects})

    def upload(self, request: Request, oid: str) -> Response:
        """Take a large file by its link."""
        self._access.check(f"put:{oid}", request.get("right"))
        _, size = self._store.write(self._store.large, request.body.blocks(), name=oid)
        self._store.rows("INSERT OR IGNORE INTO large VALUES (?, ?, '')", oid, size)
        return Response(200)

    def _blob(self, line: dict[str, Any]) -> str:
        value = line["value"]
        if line["key"] == "file":
            return self._git.write("blob", base64.b64decode(value["content"]))
        found = self._store.rows("SELECT size FROM large WHERE sha256 = ?", value["oid"])
        if not found:
            message = f"LFS pointer pointed to a file that does not exist: {value['path']}"
            raise HubError(400, message)
        return self._git.write("blob", pointer(value["oid"], found[0][0]))

    def _entry(self, entry: Entry) -> dict[str, Any]:
        if entry.is_folder:
            return {"type": "directory", "oid": entry.oid, "size": 0, "path": entry.name}
        data = self._git.read(entry.oid)
        found: dict[str, Any] = {"type": "file", "oid": entry.oid, "path": entry.name}
        large = read_pointer(data)
        if large is None:
            return {**found, "size": len(data)}
        sha256, size = large
        found |= {"size": size, "lfs": {"oid": sha256, "size": size, "pointerSize": len(data)}}
        if xet := self._content.xet_hash(sha256):
            found["xetHash"] = xet
        return found

    def _content_id(self, entry: Entry) -> str:
        large = read_pointer(self._git.read(entry.oid))
        return large[0] if large else entry.oid

    def _text(self, tree: str, path: str) -> str:
        entry = self._git.find(tree, path)
        return "" if entry is None else self._git.read(entry.oid).decode()


def _small(request: Request, data: bytes, headers: dict[str, str]) -> Response:
    answer = ranged(
        Piece(io.BytesIO(data), 0, len(data)), request.headers.get("range", ""), headers
    )
    if isinstance(answer.body, Piece):
        # Bytes in memory have no file that the system could send by itself.
        answer.body = data[answer.body.start : answer.body.start + answer.body.length]
    return answer


def _matches(path: str, patterns: list[str]) -> bool:
    name = path.rpartition("/")[2]
    return any(
        fnmatch.fnmatchcase(path if "/" in each else name, each.strip("/")) for each in patterns
    )
