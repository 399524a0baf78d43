"""The Hub server as a process: which request goes where."""

from __future__ import annotations

import hmac
import json
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow_plugin_servers.hub_access import Access
from mlflow_plugin_servers.hub_buckets import Buckets
from mlflow_plugin_servers.hub_cas import ContentStore
from mlflow_plugin_servers.hub_errors import HubError
from mlflow_plugin_servers.hub_faults import Faults
from mlflow_plugin_servers.hub_files import Files
from mlflow_plugin_servers.hub_git import Git
from mlflow_plugin_servers.hub_http import Handler
from mlflow_plugin_servers.hub_repos import Repo, Repos
from mlflow_plugin_servers.hub_store import Store
from mlflow_plugin_servers.own_http import Response, Service

if TYPE_CHECKING:
    from mlflow_plugin_servers.hub_access import User
    from mlflow_plugin_servers.hub_http import Request

__all__ = ["App", "serve"]

_KINDS = {"models": "model", "datasets": "dataset", "spaces": "space"}
_CHANGES = frozenset({"branch", "commit", "preupload", "tag", "xet-write-token"})


class App:
    """The server without its socket."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        """Open the store.

        Args:
            folder: Where the data is.
            settings: `user`, `token`, `read_token`, and `control`, the word that lets one give orders.
        """
        self._store = store = Store(folder)
        self._control = settings["control"]
        self._access = Access(store, settings["control"])
        self._faults = Faults()
        self._git = git = Git(store)
        self._repos = Repos(store, git, self._access)
        # Not the word itself: it stands in addresses.
        self._content = ContentStore(store, self._access, settings["control"][:8])
        self._files = Files(store, git, self._repos, self._access, self._content)
        self._buckets = Buckets(store, self._access, self._content)
        for token, role in ((settings["token"], "write"), (settings["read_token"], "read")):
            self._allow(token, role, settings["user"])

    def answer(self, request: Request) -> Response:
        """Answer a request.

        Args:
            request: The request.

        Returns:
            The answer, an error among them.
        """
        if request.parts[0] == "_control":
            return self._obey(request)
        try:
            late = self._faults.before(request)
            response = self._route(request)
            if late:
                raise late
            self._faults.spoil(request, response)
        except HubError as error:
            response = error.answer()
        self._faults.note(request, response.status)
        return response

    def _route(self, request: Request) -> Response:  # noqa: C901, PLR0911  (a table of routes)
        parts = request.parts
        if parts[0] == "_cas" and parts[1:2] == (self._content.name,):
            return self._content.answer(request)
        if parts[-1] == "telemetry":
            # hf_xet reports how fast it was to the root of the content store's host.
            return Response(204)
        if parts[0] == "_large":
            return self._content.send(request, parts[1])
        if parts[0] == "_upload":
            return self._files.upload(request, parts[1])
        user = self._access.user(request)
        match request.method, *parts:
            case "GET", "api", "whoami-v2":
                return self._repos.who(user)
            case "POST", "api", "repos", "create":
                return self._repos.make(request, user)
            case "DELETE", "api", "repos", "delete":
                return self._repos.remove(request, user)
            case _, "api", "buckets", _, _, *_:
                return self._buckets.answer(request, user)
            case _, "buckets", owner, name, "resolve", *path:
                return self._buckets.resolve(request, f"{owner}/{name}", "/".join(path), user)
            case _, "api", kinds, owner, name, *rest if kinds in _KINDS:
                return self._api(request, user, Repo(_KINDS[kinds], f"{owner}/{name}"), rest)
        return self._pages(request, user)

    def _api(  # noqa: C901, PLR0911  (a table of routes, one to a line)
        self, request: Request, user: User, repo: Repo, rest: list[str]
    ) -> Response:
        action = rest[0] if rest else ""
        self._access.require(user, *repo, write=action in _CHANGES)
        match request.method, *rest:
            case ("GET",):
                return self._repos.describe(request, repo)
            case "GET", "revision", revision:
                return self._repos.describe(request, repo, revision)
            case "GET", "refs":
                return self._repos.refs(repo)
            case "POST" | "DELETE", "branch", name:
                return self._repos.branch(request, repo, name)
            case "POST" | "DELETE", "tag", revision:
                return self._repos.tag(request, repo, revision)
            case "GET", "commits", revision:
                return self._repos.commits(request, repo, revision)
            case "GET", "tree", revision, *path:
                return self._files.tree(request, repo, revision, "/".join(path))
            case "POST", "paths-info", revision:
                return self._files.paths(request, repo, revision)
            case "POST", "preupload", revision:
                return self._files.preupload(request, repo, revision)
            case "POST", "commit", branch:
                return self._files.commit(request, repo, branch, user)
            case "GET", "xet-read-token" | "xet-write-token" as scope, *_:
                return self._content.token(request, scope.split("-")[1])
        raise HubError(404, f"no such API: {request.path}")

    def _pages(self, request: Request, user: User) -> Response:
        kind, parts = _KINDS.get(request.parts[0]), request.parts
        parts = parts[1:] if kind else parts
        match request.method, *parts:
            case "GET" | "HEAD", owner, name, "resolve", revision, *path if path:
                repo = Repo(kind or "model", f"{owner}/{name}")
                self._access.require(user, *repo)
                return self._files.resolve(request, repo, revision, "/".join(path))
            case "POST", owner, name, "info", "lfs", "objects", "batch":
                repo = Repo(kind or "model", f"{owner}/{name.removesuffix('.git')}")
                self._access.require(user, *repo, write=True)
                return self._files.large_batch(request)
        raise HubError(404, f"no such page: {request.path}")

    def _allow(self, token: str, role: str, user: str) -> None:
        self._store.rows("INSERT OR IGNORE INTO tokens VALUES (?, ?, ?)", token, role, user)

    def _obey(self, request: Request) -> Response:
        word = request.headers.get("x-control", "")
        if not hmac.compare_digest(word.encode(), self._control.encode()):
            return Response(403)
        order = request.json()
        result: Any = None
        match request.parts[1]:
            case "fault":
                self._faults.order(order)
            case "heal":
                self._faults.heal()
                self._access.lifetime = 3600.0
            case "lifetime":
                self._access.lifetime = order["seconds"]
            case "allow":
                self._allow(order["token"], order["role"], order["user"])
            case "revoke":
                self._store.rows("DELETE FROM tokens WHERE token = ?", order["token"])
            case "waiting":
                result = self._faults.waiting
            case "requests":
                result = self._faults.asked()
            case _:
                return Response(404)
        return Response(200, {}, json.dumps(result).encode())


def serve(arguments: list[str]) -> None:
    """Run until SIGTERM.

    Args:
        arguments: The folder with `settings.json`, the address and the port.
    """
    folder = Path(arguments[0])
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    app = App(folder, settings)
    try:
        service = Service((arguments[1], int(arguments[2])), Handler, app.answer)
    except OSError as error:
        sys.exit(f"cannot listen on port {arguments[2]}: {error.strerror}")
    # From a thread, for `shutdown` waits for the loop that this handler interrupts.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=service.shutdown).start())
    service.serve_forever(poll_interval=0.1)
