"""What the OpenID provider offers to a test."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from mlflow_plugin_servers.browser import Browser
from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.identity import (
    AUTHENTICATIONS,
    DEVICE_CODE,
    TOKEN_EXCHANGE,
    Client,
    User,
    call,
    new_key,
    token_by_secret,
)
from mlflow_plugin_servers.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlflow_plugin_servers.certificates import Authority
    from mlflow_plugin_servers.local import LocalServer

__all__ = ["OidcServer", "Request"]

_CONTROL_USER = "control"
_PEOPLE = ("authorization_code", "refresh_token", DEVICE_CODE)
_PROGRAMS = ("client_credentials", TOKEN_EXCHANGE)


@dataclass(frozen=True)
class Request:
    """One request that the provider got.

    Attributes:
        at: When, in seconds of the epoch.
        method: The verb.
        path: Such as `/token`.
        status: What it was answered with; None when the connection was reset, or is still waiting.
        grant_type: What was asked of the token endpoint.
        client_id: Who asked, as far as it was said.
    """

    at: float
    method: str
    path: str
    status: int | None
    grant_type: str | None = None
    client_id: str | None = None


class OidcServer(Server):
    """A provider with two issuers, one by http and one by https, which share clients, users and keys."""

    name = "oidc"

    def __init__(
        self,
        uri: str,
        token: str,
        authority: Authority | None = None,
        local: LocalServer | None = None,
    ) -> None:
        """Describe a provider.

        Args:
            uri: The issuer by http.
            token: What opens its control.
            authority: What signed its certificate, when it was started here.
            local: The process, when it was started here.

        Raises:
            OSError: It does not answer.
            RuntimeError: The token is wrong.
        """
        super().__init__(local)
        self._uri = uri
        self._token = token
        self._authority = authority
        about = self._control("GET", "about")
        self._https_uri: str = about["issuers"][1]
        self._authority_pem: str = about["authority"]
        self._audience: str = about["settings"]["audience"]

    @classmethod
    def at(cls, uri: str) -> OidcServer:
        """Take one that runs already.

        Args:
            uri: What `python -m mlflow_plugin_servers oidc` shows as its control; the password in it opens it.

        Returns:
            The server.

        Raises:
            ServerUnavailableError: The URI cannot be read, or the provider does not answer.
        """
        parts = urlsplit(uri)
        if not (parts.hostname and parts.port and parts.password):
            message = "the URI must have the form http://control:token@host:port"
            raise ServerUnavailableError(message)
        issuer = f"http://{parts.hostname}:{parts.port}"
        try:
            return cls(issuer, parts.password)
        except (OSError, RuntimeError) as error:
            message = f"oidc at {parts.hostname}:{parts.port} does not answer: {error}"
            raise ServerUnavailableError(message) from None

    @property
    def uri(self) -> str:
        """The issuer by http."""
        return self._uri

    @property
    def https_uri(self) -> str:
        """The issuer by https, which asks for a client's certificate and does not insist."""
        return self._https_uri

    @property
    def port(self) -> int:
        """The port of http."""
        return urlsplit(self._uri).port or 80

    @property
    def authority(self) -> str:
        """PEM of the authority that `https_uri` is signed by."""
        return self._authority_pem

    @property
    def audience(self) -> str:
        """The audience of an access token that is asked for without a resource."""
        return self._audience

    def facts(self) -> dict[str, str]:
        """Tell a person what there is to know; see the base class."""
        where = urlsplit(self._uri).netloc
        return {
            "issuer": self._uri,
            "issuer by https": self._https_uri,
            "authority": str(self.log_path.parent / "authority.pem") if self.managed else "",
            "control": f"http://{_CONTROL_USER}:{self._token}@{where}",
        }

    def create_client(
        self,
        authentication: str = "client_secret_basic",
        *,
        client_id: str | None = None,
        grants: Sequence[str] | None = None,
        **metadata: Any,
    ) -> Client:
        """Make a client.

        Args:
            authentication: How it proves who it is; one of `identity.AUTHENTICATIONS`.
            client_id: Its name; a new one by default.
            grants: The grants that it may use; by default all that fit.
            metadata: More of its metadata, as in RFC 7591: `dpop_bound_access_tokens`, `scope`,
                `tls_client_certificate_bound_access_tokens`, … Besides: `access_token_seconds`,
                `refresh_token_seconds`, and `token_claims` (put into its access tokens).

        Returns:
            The client.

        Raises:
            ValueError: There is no such authentication.
            RuntimeError: The provider does not like its metadata; the message says why.
        """
        if authentication not in AUTHENTICATIONS:
            message = f"authentication is one of {', '.join(AUTHENTICATIONS)}"
            raise ValueError(message)
        client_id = client_id or f"client-{secrets.token_hex(4)}"
        facts: dict[str, Any] = {"redirect_uri": "http://127.0.0.1/callback"}
        proof: dict[str, Any] = {}
        if authentication.startswith("client_secret"):
            facts["client_secret"] = proof["client_secret"] = secrets.token_hex(32)
        elif authentication == "private_key_jwt":
            facts["private_key"], key = new_key(f"{client_id}-key")
            facts["key_id"] = key["kid"]
            proof["jwks"] = {"keys": [key]}
        elif authentication == "tls_client_auth":
            name = f"{client_id}.clients.test"
            facts["certificate"] = self._issuing().issue(name)
            proof["tls_client_auth_san_dns"] = name
        allowed = grants or (_PEOPLE if authentication == "none" else _PEOPLE + _PROGRAMS)
        wishes = {
            "client_id": client_id,
            "token_endpoint_auth_method": authentication,
            # Such a client may be sent back to any port of loopback (RFC 8252).
            "application_type": "native",
            "redirect_uris": [facts["redirect_uri"]],
            "response_types": ["code"] if "authorization_code" in allowed else [],
            "grant_types": list(allowed),
            **proof,
            **metadata,
        }
        self._control("POST", "clients", wishes)
        return Client(client_id, authentication, **facts)

    def remove_client(self, client: Client) -> None:
        """Remove a client; its tokens are good until they expire.

        Args:
            client: The client.
        """
        self._control("DELETE", "clients", {"client_id": client.client_id})

    def create_user(self, name: str | None = None, **claims: Any) -> User:
        """Make a user.

        Args:
            name: What becomes `sub`; a new one by default.
            claims: What the scopes `email`, `profile` and `groups` show: `email`, `name`, `groups`, …

        Returns:
            The user.
        """
        user = User(name or f"user-{secrets.token_hex(4)}", secrets.token_hex(12))
        wishes = {"name": user.name, "password": user.password, "claims": claims}
        self._control("POST", "users", wishes)
        return user

    def remove_user(self, user: User) -> None:
        """Remove a user, whose sessions and refresh tokens are worth nothing then.

        Args:
            user: The user.
        """
        self._control("DELETE", "users", {"name": user.name})

    def token(self, client: Client, **parameters: str) -> dict[str, Any]:
        """Get an access token by client credentials.

        Args:
            client: A client with a secret.
            parameters: More of the request, such as `scope` and `resource`.

        Returns:
            The answer of the token endpoint.

        Raises:
            RuntimeError: The answer is an error.
        """
        form = {"grant_type": "client_credentials", **parameters}
        return token_by_secret(f"{self._uri}/token", client, form)

    def user_token(
        self, user: User, client: Client, *, scope: str = "openid", **parameters: str
    ) -> dict[str, Any]:
        """Get the tokens of a user, who signs in and consents: an authorization code with PKCE.

        Args:
            user: Who.
            client: A client with a secret or without.
            scope: What the client asks for.
            parameters: More of both requests. With `resource` the access token is a JWT for that audience, which
                holds the user's groups; without it, and with `openid` in the scope, it is for the provider alone.

        Returns:
            The answer of the token endpoint.

        Raises:
            LoginError: The login fails.
            RuntimeError: The answer is an error.
        """
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": client.redirect_uri,
            "scope": scope,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"),
            "code_challenge_method": "S256",
            **parameters,
        }
        arrived = self.browser().sign_in(f"{self._uri}/auth?{urlencode(query)}", user)
        form = {
            "grant_type": "authorization_code",
            "code": parse_qs(urlsplit(arrived).query).get("code", [""])[0],
            "redirect_uri": client.redirect_uri,
            "code_verifier": verifier,
            **parameters,
        }
        return token_by_secret(f"{self._uri}/token", client, form)

    def browser(self) -> Browser:
        """Begin a person's session, which trusts `authority`.

        Returns:
            A browser without cookies.
        """
        return Browser(self._authority_pem)

    def requests(
        self, path: str | None = "/token", *, client: Client | None = None
    ) -> list[Request]:
        """List the requests that came in, the newest last; 10,000 are kept.

        Args:
            path: Where they went; None for all.
            client: Who sent them; None for all.

        Returns:
            The requests.
        """
        found = [Request(**each) for each in self._control("GET", "requests")]
        return [
            each
            for each in found
            if path in {None, each.path} and (client is None or each.client_id == client.client_id)
        ]

    def forget_requests(self) -> None:
        """Begin to count anew."""
        self._control("DELETE", "requests")

    @contextlib.contextmanager
    def failing(
        self,
        path: str = "/token",
        *,
        status: int | None = None,
        delay: float = 0.0,
        reset: bool = False,
        times: int | None = None,
        headers: dict[str, str] | None = None,
        body: str | None = None,
    ) -> Iterator[None]:
        """Make an endpoint fail, or answer late.

        Args:
            path: Which one, such as `/token`, `/jwks` or `/.well-known/openid-configuration`.
            status: What it answers, such as 503 or 429; None for the real answer.
            delay: Seconds before it answers.
            reset: Whether the connection is reset instead.
            times: How many requests this happens to; all by default.
            headers: Headers of the answer, such as Retry-After.
            body: The answer; a JSON object with `error` by default.

        Yields:
            Nothing. At the end all failures are taken back.
        """
        fault = {
            "path": path,
            "status": status,
            "delay": delay,
            "reset": reset,
            "times": times,
            "headers": headers or {},
            "body": body,
        }
        self._control("POST", "faults", {k: v for k, v in fault.items() if v is not None})
        try:
            yield
        finally:
            self._control("DELETE", "faults")

    def rotate_keys(self, *, keep: bool = True) -> None:
        """Sign with new keys from now on.

        Args:
            keep: Whether the old ones stay in the JWKS, so that tokens signed before are still accepted.
        """
        self._control("POST", "keys", {"keep": keep})

    def _issuing(self) -> Authority:
        if self._authority is None:
            message = "only a provider that was started here can sign the certificate of a client"
            raise ServerUnavailableError(message)
        return self._authority

    def _control(self, method: str, name: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"}
        return call(method, f"{self._uri}/_test/{name}", body=body, headers=headers)
