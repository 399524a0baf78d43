"""A realm of Keycloak: clients, users and tokens."""

from __future__ import annotations

import json
import secrets
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from mlflow_plugin_servers.identity import AUTHENTICATIONS, Client, User, new_key, token_by_secret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlflow_plugin_servers.keycloak_server import KeycloakServer

__all__ = ["Realm"]

_KINDS = {
    "client_secret_basic": "client-secret",
    "client_secret_post": "client-secret",
    "client_secret_jwt": "client-secret-jwt",
    "private_key_jwt": "client-jwt",
    "tls_client_auth": "client-x509",
    "none": "client-secret",
}


class Realm:
    """A realm; the client and the user that it comes with are made when they are first asked for."""

    def __init__(self, server: KeycloakServer, name: str) -> None:
        """Describe a realm that is there.

        Args:
            server: Where it is.
            name: Its name.
        """
        self.server = server
        self.name = name

    @property
    def issuer(self) -> str:
        """Its issuer by http: `<server>/realms/<name>`."""
        return f"{self.server.uri}/realms/{self.name}"

    @property
    def https_issuer(self) -> str:
        """Its issuer by https."""
        return f"{self.server.https_uri}/realms/{self.name}"

    @property
    def token_endpoint(self) -> str:
        """Where clients get tokens, by http."""
        return self.endpoint("token")

    @cached_property
    def client(self) -> Client:
        """A confidential client with a secret, for all grants."""
        return self.create_client()

    @property
    def client_id(self) -> str:
        """Name of `client`."""
        return self.client.client_id

    @property
    def client_secret(self) -> str:
        """Secret of `client`."""
        return self.client.client_secret

    @cached_property
    def person(self) -> User:
        """A user who may sign in."""
        return self.create_user()

    @property
    def user(self) -> str:
        """Name of `person`."""
        return self.person.name

    @property
    def password(self) -> str:
        """Password of `person`."""
        return self.person.password

    def endpoint(self, name: str, *, secure: bool = False) -> str:
        """Write the address of an endpoint.

        Args:
            name: `token`, `auth`, `auth/device`, `certs`, `userinfo`, `token/introspect`, `revoke`, …
            secure: Whether by https.

        Returns:
            The address.
        """
        return f"{self.https_issuer if secure else self.issuer}/protocol/openid-connect/{name}"

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """Use the admin REST API in this realm.

        Args:
            method: The verb.
            path: What stands behind the realm's name, such as `/users`; empty for the realm itself.
            body: Sent as JSON.

        Returns:
            As `KeycloakServer.admin`.
        """
        return self.server.admin(method, f"/{self.name}{path}", body)

    def create_client(
        self,
        authentication: str = "client_secret_basic",
        *,
        client_id: str | None = None,
        audience: Sequence[str] = (),
        access_token_seconds: int | None = None,
        attributes: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> Client:
        """Make a client that may use each grant that fits: codes, devices, passwords, its own account, exchange.

        Args:
            authentication: How it proves who it is; one of `identity.AUTHENTICATIONS`.
            client_id: Its name; a new one by default.
            audience: Put into `aud` of its access tokens.
            access_token_seconds: How long they last; as the realm says by default.
            attributes: More attributes, such as `tls.client.certificate.bound.access.tokens` or
                `dpop.bound.access.tokens`, which are "true" or "false".
            settings: More of its representation.

        Returns:
            The client.

        Raises:
            ValueError: There is no such authentication.
            RuntimeError: Keycloak does not like it; the message says why.
        """
        if authentication not in AUTHENTICATIONS:
            message = f"authentication is one of {', '.join(AUTHENTICATIONS)}"
            raise ValueError(message)
        client_id = client_id or f"client-{secrets.token_hex(4)}"
        facts, proof, proving = self._proof(authentication, client_id)
        own = {
            "oauth2.device.authorization.grant.enabled": "true",
            "standard.token.exchange.enabled": "false" if authentication == "none" else "true",
            **proving,
        }
        if access_token_seconds is not None:
            own["access.token.lifespan"] = str(access_token_seconds)
        wishes = {
            "clientId": client_id,
            "publicClient": authentication == "none",
            "clientAuthenticatorType": _KINDS[authentication],
            "serviceAccountsEnabled": authentication != "none",
            "standardFlowEnabled": True,
            "directAccessGrantsEnabled": True,
            # On any port: a tool that signs people in listens wherever it can.
            "redirectUris": ["http://127.0.0.1/*"],
            "protocolMappers": [_groups(), *(_audience(each) for each in audience)],
            "attributes": {**own, **(attributes or {})},
            **proof,
            **settings,
        }
        self.admin("POST", "/clients", wishes)
        return Client(client_id, authentication, redirect_uri="http://127.0.0.1/callback", **facts)

    def create_user(
        self,
        name: str | None = None,
        *,
        email: str | None = None,
        groups: Sequence[str] = (),
        **settings: Any,
    ) -> User:
        """Make a user who may sign in at once.

        Args:
            name: Its name; a new one by default.
            email: Its address, which counts as verified.
            groups: Its groups, which are made where they are missing; they are in the claim `groups`.
            settings: More of its representation.

        Returns:
            The user.
        """
        user = User(name or f"user-{secrets.token_hex(4)}", secrets.token_hex(12))
        known = {group["name"] for group in self.admin("GET", "/groups")} if groups else set()
        for group in set(groups) - known:
            self.admin("POST", "/groups", {"name": group})
        wishes = {
            "username": user.name,
            "enabled": True,
            "email": email or f"{user.name}@example.test",
            "emailVerified": True,
            # Without both of them Keycloak asks for them at the first login.
            "firstName": user.name,
            "lastName": "Test",
            "groups": [f"/{group}" for group in groups],
            "credentials": [{"type": "password", "value": user.password, "temporary": False}],
        }
        self.admin("POST", "/users", {**wishes, **settings})
        return user

    def token(self, client: Client | None = None, **parameters: str) -> dict[str, Any]:
        """Get an access token by client credentials.

        Args:
            client: A client with a secret; the realm's own by default.
            parameters: More of the request, such as `scope`.

        Returns:
            The answer of the token endpoint.

        Raises:
            RuntimeError: The answer is an error.
        """
        form = {"grant_type": "client_credentials", **parameters}
        return token_by_secret(self.token_endpoint, client or self.client, form)

    def user_token(
        self, user: User | None = None, client: Client | None = None, **parameters: str
    ) -> dict[str, Any]:
        """Get the tokens of a user, by name and password: the short way, without pages.

        Args:
            user: Who; the realm's own by default.
            client: A client with a secret or without; the realm's own by default.
            parameters: More of the request, such as `scope="openid"`.

        Returns:
            The answer of the token endpoint.

        Raises:
            RuntimeError: The answer is an error.
        """
        who = user or self.person
        form = {"grant_type": "password", "username": who.name, "password": who.password}
        return token_by_secret(self.token_endpoint, client or self.client, {**form, **parameters})

    def login_url(self, client: Client, **parameters: str) -> str:
        """Write the address that a client sends a person to.

        Args:
            client: The client.
            parameters: More of the request, such as `scope` and `code_challenge`.

        Returns:
            The address.
        """
        query = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": client.redirect_uri,
        }
        return f"{self.endpoint('auth')}?{urlencode({**query, **parameters})}"

    def remove(self) -> None:
        """Remove it with everything in it."""
        self.admin("DELETE", "")

    def _proof(
        self, authentication: str, client_id: str
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
        """Make what a client proves itself with: for the client, for Keycloak, and as attributes there."""
        if authentication.startswith("client_secret"):
            secret = secrets.token_hex(32)
            return {"client_secret": secret}, {"secret": secret}, {}
        if authentication == "private_key_jwt":
            pem, key = new_key(f"{client_id}-key")
            published = {"use.jwks.string": "true", "jwks.string": json.dumps({"keys": [key]})}
            return {"private_key": pem, "key_id": key["kid"]}, {}, published
        if authentication == "tls_client_auth":
            subject = {
                "x509.subjectdn": f"(.*?)CN={client_id}(?:$|,.*)",
                "x509.allow.regex.pattern.comparison": "true",
            }
            return {"certificate": self.server.issue_certificate(client_id)}, {}, subject
        return {}, {}, {}


def _audience(name: str) -> dict[str, Any]:
    return {
        "name": f"audience {name}",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": {"included.custom.audience": name, "access.token.claim": "true"},
    }


def _groups() -> dict[str, Any]:
    shown = ("access.token.claim", "id.token.claim", "userinfo.token.claim")
    return {
        "name": "groups",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-group-membership-mapper",
        "config": {"claim.name": "groups", "full.path": "false", **dict.fromkeys(shown, "true")},
    }
