"""A proxy that wants a user is given the one in its URL, for plain requests and for tunnels."""

from __future__ import annotations

import base64
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
import urllib3
from mlflow.exceptions import MlflowException

from mlflow_oss_artifacts import opening
from mlflow_oss_artifacts.transport import Transport, TransportOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.enable_socket

_WANTED = "Basic " + base64.b64encode(b"user:p@ss").decode()


class _Proxy(BaseHTTPRequestHandler):
    """Answers in the place of the service, but only to one user."""

    def do_GET(self) -> None:
        knows = self.headers.get("Proxy-Authorization") == _WANTED
        self.send_response(200 if knows else 407)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_CONNECT = do_GET  # noqa: N815  # http.server calls it so

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Proxy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("user", "status"), [("user:p%40ss@", 200), ("user:other@", 407), ("", 407)]
)
def test_a_request_goes_through_a_proxy_with_its_user(port: int, user: str, status: int) -> None:
    url = "http://oss.example"
    transport = Transport(url, TransportOptions(1, 2, 2, proxy=f"http://{user}127.0.0.1:{port}"))

    assert transport.send("GET", f"{url}/key", {}).status == status
    transport.close()


def test_a_tunnel_is_asked_for_with_the_proxys_user(port: int) -> None:
    url = "https://oss.example"
    refused = Transport(url, TransportOptions(1, 2, 2, proxy=f"http://127.0.0.1:{port}"))
    with pytest.raises(urllib3.exceptions.ProxyError, match="407"):
        refused.send("GET", f"{url}/key", {})

    # Behind the tunnel nobody speaks TLS: that the handshake fails says that there is a tunnel.
    allowed = Transport(
        url, TransportOptions(1, 2, 2, proxy=f"http://user:p%40ss@127.0.0.1:{port}")
    )
    with pytest.raises(urllib3.exceptions.HTTPError) as caught:
        allowed.send("GET", f"{url}/key", {})
    assert "407" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MLFLOW_OSS_PROXY", "socks5h://user:s3cret@127.0.0.1:1080"),
        ("HTTPS_PROXY", "socks5h://user:s3cret@127.0.0.1:1080"),
        ("MLFLOW_OSS_PROXY", "http://user:s3cret@127.0.0.1:port"),
        ("MLFLOW_OSS_PROXY", "http://"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_refused_by_name_without_its_password(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for other in ("NO_PROXY", "no_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, value)

    with pytest.raises(MlflowException, match=f"{name} cannot be used as a proxy") as caught:
        opening.open_store("oss://id:key@bucket/a?region=cn-hangzhou")

    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    assert "s3cret" not in caught.value.message


def test_a_proxy_without_a_scheme_is_one_of_http(port: int) -> None:
    url = "http://oss.example"
    transport = Transport(url, TransportOptions(1, 2, 2, proxy=f"127.0.0.1:{port}"))

    # It wants a user: the answer is the proxy's own.
    assert transport.send("GET", f"{url}/key", {}).status == 407
    transport.close()
