"""Keycloak, as a client library of OAuth and a person meet it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import KeySet
from waiting import alive, eventually

from mlflow_plugin_servers import identity
from mlflow_plugin_servers.browser import LoginError
from mlflow_plugin_servers.catalog import acquire
from mlflow_plugin_servers.errors import NotOurServerError, ServerUnavailableError
from mlflow_plugin_servers.keycloak import keycloak

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow_plugin_servers.identity import Client
    from mlflow_plugin_servers.keycloak_realm import Realm
    from mlflow_plugin_servers.keycloak_server import KeycloakServer

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

_VERIFIER = "v" * 50


@pytest.fixture(scope="module")
def realm(keycloak_server: KeycloakServer) -> Iterator[Realm]:
    """One for most of these tests: to make one takes a second, and they do not get into each other's way."""
    made = keycloak_server.create_realm()
    yield made
    made.remove()


def session(realm: Realm, client: Client, **wishes: Any) -> OAuth2Session:
    method: Any = client.authentication
    secret: str | None = client.client_secret or None
    if method == "client_secret_jwt":
        method = ClientSecretJWT(realm.token_endpoint)
    elif method == "private_key_jwt":
        method = PrivateKeyJWT(realm.token_endpoint, headers={"kid": client.key_id})
        secret = client.private_key
    return OAuth2Session(
        client.client_id,
        secret,
        token_endpoint_auth_method=method,
        redirect_uri=client.redirect_uri,
        token_endpoint=realm.token_endpoint,
        **wishes,
    )


def claims(realm: Realm, token: str) -> dict[str, Any]:
    keys = KeySet.import_key_set(requests.get(realm.endpoint("certs"), timeout=30).json())
    decoded = jwt.decode(token, keys, algorithms=["RS256"])
    jwt.JWTClaimsRegistry(iss={"essential": True, "value": realm.issuer}).validate(decoded.claims)
    return decoded.claims


@pytest.mark.parametrize(
    "how", ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"]
)
def test_a_client_proves_who_it_is_and_gets_a_token_that_the_published_keys_verify(
    how: str, realm: Realm
) -> None:
    client = realm.create_client(how, audience=["mlflow"])
    with session(realm, client) as own:
        token = own.fetch_token(grant_type="client_credentials")
    read = claims(realm, token["access_token"])
    assert read["azp"] == client.client_id
    assert "mlflow" in read["aud"]


def test_a_realm_comes_with_a_client_and_a_user(keycloak_realm: Realm) -> None:
    form = {
        "grant_type": "password",
        "username": keycloak_realm.user,
        "password": keycloak_realm.password,
        "scope": "openid",
    }
    auth = (keycloak_realm.client_id, keycloak_realm.client_secret)
    answer = requests.post(keycloak_realm.token_endpoint, form, auth=auth, timeout=30).json()
    read = claims(keycloak_realm, answer["id_token"])
    assert read["preferred_username"] == keycloak_realm.user


def test_a_wrong_secret_is_401(realm: Realm) -> None:
    auth = (realm.client_id, "guess")
    form = {"grant_type": "client_credentials"}
    answer = requests.post(realm.token_endpoint, form, auth=auth, timeout=30)
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized_client")


def test_a_person_signs_in_by_code_and_pkce_and_the_groups_are_in_the_token(
    realm: Realm,
) -> None:
    client = realm.create_client("none")
    user = realm.create_user(email="ada@example.test", groups=["builders", "readers"])
    login = session(realm, client, scope="openid email", code_challenge_method="S256")
    url, _ = login.create_authorization_url(realm.endpoint("auth"), code_verifier=_VERIFIER)
    arrived = realm.server.browser().sign_in(url, user)
    token = login.fetch_token(authorization_response=arrived, code_verifier=_VERIFIER)
    who = claims(realm, token["id_token"])
    assert (who["preferred_username"], who["email"]) == (user.name, "ada@example.test")
    assert sorted(who["groups"]) == ["builders", "readers"]


def test_a_wrong_password_does_not_sign_in(realm: Realm) -> None:
    url = realm.login_url(realm.client, scope="openid")
    stranger = identity.User(realm.user, "guess")
    with pytest.raises(LoginError, match="Invalid username or password"):
        realm.server.browser().sign_in(url, stranger)


def test_a_refresh_token_rotates_where_the_realm_says_so(keycloak_server: KeycloakServer) -> None:
    realm = keycloak_server.create_realm(revokeRefreshToken=True, accessTokenLifespan=7)
    try:
        token = realm.user_token(scope="openid")
        assert 5 <= token["expires_in"] <= 7
        with session(realm, realm.client) as own:
            second = own.refresh_token(refresh_token=token["refresh_token"])["refresh_token"]
            assert second != token["refresh_token"]
            with pytest.raises(OAuthError, match="invalid_grant"):
                own.refresh_token(refresh_token=token["refresh_token"])
    finally:
        realm.remove()


def test_a_client_may_have_tokens_that_last_two_seconds(realm: Realm) -> None:
    client = realm.create_client(access_token_seconds=2)
    # It counts from when it began to answer, in whole seconds.
    assert 0 <= realm.token(client)["expires_in"] <= 2


