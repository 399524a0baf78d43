"""Who takes part in a login, and what every identity provider is asked for in the same way."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow_plugin_servers.certificates import Certificate

__all__ = [
    "AUTHENTICATIONS",
    "DEVICE_CODE",
    "TOKEN_EXCHANGE",
    "Client",
    "User",
    "call",
    "new_key",
    "token_by_secret",
]

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  (the name of a grant)
AUTHENTICATIONS = (
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
    "none",
)
_TIMEOUT = 30.0


@dataclass(frozen=True)
class User:
    """A person.

    Attributes:
        name: What is typed as the user.
        password: What is typed as the password.
    """

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Client:
    """A program that asks for tokens.

    Attributes:
        client_id: Its name.
        authentication: How it proves who it is, in the words of OpenID Connect's `token_endpoint_auth_method`.
        client_secret: Its secret; empty when it has none.
        redirect_uri: Where people are sent back to; any port of 127.0.0.1 will do.
        private_key: PEM of its RSA key, with `private_key_jwt`.
        key_id: Name of that key, for the header `kid`.
        certificate: What it shows in the TLS handshake, with `tls_client_auth`.
    """

    client_id: str
    authentication: str
    client_secret: str = field(default="", repr=False)
    redirect_uri: str = ""
    private_key: str = field(default="", repr=False)
    key_id: str = ""
    certificate: Certificate | None = field(default=None, repr=False)


def new_key(key_id: str) -> tuple[str, dict[str, str]]:
    """Make an RSA key for signing.

    Args:
        key_id: Its name.

    Returns:
        The private key as PEM, and the public one as JWK.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    numbers = key.public_key().public_numbers()
    parts = {"n": _number(numbers.n), "e": _number(numbers.e)}
    return pem.decode("ascii"), {
        "kty": "RSA",
        "alg": "RS256",
        "use": "sig",
        "kid": key_id,
        **parts,
    }


def call(
    method: str,
    url: str,
    *,
    body: Any = None,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    authority: str | None = None,
    timeout: float = _TIMEOUT,
) -> Any:
    """Send a request and read its answer.

    Args:
        method: The verb.
        url: The address.
        body: What to send as JSON.
        form: What to send as a form instead.
        headers: Added to the request.
        authority: PEM of the authority that the server's certificate is signed by.
        timeout: Seconds that each step may take.

    Returns:
        The answer's JSON; None when it is empty. An answer of another kind comes as text.

    Raises:
        RuntimeError: The server answers with an error; the message says which, and where.
        OSError: It does not answer.
    """
    data, kind = None, {}
    if body is not None:
        data, kind = json.dumps(body).encode(), {"Content-Type": "application/json"}
    elif form is not None:
        data, kind = urlencode(form).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    request = urllib.request.Request(url, data, {**kind, **(headers or {})}, method=method)  # noqa: S310
    try:
        with _opener(url, authority).open(request, timeout=timeout) as answer:
            text = answer.read().decode("utf-8")
            location = answer.headers.get("Location")
    except urllib.error.HTTPError as error:
        with error:
            said = error.read().decode("utf-8", "replace")[:500]
        message = f"{method} {url} was answered with {error.code}: {said}"
        raise RuntimeError(message) from None
    if not text:
        return location
    try:
        return json.loads(text)
    except ValueError:
        return text


def token_by_secret(
    endpoint: str, client: Client, form: Mapping[str, str], authority: str | None = None
) -> dict[str, Any]:
    """Ask for tokens, as a client that has a secret or no authentication at all.

    Args:
        endpoint: The token endpoint.
        client: Who asks.
        form: The grant and its parameters.
        authority: PEM of the authority that the server's certificate is signed by.

    Returns:
        The answer.

    Raises:
        RuntimeError: The answer is an error.
    """
    headers = {}
    fields = dict(form)
    if client.client_secret and client.authentication == "client_secret_basic":
        pair = f"{quote(client.client_id, safe='')}:{quote(client.client_secret, safe='')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        fields["client_id"] = client.client_id
        if client.client_secret:
            fields["client_secret"] = client.client_secret
    answer: dict[str, Any] = call(
        "POST", endpoint, form=fields, headers=headers, authority=authority
    )
    return answer


def _opener(url: str, authority: str | None) -> urllib.request.OpenerDirector:
    """Put together what a request needs and no more: no proxy, no redirects, and TLS only for https.

    The usual opener reads all authorities of the system, which takes longer than a request to loopback: a server that
    is asked again and again whether it is ready would have to share the processor with that.
    """
    opener = urllib.request.OpenerDirector()
    opener.add_handler(urllib.request.HTTPHandler())
    opener.add_handler(urllib.request.HTTPDefaultErrorHandler())
    opener.add_handler(urllib.request.HTTPErrorProcessor())
    if url.startswith("https:"):
        context = ssl.create_default_context(cadata=authority)
        opener.add_handler(urllib.request.HTTPSHandler(context=context))
    return opener


def _number(value: int) -> str:
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
