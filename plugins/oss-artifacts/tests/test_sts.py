"""STS is asked as OSS is: by the same proxy, more than once, and for as long a key as is set."""

from __future__ import annotations

import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException

from mlflow_oss_artifacts import opening

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.enable_socket

_KEY = {
    "AccessKeyId": "STS.id",
    "AccessKeySecret": "secret",
    "SecurityToken": "token",
    "Expiration": "2100-01-01T00:00:00Z",
}


class _Sts(ThreadingHTTPServer):
    """Answers with one status after the other; after the last one with a key."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[tuple[int, str]] = []
        self.asked: list[str] = []
        self.forms: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: _Sts

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.forms.append(dict(urllib.parse.parse_qsl(body)))
        self.server.asked.append(self.path)
        status, code = self.server.answers.pop(0) if self.server.answers else (200, "")
        content = json.dumps({"Code": code} if code else {"Credentials": _KEY}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[_Sts]:
    (tmp_path / "token").write_text("good-token")
    monkeypatch.setenv("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/ml")
    monkeypatch.setenv("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/ack")
    monkeypatch.setenv("ALIBABA_CLOUD_OIDC_TOKEN_FILE", str(tmp_path / "token"))
    with _Sts() as server:
        monkeypatch.setenv("MLFLOW_OSS_STS_URL", server.url)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _key_id() -> str:
    return opening.prepare("oss://bucket/a?region=cn-hangzhou").target.provider.get().key_id


@pytest.mark.parametrize(
    "answers",
    [
        [(500, "InternalError"), (429, "Busy")],
        [(503, "ServiceUnavailable")],
        [(400, "Throttling.User")],
    ],
)
def test_an_sts_that_is_busy_for_a_moment_is_asked_again(
    sts: _Sts, answers: list[tuple[int, str]]
) -> None:
    sts.answers = list(answers)

    assert _key_id() == "STS.id"

    assert len(sts.forms) == len(answers) + 1


def test_an_sts_that_stays_busy_is_no_error_of_the_key(sts: _Sts) -> None:
    sts.answers = [(503, "ServiceUnavailable")] * 9

    with pytest.raises(MlflowException, match="HTTP 503 ServiceUnavailable") as caught:
        _key_id()

    assert caught.value.error_code == "TEMPORARILY_UNAVAILABLE"
    assert len(sts.forms) == 3


def test_what_sts_refuses_is_not_asked_again(sts: _Sts) -> None:
    sts.answers = [(400, "AuthenticationFail.OIDCToken.Expired")]

    with pytest.raises(MlflowException) as caught:
        _key_id()

    assert caught.value.error_code == "UNAUTHENTICATED"
    assert len(sts.forms) == 1


def test_sts_is_asked_through_the_proxy_for_a_key_of_the_length_that_is_set(
    sts: _Sts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_OSS_STS_URL", "http://sts.example")
    monkeypatch.setenv("MLFLOW_OSS_PROXY", sts.url)
    monkeypatch.setenv("MLFLOW_OSS_SESSION_SECONDS", "7200")

    assert _key_id() == "STS.id"

    assert sts.asked == ["http://sts.example/"]
    assert sts.forms[0]["DurationSeconds"] == "7200"