@pytest.mark.parametrize("allow", [True, False], ids=["approved", "refused"])
def test_a_device_is_told_what_the_person_decided(allow: bool, realm: Realm) -> None:
    client = realm.create_client("none")
    form = {"client_id": client.client_id, "scope": "openid"}
    started = requests.post(realm.endpoint("auth/device"), form, timeout=30).json()
    assert started["interval"] == 1
    wish = {"grant_type": identity.DEVICE_CODE, "device_code": started["device_code"]}
    with session(realm, client) as own:
        with pytest.raises(OAuthError, match="authorization_pending"):
            own.fetch_token(**wish)
        realm.server.browser().approve_device(
            started["verification_uri"],
            realm.person,
            code=started["user_code"],
            allow=allow,
        )
        answers: list[str] = []

        def decided() -> bool:
            # Asked again within a second, it says slow_down.
            try:
                answers.append(own.fetch_token(**wish)["id_token"])
            except OAuthError as error:
                if error.error == "slow_down":
                    return False
                answers.append(error.error)
            return True

        assert eventually(decided)
    if allow:
        read = claims(realm, answers[0])
        assert read["preferred_username"] == realm.user
    else:
        assert answers == ["access_denied"]


def test_a_token_is_exchanged_by_the_service_that_it_was_meant_for(realm: Realm) -> None:
    service = realm.create_client()
    front = realm.create_client(audience=[service.client_id])
    first = realm.user_token(client=front)["access_token"]
    with session(realm, service) as own:
        second = own.fetch_token(
            grant_type=identity.TOKEN_EXCHANGE,
            subject_token=first,
            subject_token_type="urn:ietf:params:oauth:token-type:access_token",
        )["access_token"]
    assert claims(realm, first)["azp"] == front.client_id
    read = claims(realm, second)
    assert read["azp"] == service.client_id
    assert read["preferred_username"] == realm.user


def test_a_client_shows_its_certificate_and_its_token_is_bound_to_it(
    realm: Realm, tmp_path: Path
) -> None:
    bound = {"tls.client.certificate.bound.access.tokens": "true"}
    client = realm.create_client("tls_client_auth", attributes=bound)
    assert client.certificate is not None
    files = {"ca": realm.server.authority, **client.certificate._asdict()}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    form = {"grant_type": "client_credentials", "client_id": client.client_id}
    endpoint = realm.endpoint("token", secure=True)

    def ask(**wishes: Any) -> requests.Response:
        return requests.post(endpoint, form, verify=str(tmp_path / "ca"), timeout=30, **wishes)

    answer = ask(cert=(str(tmp_path / "chain"), str(tmp_path / "key"))).json()
    keys = requests.get(realm.endpoint("certs"), timeout=30).json()
    token = jwt.decode(answer["access_token"], KeySet.import_key_set(keys))
    assert token.claims["iss"] == realm.https_issuer
    assert "x5t#S256" in token.claims["cnf"]
    assert ask().status_code == 401


def test_a_removed_realm_is_gone(keycloak_server: KeycloakServer) -> None:
    realm = keycloak_server.create_realm()
    well_known = f"{realm.issuer}/.well-known/openid-configuration"
    assert requests.get(well_known, timeout=30).json()["issuer"] == realm.issuer
    realm.remove()
    assert requests.get(well_known, timeout=30).status_code == 404


def test_what_keycloak_does_not_like_is_said(realm: Realm) -> None:
    client = realm.create_client()
    with pytest.raises(RuntimeError, match=r"409.*already exists"):
        realm.create_client(client_id=client.client_id)


def test_a_killed_keycloak_starts_again_on_its_port_and_realms_and_may_be_named_by_the_environment(
    private_keycloak_server: KeycloakServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = private_keycloak_server
    realm = server.create_realm()
    before = realm.token()["access_token"]
    session_before = realm.user_token()["refresh_token"]
    uri, secure = server.uri, server.https_uri
    server.kill()
    with pytest.raises(requests.ConnectionError):
        requests.get(realm.issuer, timeout=30)

    server.start()

    assert (server.uri, server.https_uri) == (uri, secure)
    assert claims(realm, before)["azp"] == realm.client_id
    with session(realm, realm.client) as own:
        assert own.refresh_token(refresh_token=session_before)["access_token"]

    # The same one by its URI: a start takes too long for a test of its own.
    admin = server.facts()["administrator"]
    monkeypatch.setenv("MLFLOW_PLUGIN_SERVERS_KEYCLOAK_URI", admin)
    with acquire("keycloak") as named:
        assert (named.uri, named.managed) == (uri, False)
        other = named.create_realm()
        assert claims(other, other.token()["access_token"])["azp"] == other.client_id
        with pytest.raises(NotOurServerError, match="private_keycloak_server"):
            named.kill()
    monkeypatch.setenv("MLFLOW_PLUGIN_SERVERS_KEYCLOAK_URI", admin.replace("admin:", "admin:x"))
    with pytest.raises(ServerUnavailableError, match="401"), acquire("keycloak"):
        pass
    assert server.pid is not None


def test_an_option_that_keycloak_does_not_know_is_shown_with_its_log() -> None:
    with pytest.raises(ServerUnavailableError, match=r"(?s)ended.*no-such-setting"):
        with keycloak(options={"no-such-setting": "1"}):
            pass


def test_a_killed_pytest_leaves_no_keycloak_behind(pytester: pytest.Pytester) -> None:
    notes = pytester.path / "notes"
    pytester.makepyfile(
        f"""
        import time
        from pathlib import Path

        def test_it(keycloak_server):
            text = f"{{keycloak_server.pid}} {{keycloak_server.log_path.parent}}\\n"
            Path({str(notes)!r}).write_text(text)
            time.sleep(600)
        """
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    assert eventually(lambda: notes.exists() and notes.read_text().endswith("\n"), within=180)
    pid, folder = notes.read_text().split()
    assert alive(int(pid))

    run.kill()
    run.wait()

    assert eventually(lambda: not alive(int(pid)) and not Path(folder).exists(), within=10)
