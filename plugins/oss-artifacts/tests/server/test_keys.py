"""Where access keys come from, by services on loopback that answer as Alibaba's do."""

from __future__ import annotations

import datetime as dt
import http.server
import json
import os
import threading
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow_plugin_servers.oss_server import Bucket, OssServer, TemporaryKey

    Own = tuple[OssServer, Bucket, str]

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]


class _Services(http.server.ThreadingHTTPServer):
    """The metadata service of an instance, STS, and a URL with a key, in one."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.keys: list[TemporaryKey] = []
        self.asked: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.has_tokens = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def key(self) -> dict[str, str]:
        found = self.keys.pop(0) if len(self.keys) > 1 else self.keys[0]
        ends = dt.datetime.fromtimestamp(found.expires, dt.timezone.utc)
        return {
            "AccessKeyId": found.key_id,
            "AccessKeySecret": found.secret,
            "SecurityToken": found.token,
            "Expiration": f"{ends:%Y-%m-%dT%H:%M:%SZ}",
        }


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Services

    def do_PUT(self) -> None:
        self.server.asked.append(f"PUT {self.path}")
        self._answer(200 if self.server.has_tokens else 403, b"metadata-token")

    def do_GET(self) -> None:
        self.server.asked.append(f"GET {self.path}")
        signed = self.headers.get("X-aliyun-ecs-metadata-token") == "metadata-token"
        if self.path == "/key":
            self._answer(200, json.dumps(self.server.key()).encode())
        elif not signed and self.server.has_tokens:
            self._answer(403, b"")
        elif self.path.endswith("security-credentials/"):
            self._answer(200, b"the-role")
        elif self.path.endswith("security-credentials/the-role"):
            self._answer(200, json.dumps({"Code": "Success", **self.server.key()}).encode())
        else:
            self._answer(404, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = dict(urllib.parse.parse_qsl(body))
        self.server.forms.append(form)
        if form["OIDCToken"] != "good-token":
            error = {"Code": "AuthenticationFail.OIDCToken.Expired", "RequestId": "R-1"}
            self._answer(400, json.dumps({**error, "Message": "This token has expired."}).encode())
            return
        self._answer(200, json.dumps({"Credentials": self.server.key()}).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def services(own: Own, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Services]:
    monkeypatch.delenv("MLFLOW_OSS_KEY_ID")
    monkeypatch.delenv("MLFLOW_OSS_KEY_SECRET")
    with _Services() as server:
        server.keys = [own[0].temporary_key()]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        monkeypatch.setenv("MLFLOW_OSS_METADATA_URL", server.url)
        monkeypatch.setenv("MLFLOW_OSS_STS_URL", server.url)
        yield server
        server.shutdown()
        thread.join()


def _use(own: Own, tmp_path: Path) -> Any:
    (tmp_path / "file").write_text("content")
    repository = get_artifact_repository(own[2])
    repository.log_artifact(str(tmp_path / "file"))
    assert [each.path for each in repository.list_artifacts()] == ["file"]
    return repository


def _tokens(server: OssServer) -> set[str]:
    names = ("x-oss-security-token", "security-token")
    return {each["headers"].get(name, "") for each in server.requests() for name in names}


def _oidc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, token: str) -> Path:
    path = tmp_path / "oidc-token"
    path.write_text(token)
    monkeypatch.setenv("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/ml")
    monkeypatch.setenv("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/ack")
    monkeypatch.setenv("ALIBABA_CLOUD_OIDC_TOKEN_FILE", str(path))
    return path


def test_a_token_of_sts_is_sent_along(
    own: Own, sdk: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = own[0].temporary_key()
    monkeypatch.setenv("MLFLOW_OSS_KEY_ID", key.key_id)
    monkeypatch.setenv("MLFLOW_OSS_KEY_SECRET", key.secret)
    monkeypatch.setenv("MLFLOW_OSS_SECURITY_TOKEN", key.token)

    assert _use(own, tmp_path)
    assert sdk


@pytest.mark.parametrize(
    "names",
    [
        ("OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_SESSION_TOKEN"),
        (
            "ALIBABA_CLOUD_ACCESS_KEY_ID",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
            "ALIBABA_CLOUD_SECURITY_TOKEN",
        ),
    ],
)
def test_the_names_of_alibabas_own_sdks_do(
    own: Own,
    names: tuple[str, str, str],
    services: _Services,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    key = own[0].temporary_key()
    for name, value in zip(names, (key.key_id, key.secret, key.token), strict=True):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MLFLOW_OSS_ENDPOINT_URL")
    monkeypatch.setenv("OSS_ENDPOINT", own[1].endpoint)
    monkeypatch.setenv("OSS_REGION", own[1].region)

    assert _use(own, tmp_path)
    assert services.asked == []


def test_a_token_that_has_ended_is_named_with_where_it_came_from(
    own: Own, sdk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = own[0].temporary_key(lifetime=-1)
    monkeypatch.setenv("MLFLOW_OSS_KEY_ID", key.key_id)
    monkeypatch.setenv("MLFLOW_OSS_KEY_SECRET", key.secret)
    monkeypatch.setenv("MLFLOW_OSS_SECURITY_TOKEN", key.token)

    with pytest.raises(MlflowException, match="SecurityTokenExpired") as caught:
        get_artifact_repository(own[2]).list_artifacts()

    assert caught.value.error_code == "UNAUTHENTICATED"
    assert "MLFLOW_OSS_KEY_ID (environment)" in caught.value.message
    assert key.token not in caught.value.message
    assert key.secret not in caught.value.message
    assert sdk


def test_the_role_of_an_instance_is_found_and_asked_once(
    own: Own, sdk: str, services: _Services, tmp_path: Path
) -> None:
    _use(own, tmp_path)
    _use(own, tmp_path)

    assert services.asked == [
        "PUT /latest/api/token",
        "GET /latest/meta-data/ram/security-credentials/",
        "GET /latest/meta-data/ram/security-credentials/the-role",
    ]
    assert sdk


def test_a_key_that_oss_calls_ended_is_fetched_again(
    own: Own, sdk: str, services: _Services, tmp_path: Path
) -> None:
    first, second = own[0].temporary_key(), own[0].temporary_key(lifetime=7200)
    services.keys = [first, second]
    repository = _use(own, tmp_path)
    # One hour later by OSS's clock the first one is over, whatever this machine believes.
    own[0].fail(403, code="SecurityTokenExpired", times=1)

    assert [each.path for each in repository.list_artifacts()] == ["file"]

    used = _tokens(own[0])
    assert {first.token, second.token} <= used
    assert sdk


def test_a_key_that_is_about_to_end_is_renewed_before_it_is_used(
    own: Own, services: _Services, tmp_path: Path
) -> None:
    services.keys = [own[0].temporary_key(lifetime=100), own[0].temporary_key()]
    repository = _use(own, tmp_path)

    repository.list_artifacts()

    assert sum(each.endswith("the-role") for each in services.asked) == 2


def test_an_instance_without_tokens_is_asked_the_old_way(
    own: Own, services: _Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    services.has_tokens = False
    monkeypatch.setenv("MLFLOW_OSS_RAM_ROLE", "the-role")
    assert _use(own, tmp_path)


def test_an_instance_without_tokens_is_refused_where_the_old_way_is_forbidden(
    own: Own, services: _Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.has_tokens = False
    monkeypatch.setenv("ALIBABA_CLOUD_IMDSV1_DISABLED", "true")

    with pytest.raises(MlflowException, match="version 1 is disabled") as caught:
        get_artifact_repository(own[2]).list_artifacts()

    assert caught.value.error_code == "UNAUTHENTICATED"


def test_a_pod_exchanges_its_token_for_the_key_of_a_role(
    own: Own, sdk: str, services: _Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _oidc(monkeypatch, tmp_path, token="good-token")

    _use(own, tmp_path)

    (form,) = services.forms
    assert form["Action"] == "AssumeRoleWithOIDC"
    assert form["RoleArn"] == "acs:ram::1:role/ml"
    assert sdk


def test_what_sts_refuses_is_told_without_the_token(
    own: Own, services: _Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _oidc(monkeypatch, tmp_path, token="old-secret-token")

    with pytest.raises(MlflowException, match=r"This token has expired.*R-1") as caught:
        get_artifact_repository(own[2]).list_artifacts()

    assert caught.value.error_code == "UNAUTHENTICATED"
    assert "old-secret-token" not in str(caught.value)
    assert services.forms


def test_a_url_hands_out_the_key(
    own: Own, services: _Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ALIBABA_CLOUD_CREDENTIALS_URI", f"{services.url}/key")

    assert _use(own, tmp_path)


def test_a_profile_whose_token_was_written_anew_is_read_again(
    own: Own, services: _Services, tmp_path: Path
) -> None:
    first, second = own[0].temporary_key(), own[0].temporary_key()
    file = Path(os.environ["HOME"], ".aliyun", "config.json")
    file.parent.mkdir(parents=True)

    def write(key: TemporaryKey) -> None:
        entry = {
            "name": "ml",
            "mode": "StsToken",
            "access_key_id": key.key_id,
            "access_key_secret": key.secret,
            "sts_token": key.token,
        }
        file.write_text(json.dumps({"current": "ml", "profiles": [entry]}))
        file.chmod(0o600)

    write(first)
    repository = _use(own, tmp_path)
    write(second)
    own[0].fail(403, code="SecurityTokenExpired", times=1)

    repository.list_artifacts()

    assert second.token in _tokens(own[0])
    assert services.asked == []
