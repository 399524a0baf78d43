"""The Hub as tests see it: its repositories, its tokens, and what it does wrong on command."""

from __future__ import annotations

import contextlib
import http
import http.client
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.own_server import OrderedServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow_plugin_servers.local import LocalServer

__all__ = ["HubRepo", "HubServer"]


@dataclass(frozen=True)
class HubRepo:
    """A repository or bucket and all that a client needs to use it.

    Attributes:
        endpoint: URL of the Hub.
        token: A token that may read and write.
        id: Owner and name.
        kind: model, dataset, space or bucket.
    """

    endpoint: str
    token: str
    id: str
    kind: str = "model"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that Hugging Face's clients read."""
        return {"HF_ENDPOINT": self.endpoint, "HF_TOKEN": self.token}


class HubServer(OrderedServer):
    """A server of the Hub's API.

    Attributes:
        endpoint: Its URL.
        token: A token that may read and write.
        user: Whose it is.
    """

    name = "hub"

    def __init__(
        self,
        endpoint: str,
        token: str,
        local: LocalServer | None = None,
        *,
        user: str = "",
        read_token: str = "",
        control: str = "",
    ) -> None:
        """Describe it.

        Args:
            endpoint: Its URL.
            token: A token that may read and write.
            local: Its process, when it was started here.
            user: Whose the token is.
            read_token: A token that may only read.
            control: The word that lets one give it orders.
        """
        super().__init__(local, control)
        self.endpoint = endpoint
        self.token = token
        self.user = user
        self.read_token = read_token

    @classmethod
    def at(cls, uri: str) -> HubServer:
        """Take the Hub itself, or a server of its API that is there already.

        Args:
            uri: `https://TOKEN@huggingface.co`; the token must be allowed to make repositories.

        Returns:
            The server.

        Raises:
            ServerUnavailableError: The URI cannot be read, or the service does not take this token.
        """
        parts = urlsplit(uri)
        if not parts.username or not parts.hostname:
            message = "the URI of a Hub has the form https://TOKEN@HOST"
            raise ServerUnavailableError(message)
        port = f":{parts.port}" if parts.port else ""
        server = cls(f"{parts.scheme}://{parts.hostname}{port}", parts.username)
        status, answer = server._request("GET", "/api/whoami-v2")
        if status != http.HTTPStatus.OK:
            message = f"the Hub at {server.endpoint} does not take this token: {status}"
            raise ServerUnavailableError(message)
        server.user = answer["name"]
        return server

    @property
    def uri(self) -> str:
        """The endpoint."""
        return self.endpoint

    def facts(self) -> dict[str, str]:
        """Tell what there is to know; see the base class."""
        return {
            "endpoint": self.endpoint,
            "user": self.user,
            "token": self.token,
            "read-only token": self.read_token,
        }

    @property
    def environment(self) -> dict[str, str]:
        """The variables that Hugging Face's clients read."""
        return {"HF_ENDPOINT": self.endpoint, "HF_TOKEN": self.token}

    def problem(self) -> str:
        """Ask whether it answers its token.

        Returns:
            What is wrong; empty when it answers.
        """
        try:
            status, _ = self._request("GET", "/api/whoami-v2")
        except (OSError, http.client.HTTPException, ValueError) as error:
            return str(error) or type(error).__name__
        return "" if status == http.HTTPStatus.OK else f"answers {status}"

    @contextlib.contextmanager
    def fresh_repo(self, kind: str = "model", *, private: bool = True) -> Iterator[HubRepo]:
        """Lend a new repository or bucket, which is removed afterwards.

        A server that an earlier test left stopped, or told to fail, is put right first.

        Args:
            kind: model, dataset, space or bucket.
            private: Whether only its owner sees it.

        Yields:
            The repository. It has one branch, `main`, with one commit.
        """
        name = f"mlflow-test-{secrets.token_hex(8)}"
        repo = HubRepo(self.endpoint, self.token, f"{self.user}/{name}", kind)
        self._put_right()
        visibility = "private" if private else "public"
        if kind == "bucket":
            self._ask("POST", f"/api/buckets/{repo.id}", {"visibility": visibility})
        else:
            wanted = {"type": kind, "name": name, "visibility": visibility}
            self._ask("POST", "/api/repos/create", {**wanted, "sdk": "static"})
        try:
            yield repo
        finally:
            self._put_right()
            if kind == "bucket":
                self._request("DELETE", f"/api/buckets/{repo.id}")
            else:
                wanted = {"type": kind, "organization": self.user, "name": name}
                self._request("DELETE", "/api/repos/delete", wanted)

    def fail(
        self,
        status: int = 503,
        *,
        times: int = 1,
        retry_after: int | None = None,
        after: bool = False,
        message: str = "",
        method: str = "",
        path: str = "",
    ) -> None:
        """Answer the next requests with an error.

        Args:
            status: Such as 503, 429, 409 or 412.
            times: How many of them.
            retry_after: Seconds that the client is told to wait.
            after: Whether the request is carried out all the same, as when the answer is lost on its way.
            message: What the Hub says; by default what it says with this status.
            method: Only requests of this kind.
            path: Only requests with this in their path, such as `/commit/`, `/_cas/` or `/preupload/`.
        """
        self._tell(
            "fault",
            kind="fail",
            status=status,
            times=times,
            retry_after=retry_after,
            after=after,
            message=message,
            method=method,
            path=path,
        )

    def corrupt(self, *, times: int = 1, method: str = "GET", path: str = "") -> None:
        """Change a byte in the next large files or xorbs that are sent.

        Args:
            times: How many of them.
            method: Only answers to requests of this kind.
            path: Only requests with this in their path: `/xorb/` for Xet, `/_large/` for whole files.
        """
        self._tell("fault", kind="corrupt", times=times, method=method, path=path)

    def delay(
        self, seconds: float, *, times: int = 1_000_000, method: str = "", path: str = ""
    ) -> None:
        """Think for a while before each answer. `tcp_proxy` makes the line itself slow.

        Args:
            seconds: How long.
            times: How many requests it concerns.
            method: Only requests of this kind.
            path: Only requests with this in their path.
        """
        self._tell("fault", kind="delay", seconds=seconds, times=times, method=method, path=path)

    def set_lifetime(self, seconds: float) -> None:
        """Let links and tokens of the content store end this long after they are made.

        Args:
            seconds: How long; negative for such as have ended when they are made.
        """
        self._tell("lifetime", seconds=seconds)

    def requests(self) -> list[dict[str, Any]]:
        """Hand over what it was asked since this was called last.

        Returns:
            For each request `method`, `path`, `query`, `headers` without the token, `authorized` and the `status` that
            was answered; the last 10,000 at most.
        """
        asked: list[dict[str, Any]] = self._tell("requests")
        return asked

    def waiting(self) -> int:
        """Count the requests whose answers are delayed at this moment, and which are not carried out yet."""
        return int(self._tell("waiting"))

    def new_token(self, role: str = "write") -> str:
        """Make a further token of its user.

        Args:
            role: `write` or `read`.

        Returns:
            The token.
        """
        token = f"hf_{secrets.token_hex(17)}"
        self._tell("allow", token=token, role=role, user=self.user)
        return token

    def revoke(self, token: str) -> None:
        """Take a token back, as when it expires."""
        self._tell("revoke", token=token)

    def _ask(self, method: str, path: str, body: dict[str, Any]) -> None:
        status, answer = self._request(method, path, body)
        if status >= http.HTTPStatus.BAD_REQUEST:
            message = f"{method} {path}: {status} {answer}"
            raise ValueError(message)

    def _request(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        return self._send(method, path, json.dumps(body or {}), headers)

    def _send(self, method: str, path: str, body: str, headers: dict[str, str]) -> tuple[int, Any]:
        parts = urlsplit(self.endpoint)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        with contextlib.closing(kind(parts.netloc, timeout=30)) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            data = answer.read()
        return answer.status, json.loads(data or b"null")
