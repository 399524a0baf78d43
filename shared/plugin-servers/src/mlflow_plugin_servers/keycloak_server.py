"""What Keycloak offers to a test."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from mlflow_plugin_servers.browser import Browser
from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.identity import Client, call, token_by_secret
from mlflow_plugin_servers.keycloak_node import ADMIN
from mlflow_plugin_servers.keycloak_realm import Realm
from mlflow_plugin_servers.server import Server

if TYPE_CHECKING:
    from mlflow_plugin_servers.certificates import Authority, Certificate
    from mlflow_plugin_servers.local import LocalServer

__all__ = ["KeycloakServer"]

# Keycloak's own tokens for administrators last 60 seconds.
_TOKEN_GOOD_FOR = 30.0


class KeycloakServer(Server):
    """A Keycloak server and its administrator; by http and, when it was started here, by https as well."""

    name = "keycloak"

    def __init__(
        self,
        uri: str,
        password: str,
        *,
        user: str = ADMIN,
        https_uri: str = "",
        authority: Authority | None = None,
        local: LocalServer | None = None,
    ) -> None:
        """Describe a server.

        Args:
            uri: Where it is, without user and path of a realm.
            password: The administrator's password.
            user: The administrator's name.
            https_uri: Where it is by https.
            authority: What signed its certificate, when it was started here.
            local: The process, when it was started here.
        """
        super().__init__(local)
        self._uri = uri
        self._https_uri = https_uri
        self._password = password
        self._user = user
        self._authority = authority
        self._token = ""
        self._token_until = 0.0

    @classmethod
    def at(cls, uri: str) -> KeycloakServer:
        """Take one that runs already.

        Args:
            uri: Of an administrator, such as `http://admin:password@host:8080`, with the path before `/realms`, if
                there is one.

        Returns:
            The server.

        Raises:
            ServerUnavailableError: The URI cannot be read, or the server does not let this administrator in.
        """
        parts = urlsplit(uri)
        if not (parts.scheme in {"http", "https"} and parts.hostname and parts.password):
            message = "the URI must have the form http://admin:password@host:port"
            raise ServerUnavailableError(message)
        netloc = parts.netloc.rpartition("@")[2]
        base = f"{parts.scheme}://{netloc}{parts.path.rstrip('/')}"
        server = cls(base, unquote(parts.password), user=unquote(parts.username or ADMIN))
        try:
            server.admin_token()
        except (OSError, RuntimeError) as error:
            message = f"keycloak at {netloc} does not answer its administrator: {error}"
            raise ServerUnavailableError(message) from None
        return server

    @property
    def uri(self) -> str:
        """Where it is by http (or as it was given); the issuer of a realm is `…/realms/<name>`."""
        return self._uri

    @property
    def https_uri(self) -> str:
        """Where it is by https, which asks for a client's certificate and does not insist; empty for one given."""
        return self._https_uri

    @property
    def port(self) -> int:
        """The port of `uri`."""
        parts = urlsplit(self._uri)
        return parts.port or {"http": 80, "https": 443}[parts.scheme]

    @property
    def authority(self) -> str:
        """PEM of the authority that `https_uri` is signed by; empty for one given."""
        return self._authority.pem if self._authority else ""

    def facts(self) -> dict[str, str]:
        """Tell a person what there is to know; see the base class."""
        scheme, _, where = self._uri.partition("://")
        facts = {
            "address": self._uri,
            "address by https": self._https_uri,
            "administrator": f"{scheme}://{self._user}:{self._password}@{where}",
        }
        if self.managed:
            facts["authority"] = str(self.log_path.parent / "authority.pem")
        return facts

    def admin_token(self) -> str:
        """Get an access token of the administrator, good for at least 30 seconds.

        Returns:
            The token.

        Raises:
            RuntimeError: The server does not let the administrator in.
        """
        if time.monotonic() > self._token_until:
            form = {"grant_type": "password", "username": self._user, "password": self._password}
            endpoint = f"{self._uri}/realms/master/protocol/openid-connect/token"
            answer = token_by_secret(endpoint, Client("admin-cli", "none"), form)
            self._token = answer["access_token"]
            self._token_until = time.monotonic() + min(_TOKEN_GOOD_FOR, answer["expires_in"] / 2)
        return self._token

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """Use the admin REST API.

        Args:
            method: The verb.
            path: What stands behind `/admin/realms`, such as `/my-realm/users`.
            body: Sent as JSON.

        Returns:
            The answer's JSON; where it is empty, the address of what was made, or None.

        Raises:
            RuntimeError: The answer is an error; the message shows it.
        """
        headers = {"Authorization": f"Bearer {self.admin_token()}"}
        return call(method, f"{self._uri}/admin/realms{path}", body=body, headers=headers)

    def create_realm(self, name: str | None = None, **settings: Any) -> Realm:
        """Make a realm with keys of its own, a confidential client and a user.

        Args:
            name: Its name; a new one by default.
            settings: More of its representation, such as `accessTokenLifespan` (seconds) or
                `revokeRefreshToken=True` (a refresh token is then good for one use only).

        Returns:
            The realm.

        Raises:
            RuntimeError: Keycloak does not like it; the message says why.
        """
        name = name or f"realm-{secrets.token_hex(4)}"
        attributes = {"oauth2DevicePollingInterval": "1", **settings.pop("attributes", {})}
        wishes = {"realm": name, "enabled": True, "sslRequired": "none", "attributes": attributes}
        self.admin("POST", "", {**wishes, **settings})
        return Realm(self, name)

    def browser(self) -> Browser:
        """Begin a person's session, which trusts `authority`.

        Returns:
            A browser without cookies.
        """
        return Browser(self.authority or None)

    def issue_certificate(self, common_name: str) -> Certificate:
        """Sign a client's certificate that this server trusts.

        Args:
            common_name: What the subject's CN is.

        Returns:
            The certificate and its key.

        Raises:
            ServerUnavailableError: The server was not started here, and trusts others.
        """
        if self._authority is None:
            message = "only a server that was started here can sign the certificate of a client"
            raise ServerUnavailableError(message)
        # Java refuses a certificate without any name beside the subject.
        return self._authority.issue(f"{common_name}.clients.test", common_name=common_name)

    def change_password(self, password: str) -> None:
        """Give the administrator another password.

        Args:
            password: The new one.
        """
        (user,) = self.admin("GET", f"/master/users?username={self._user}&exact=true")
        wishes = {"type": "password", "value": password, "temporary": False}
        self.admin("PUT", f"/master/users/{user['id']}/reset-password", wishes)
        self._password = password
