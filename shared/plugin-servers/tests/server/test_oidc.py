"""The OpenID provider, as a client library of OAuth and a person meet it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError
from joserfc.jwk import ECKey, KeySet
from waiting import alive, eventually

from mlflow_plugin_servers import identity
from mlflow_plugin_servers.browser import LoginError
from mlflow_plugin_servers.catalog import acquire
from mlflow_plugin_servers.errors import NotOurServerError, ServerUnavailableError
from mlflow_plugin_servers.oidc import oidc

if TYPE_CHECKING:
    from mlflow_plugin_servers.identity import Client
    from mlflow_plugin_servers.oidc_server import OidcServer

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]


def session(server: OidcServer, client: Client, **wishes: Any) -> OAuth2Session:
    method: Any = client.authentication
    secret: str | None = client.client_secret or None
    endpoint = f"{server.uri}/token"
    if method == "client_secret_jwt":
        method = ClientSecretJWT(endpoint)
    elif method == "private_key_jwt":
        method = PrivateKeyJWT(endpoint, headers={"kid": client.key_id})
        secret = client.private_key
    return OAuth2Session(
        client.client_id,
        secret,
        token_endpoint_auth_method=method,
        redirect_uri=client.redirect_uri,
        token_endpoint=endpoint,
        **wishes,
    )


def claims(server: OidcServer, token: str) -> dict[str, Any]:
    keys = KeySet.import_key_set(requests.get(f"{server.uri}/jwks", timeout=10).json())
    decoded = jwt.decode(token, keys, algorithms=["RS256"])
    jwt.JWTClaimsRegistry(iss={"essential": True, "value": server.uri}).validate(decoded.claims)
    return decoded.claims


def signed_in(server: OidcServer, client: Client, scope: str = "openid email") -> dict[str, Any]:
    user = server.create_user(email="ada@example.test")
    login = session(server, client, scope=scope, code_challenge_method="S256")
    url, _ = login.create_authorization_url(f"{server.uri}/auth", code_verifier="v" * 50)
    arrived = server.browser().sign_in(url, user)
    token: dict[str, Any] = login.fetch_token(
        authorization_response=arrived, code_verifier="v" * 50
    )
    return {**token, "user": user.name}


@pytest.mark.parametrize(
    "how", ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"]
)
def test_a_client_proves_who_it_is_and_gets_a_token_that_the_published_keys_verify(
    how: str, oidc_server: OidcServer
) -> None:
    client = oidc_server.create_client(how)
    with session(oidc_server, client) as own:
        token = own.fetch_token(grant_type="client_credentials", scope="api:read")
    read = claims(oidc_server, token["access_token"])
    assert read["client_id"] == client.client_id
    assert (read["aud"], read["scope"]) == (oidc_server.audience, "api:read")


def test_a_wrong_secret_is_401(oidc_server: OidcServer) -> None:
    client = oidc_server.create_client()
    form = {"grant_type": "client_credentials"}
    answer = requests.post(
        f"{oidc_server.uri}/token", form, auth=(client.client_id, "guess"), timeout=10
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_person_signs_in_by_code_and_pkce(oidc_server: OidcServer) -> None:
    token = signed_in(oidc_server, oidc_server.create_client("none"))
    who = claims(oidc_server, token["id_token"])
    assert (who["sub"], who["email"]) == (token["user"], "ada@example.test")
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    shown = requests.get(f"{oidc_server.uri}/me", headers=headers, timeout=10).json()
    assert shown["email"] == "ada@example.test"


def test_a_code_is_worth_nothing_without_its_verifier(oidc_server: OidcServer) -> None:
    client = oidc_server.create_client("none")
    login = session(oidc_server, client, scope="openid", code_challenge_method="S256")
    url, _ = login.create_authorization_url(f"{oidc_server.uri}/auth", code_verifier="v" * 50)
    arrived = oidc_server.browser().sign_in(url, oidc_server.create_user())
    with pytest.raises(OAuthError, match="invalid_grant"):
        login.fetch_token(authorization_response=arrived, code_verifier="w" * 50)


def test_a_person_who_says_no_sends_the_client_away(oidc_server: OidcServer) -> None:
    client = oidc_server.create_client()
    login = session(oidc_server, client, scope="openid", code_challenge_method="S256")
    url, _ = login.create_authorization_url(f"{oidc_server.uri}/auth", code_verifier="v" * 50)
    arrived = oidc_server.browser().sign_in(url, oidc_server.create_user(), allow=False)
    assert parse_qs(urlsplit(arrived).query)["error"] == ["access_denied"]


def test_a_wrong_password_does_not_sign_in(oidc_server: OidcServer) -> None:
    client = oidc_server.create_client()
    login = session(oidc_server, client, scope="openid", code_challenge_method="S256")
    url, _ = login.create_authorization_url(f"{oidc_server.uri}/auth", code_verifier="v" * 50)
    stranger = identity.User(oidc_server.create_user().name, "guess")
    with pytest.raises(LoginError, match=r"Wrong user or password"):
        oidc_server.browser().sign_in(url, stranger)


def test_a_refresh_token_is_good_for_one_use_and_a_second_use_ends_them_all(
    oidc_server: OidcServer,
) -> None:
    client = oidc_server.create_client()
    first = signed_in(oidc_server, client)["refresh_token"]
    with session(oidc_server, client) as own:
        second = own.refresh_token(refresh_token=first)["refresh_token"]
        assert second != first
        for used in (first, second):
            with pytest.raises(OAuthError, match="invalid_grant"):
                own.refresh_token(refresh_token=used)


def test_a_device_is_approved_by_a_person_elsewhere(oidc_server: OidcServer) -> None:
    client = oidc_server.create_client("none")
    started = requests.post(
        f"{oidc_server.uri}/device/auth",
        {"client_id": client.client_id, "scope": "openid"},
        timeout=10,
    ).json()
    assert started["interval"] == 1
    form = {"grant_type": identity.DEVICE_CODE, "device_code": started["device_code"]}
    with session(oidc_server, client) as own:
        with pytest.raises(OAuthError, match="authorization_pending"):
            own.fetch_token(**form)
        user = oidc_server.create_user()
        page = oidc_server.browser().approve_device(
            started["verification_uri"], user, code=started["user_code"]
        )
        assert page.status == 200
        token = own.fetch_token(**form)
    assert claims(oidc_server, token["id_token"])["sub"] == user.name


def test_a_device_that_the_person_refuses_is_told_so(oidc_server: OidcServer) -> None:
    client = oidc_server.create_client("none")
    started = requests.post(
        f"{oidc_server.uri}/device/auth",
        {"client_id": client.client_id, "scope": "openid"},
        timeout=10,
    ).json()
    oidc_server.browser().approve_device(
        started["verification_uri_complete"], oidc_server.create_user(), allow=False
    )
    with session(oidc_server, client) as own, pytest.raises(OAuthError, match="access_denied"):
        own.fetch_token(grant_type=identity.DEVICE_CODE, device_code=started["device_code"])


def test_a_user_has_a_token_for_a_resource_with_groups_in_it(oidc_server: OidcServer) -> None:
    user = oidc_server.create_user(groups=["builders"])
    client = oidc_server.create_client("none")
    wish = {"scope": "openid api:read", "resource": "https://mlflow.test"}
    token = oidc_server.user_token(user, client, **wish)
    read = claims(oidc_server, token["access_token"])
    assert (read["sub"], read["groups"], read["scope"]) == (user.name, ["builders"], "api:read")
    assert read["aud"] == "https://mlflow.test"
    assert claims(oidc_server, token["id_token"])["aud"] == client.client_id


def test_a_token_is_exchanged_for_one_with_another_audience(oidc_server: OidcServer) -> None:
    client = oidc_server.create_client(token_claims={"groups": ["builders"]})
    first = oidc_server.token(client, scope="api:read")["access_token"]
    with session(oidc_server, client) as own:
        exchange = {
            "grant_type": identity.TOKEN_EXCHANGE,
            "subject_token": first,
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "audience": "https://other.test",
        }
        token = own.fetch_token(**exchange)
        with pytest.raises(OAuthError, match="invalid_scope"):
            own.fetch_token(**exchange, scope="api:read api:write")
    read = claims(oidc_server, token["access_token"])
    assert (read["aud"], read["sub"]) == ("https://other.test", client.client_id)
    assert read["groups"] == ["builders"]


def test_a_client_shows_its_certificate_and_its_token_is_bound_to_it(
    oidc_server: OidcServer, tmp_path: Path
) -> None:
    client = oidc_server.create_client(
        "tls_client_auth", tls_client_certificate_bound_access_tokens=True
    )
    assert client.certificate is not None
    files = {"ca": oidc_server.authority, **client.certificate._asdict()}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    form = {"grant_type": "client_credentials", "client_id": client.client_id}
    endpoint = f"{oidc_server.https_uri}/token"

    def ask(**wishes: Any) -> requests.Response:
        return requests.post(endpoint, form, verify=str(tmp_path / "ca"), timeout=10, **wishes)

    answer = ask(cert=(str(tmp_path / "chain"), str(tmp_path / "key")))
    keys = requests.get(
        f"{oidc_server.https_uri}/jwks", verify=str(tmp_path / "ca"), timeout=10
    ).json()
    token = jwt.decode(answer.json()["access_token"], KeySet.import_key_set(keys))
    assert token.claims["iss"] == oidc_server.https_uri
    assert "x5t#S256" in token.claims["cnf"]
    assert ask().status_code == 401


def test_a_token_is_bound_to_the_key_of_its_proof(oidc_server: OidcServer) -> None:
    client = oidc_server.create_client(dpop_bound_access_tokens=True)
    key = ECKey.generate_key("P-256")
    endpoint = f"{oidc_server.uri}/token"
    header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": key.as_dict(private=False)}
    proof = jwt.encode(
        header,
        {"htm": "POST", "htu": endpoint, "iat": int(time.time()), "jti": "once"},
        key,
        algorithms=["ES256"],
    )
    form = {"grant_type": "client_credentials"}
    auth = (client.client_id, client.client_secret)
    answer = requests.post(endpoint, form, auth=auth, headers={"DPoP": proof}, timeout=10).json()
    assert answer["token_type"] == "DPoP"
    assert claims(oidc_server, answer["access_token"])["cnf"] == {"jkt": key.thumbprint()}
    assert requests.post(endpoint, form, auth=auth, timeout=10).status_code == 400


def test_a_pushed_request_is_signed_in_by_its_name(oidc_server: OidcServer) -> None:
    client = oidc_server.create_client()
    challenge = urlsafe_b64encode(hashlib.sha256(b"v" * 50).digest()).rstrip(b"=").decode()
    pushed = requests.post(
        f"{oidc_server.uri}/request",
        {
            "client_id": client.client_id,
            "response_type": "code",
            "scope": "openid",
            "redirect_uri": client.redirect_uri,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        },
        auth=(client.client_id, client.client_secret),
        timeout=10,
    ).json()
    url = f"{oidc_server.uri}/auth?client_id={client.client_id}&request_uri={pushed['request_uri']}"
    arrived = oidc_server.browser().sign_in(url, oidc_server.create_user())
    assert "code" in parse_qs(urlsplit(arrived).query)


def test_a_client_may_have_tokens_that_last_a_second(oidc_server: OidcServer) -> None:
    client = oidc_server.create_client(access_token_seconds=1)
    assert 0 <= oidc_server.token(client)["expires_in"] <= 1
    assert 290 <= oidc_server.token(oidc_server.create_client())["expires_in"] <= 300


def test_requests_are_counted_and_told_apart_by_client(oidc_server: OidcServer) -> None:
    client, other = oidc_server.create_client(), oidc_server.create_client()
    for each in (client, other, client):
        oidc_server.token(each)
    seen = oidc_server.requests(client=client)
    assert [(one.grant_type, one.status) for one in seen] == [("client_credentials", 200)] * 2
    oidc_server.forget_requests()
    assert oidc_server.requests() == []


def test_an_endpoint_fails_as_often_as_it_is_told_to(oidc_server: OidcServer) -> None:
    client = oidc_server.create_client()
    form = {"grant_type": "client_credentials"}

    def ask(timeout: float = 10) -> requests.Response:
        auth = (client.client_id, client.client_secret)
        return requests.post(f"{oidc_server.uri}/token", form, auth=auth, timeout=timeout)

    with oidc_server.failing(status=429, times=1, headers={"Retry-After": "7"}):
        limited = ask()
        assert (limited.status_code, limited.headers["Retry-After"]) == (429, "7")
        assert ask().status_code == 200
    with oidc_server.failing(status=503):
        assert [ask().status_code for _ in range(3)] == [503] * 3
    with oidc_server.failing(reset=True), pytest.raises(requests.ConnectionError):
        ask()
    with oidc_server.failing(delay=5), pytest.raises(requests.ReadTimeout):
        ask(timeout=0.2)
    assert ask().status_code == 200


def test_new_keys_sign_and_old_ones_are_kept_or_not(private_oidc_server: OidcServer) -> None:
    server = private_oidc_server
    client = server.create_client()
    old = server.token(client)["access_token"]
    server.rotate_keys()
    new = server.token(client)["access_token"]
    assert claims(server, old)["client_id"] == claims(server, new)["client_id"]
    server.rotate_keys(keep=False)
    with pytest.raises((BadSignatureError, InvalidKeyIdError, ValueError)):
        claims(server, new)


def test_a_killed_provider_starts_again_on_its_port_with_all_it_knew(
    private_oidc_server: OidcServer,
) -> None:
    server = private_oidc_server
    client = server.create_client()
    before = server.token(client)["access_token"]
    refresh = signed_in(server, client)["refresh_token"]
    uri, secure = server.uri, server.https_uri
    server.kill()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{uri}/jwks", timeout=10)

    server.start()

    assert (server.uri, server.https_uri) == (uri, secure)
    assert claims(server, before)["client_id"] == client.client_id
    with session(server, client) as own:
        assert own.refresh_token(refresh_token=refresh)["access_token"]


def test_options_are_checked_and_used() -> None:
    with pytest.raises(ServerUnavailableError, match=r"no_such_setting.*access_token_seconds"):
        with oidc(options={"no_such_setting": "1"}):
            pass
    with oidc(options={"access_token_seconds": "2", "audience": "urn:own"}) as server:
        token = server.token(server.create_client())
        assert (token["expires_in"], claims(server, token["access_token"])["aud"]) == (2, "urn:own")


def test_the_provider_that_the_environment_names_is_used_and_spared(
    private_oidc_server: OidcServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    control = private_oidc_server.facts()["control"]
    monkeypatch.setenv("MLFLOW_PLUGIN_SERVERS_OIDC_URI", control)
    with acquire("oidc") as server:
        assert (server.uri, server.managed) == (private_oidc_server.uri, False)
        assert server.token(server.create_client())["access_token"]
        with pytest.raises(NotOurServerError, match="private_oidc_server"):
            server.kill()
    assert private_oidc_server.pid is not None
    monkeypatch.setenv("MLFLOW_PLUGIN_SERVERS_OIDC_URI", control.replace("control:", "control:x"))
    with pytest.raises(ServerUnavailableError, match="401"), acquire("oidc"):
        pass


def test_a_killed_pytest_leaves_no_provider_behind(pytester: pytest.Pytester) -> None:
    notes = pytester.path / "notes"
    pytester.makepyfile(
        f"""
        import time
        from pathlib import Path

        def test_it(oidc_server):
            text = f"{{oidc_server.pid}} {{oidc_server.log_path.parent}}\\n"
            Path({str(notes)!r}).write_text(text)
            time.sleep(600)
        """
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    assert eventually(lambda: notes.exists() and notes.read_text().endswith("\n"), within=60)
    pid, folder = notes.read_text().split()
    assert alive(int(pid))

    run.kill()
    run.wait()

    assert eventually(lambda: not alive(int(pid)) and not Path(folder).exists(), within=10)
