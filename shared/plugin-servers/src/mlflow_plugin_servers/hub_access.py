"""Who asks, and what he may: tokens, roles, and links that carry their own right."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import TYPE_CHECKING, NamedTuple

from mlflow_plugin_servers.hub_errors import HubError, no_such_repo

if TYPE_CHECKING:
    from mlflow_plugin_servers.hub_http import Request
    from mlflow_plugin_servers.hub_store import Store

__all__ = ["Access", "User"]

_LINK_LIFETIME = 3600


class User(NamedTuple):
    """Who asks.

    Attributes:
        name: Empty for nobody.
        role: `read` or `write`; empty for nobody.
    """

    name: str
    role: str


class Access:
    """Checks tokens; makes and checks links."""

    def __init__(self, store: Store, secret: str) -> None:
        """Begin.

        Args:
            store: Where the tokens are.
            secret: What links and the tokens of the content store are signed with.
        """
        self._store = store
        self._secret = secret.encode()
        self.lifetime = float(_LINK_LIFETIME)

    def user(self, request: Request) -> User:
        """Find out who asks.

        Raises:
            HubError: The token is none of ours, or was taken back.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return User("", "")
        found = self._store.rows("SELECT user, role FROM tokens WHERE token = ?", token)
        if not found:
            raise HubError(401, "Invalid credentials in Authorization header")
        return User(*found[0])

    def require(self, user: User, kind: str, repo: str, *, write: bool = False) -> None:
        """Check that somebody may use a repository.

        Args:
            user: Who asks.
            kind: model, dataset, space or bucket.
            repo: Its id.
            write: Whether it is to be changed.

        Raises:
            HubError: There is none, or he may not.
        """
        found = self._store.rows("SELECT private FROM repos WHERE kind = ? AND id = ?", kind, repo)
        if not found or (found[0][0] and not user.name):
            raise no_such_repo(anonymous=not user.name)
        if write and not user.name:
            raise HubError(401, "Invalid username or password.")
        if write and user.role != "write":
            message = f"you must use a write token to change {repo}"
            raise HubError(403, message)

    def sign(self, text: str) -> str:
        """Make a right to something that ends by itself.

        Args:
            text: What for.

        Returns:
            When it ends and a signature.
        """
        ends = int(time.time() + self.lifetime)
        return f"{ends}.{self._digest(f'{text}|{ends}')}"

    def check(self, text: str, right: str) -> None:
        """Check such a right.

        Raises:
            HubError: It is for something else, or it has ended.
        """
        ends, _, digest = right.partition(".")
        if not hmac.compare_digest(digest, self._digest(f"{text}|{ends}")):
            raise HubError(403, "AccessDenied: the signature does not match")
        if int(ends) < time.time():
            raise HubError(403, "AccessDenied: the link has expired")

    def content_token(self, scope: str) -> tuple[str, int]:
        """Make a token for the content store.

        Args:
            scope: read or write.

        Returns:
            The token and the second since 1970 at which it ends.
        """
        right = self.sign(f"cas:{scope}")
        return f"xet_{scope}.{right}", int(right.partition(".")[0])

    def check_content(self, request: Request, *, write: bool) -> None:
        """Check a token for the content store.

        Raises:
            HubError: There is none, it has ended, or it may only read.
        """
        token = request.headers.get("authorization", "").partition(" ")[2]
        head, _, right = token.partition(".")
        scope = head.removeprefix("xet_")
        try:
            self.check(f"cas:{scope}", right)
        except (HubError, ValueError) as error:
            raise HubError(401, f"Unauthorized: {error}") from None
        if write and scope != "write":
            raise HubError(403, "Forbidden: this token may only read")

    def _digest(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()
