"""Repositories of the Hub server: made, described, removed, with branches and tags."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from mlflow_plugin_servers.hub_errors import HubError, no_such_revision
from mlflow_plugin_servers.hub_http import json_answer

if TYPE_CHECKING:
    from mlflow_plugin_servers.hub_access import Access, User
    from mlflow_plugin_servers.hub_git import Git
    from mlflow_plugin_servers.hub_http import Request
    from mlflow_plugin_servers.hub_store import Store
    from mlflow_plugin_servers.own_http import Response

__all__ = ["Repo", "Repos", "iso"]

_ATTRIBUTES = "".join(
    f"*.{suffix} filter=lfs diff=lfs merge=lfs -text\n"
    for suffix in ("7z", "bin", "h5", "model", "onnx", "parquet", "pkl", "pt", "pth", "safetensors", "zip")
)  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}")
_PAGE_SIZE = 1000


def iso(when: float) -> str:
    """Write a time as the Hub does."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(when))


class Repo(NamedTuple):
    """A repository that somebody may use.

    Attributes:
        kind: model, dataset or space.
        id: Owner and name.
    """

    kind: str
    id: str

    @property
    def prefix(self) -> str:
        """What stands before the id in the address of a page."""
        return "" if self.kind == "model" else f"{self.kind}s/"


class Repos:
    """What is asked about whole repositories."""

    def __init__(self, store: Store, git: Git, access: Access) -> None:
        """Serve what a store has."""
        self._store = store
        self._git = git
        self._access = access

    def who(self, user: User) -> Response:
        """Tell a token's owner who he is."""
        if not user.name:
            raise HubError(401, "Invalid username or password.")
        token = {"displayName": "test", "role": user.role}
        auth = {"type": "access_token", "accessToken": token}
        return json_answer({"type": "user", "name": user.name, "orgs": [], "auth": auth})

    def make(self, request: Request, user: User) -> Response:
        """Make a repository; as on the Hub it begins with a commit that brings .gitattributes."""
        wanted = request.json()
        kind = wanted.get("type") or "model"
        repo = Repo(kind, f"{wanted.get('organization') or user.name}/{wanted['name']}")
        if user.role != "write":
            raise HubError(
                403 if user.name else 401, "you must use a write token to make a repository"
            )
        if not _NAME.fullmatch(wanted["name"]):
            raise HubError(400, f"Invalid repo name: {wanted['name']}")
        url = f"{request.base}/{repo.prefix}{repo.id}"
        with self._store.transaction():
            if self._store.rows("SELECT 1 FROM repos WHERE kind = ? AND id = ?", *repo):
                message = f"You already created this {kind} repo"
                return json_answer({"error": message, "url": url}, 409, X_Error_Message=message)
            private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
            self._store.rows("INSERT INTO repos VALUES (?, ?, ?, ?)", *repo, private, time.time())
            blob = self._git.write("blob", _ATTRIBUTES.encode())
            tree = self._git.change("", {".gitattributes": blob})
            first = self._git.commit(tree, "", "initial commit", "", user.name)
            self._store.rows("INSERT INTO refs VALUES (?, ?, 'heads', 'main', ?)", *repo, first)
        return json_answer({"url": url, "name": repo.id, "id": repo.id})

    def remove(self, request: Request, user: User) -> Response:
        """Remove a repository."""
        wanted = request.json()
        repo = Repo(wanted.get("type") or "model", f"{wanted['organization']}/{wanted['name']}")
        self._access.require(user, *repo, write=True)
        with self._store.transaction():
            self._store.rows("DELETE FROM repos WHERE kind = ? AND id = ?", *repo)
            self._store.rows("DELETE FROM refs WHERE kind = ? AND id = ?", *repo)
        return json_answer({})

    def describe(self, request: Request, repo: Repo, revision: str = "main") -> Response:
        """Describe a repository at a revision."""
        commit = self._git.look_up(self.resolve(repo, revision))
        private, made = self._store.rows(
            "SELECT private, made FROM repos WHERE kind = ? AND id = ?", *repo
        )[0]
        files = [
            {"rfilename": each.name}
            for each in self._git.walk(commit.tree, deep=True)
            if not each.is_folder
        ]
        answer: dict[str, Any] = {
            "_id": repo.id,
            "id": repo.id,
            "modelId": repo.id,
            "author": repo.id.partition("/")[0],
            "sha": commit.oid,
            "lastModified": iso(commit.when),
            "createdAt": iso(made),
            "private": bool(private),
            "gated": False,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [],
        }
        if "expand" not in dict(request.query):
            answer["siblings"] = files
        return json_answer(answer)

    def refs(self, repo: Repo) -> Response:
        """List branches and tags."""
        found: dict[str, list[dict[str, str]]] = {"branches": [], "converts": [], "tags": []}
        for space, name, oid in self._store.rows(
            "SELECT space, name, oid FROM refs WHERE kind = ? AND id = ? ORDER BY name", *repo
        ):
            group = "branches" if space == "heads" else "tags"
            found[group].append({"name": name, "ref": f"refs/{space}/{name}", "targetCommit": oid})
        return json_answer(found)

    def branch(self, request: Request, repo: Repo, name: str) -> Response:
        """Make or remove a branch."""
        if request.method == "DELETE":
            self.resolve(repo, name)
            self._set(repo, "heads", name, "")
            return json_answer({})
        start = self.resolve(repo, request.json().get("startingPoint") or "main")
        with self._store.transaction():
            if self._ref(repo, "heads", name):
                raise HubError(409, f"Reference already exists: refs/heads/{name}")
            self._set(repo, "heads", name, start)
        return json_answer({}, 201)

    def tag(self, request: Request, repo: Repo, revision: str) -> Response:
        """Make or remove a tag."""
        if request.method == "DELETE":
            self._set(repo, "tags", revision, "")
            return json_answer({})
        name = request.json()["tag"]
        if self._ref(repo, "tags", name):
            raise HubError(409, f"Tag {name} already exists")
        self._set(repo, "tags", name, self.resolve(repo, revision))
        return json_answer({}, 201)

    def commits(self, request: Request, repo: Repo, revision: str) -> Response:
        """List the commits of a branch, the newest first."""
        skipped = int(request.get("p", "0")) * _PAGE_SIZE
        found = list(self._git.history(self.resolve(repo, revision)))
        page = found[skipped : skipped + _PAGE_SIZE]
        answer = json_answer(
            [
                {
                    "id": each.oid,
                    "title": each.title,
                    "message": each.message,
                    "authors": [{"user": each.author}],
                    "date": iso(each.when),
                }
                for each in page
            ]
        )
        if len(found) > skipped + _PAGE_SIZE:
            following = int(request.get("p", "0")) + 1
            answer.headers["Link"] = f'<{request.base}{request.path}?p={following}>; rel="next"'
        return answer

    def resolve(self, repo: Repo, revision: str) -> str:
        """Find the commit that a branch, a tag or an id stands for.

        Raises:
            HubError: There is none.
        """
        name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        for space in ("heads", "tags"):
            if oid := self._ref(repo, space, name):
                return oid
        found = self._store.rows("SELECT oid FROM commits WHERE oid = ?", revision)
        if not found:
            raise no_such_revision(revision)
        return str(found[0][0])

    def head(self, repo: Repo, branch: str) -> str:
        """Return the newest commit of a branch; empty when there is no such branch."""
        return self._ref(repo, "heads", branch)

    def move(self, repo: Repo, branch: str, oid: str) -> None:
        """Let a branch end with another commit."""
        self._set(repo, "heads", branch, oid)

    def _ref(self, repo: Repo, space: str, name: str) -> str:
        found = self._store.rows(
            "SELECT oid FROM refs WHERE kind = ? AND id = ? AND space = ? AND name = ?",
            *repo, space, name,
        )  # fmt: skip
        return str(found[0][0]) if found else ""

    def _set(self, repo: Repo, space: str, name: str, oid: str) -> None:
        if oid:
            self._store.rows(
                "INSERT OR REPLACE INTO refs VALUES (?, ?, ?, ?, ?)", *repo, space, name, oid
            )
        else:
            self._store.rows(
                "DELETE FROM refs WHERE kind = ? AND id = ? AND space = ? AND name = ?",
                *repo, space, name,
            )  # fmt: skip
