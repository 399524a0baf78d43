"""Services and credentials that take their time: what waits for them, and what does not."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlflow_plugin_core.objects.bodies import HeldBody
from mlflow_plugin_core.objects.client import ObjectInfo
from mlflow_s3_artifacts.client_connection import connection_for
from mlflow_s3_artifacts.opening import open_store

if TYPE_CHECKING:
    from mlflow_plugin_core.objects.client import ObjectClient

pytestmark = pytest.mark.enable_socket

_CONTENT = b"0123456789" * 2
_MD5 = hashlib.md5(_CONTENT, usedforsecurity=False).hexdigest()
_LARGE = 3 << 20
_HEAD = (
    "HTTP/1.1 200 OK\r\nConnection: close\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    'ETag: "{etag}"\r\nContent-Length: {size}\r\n\r\n'
)


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "the-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-secret")


class _Asked(list[str]):
    """The head of each request so far, and the port that they came to."""

    port = 0


@contextlib.contextmanager
def _served(answer: Callable[[socket.socket, bytes], None]) -> Iterator[_Asked]:
    """Answer each connection by a function, which gets what came behind the head."""
    asked = _Asked()
    with socket.socket() as listening:
        # A small window, so that a slow reader slows the sender down at once.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)
        asked.port = listening.getsockname()[1]

        def serve(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                data = b""
                while b"\r\n\r\n" not in data:
                    data += connection.recv(4096)
                head, _, body = data.partition(b"\r\n\r\n")
                asked.append(head.decode())
                if b"100-continue" in head.lower():
                    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                answer(connection, body)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection = listening.accept()[0]
                    threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield asked
        listening.shutdown(socket.SHUT_RDWR)


def _client(asked: _Asked) -> ObjectClient:
    return open_store(f"s3+http://127.0.0.1:{asked.port}/bucket/run?read_timeout=0.5").client


def _is_obstore(head: str) -> bool:
    return "user-agent: object_store" in head.lower()


def test_an_answer_that_trickles_is_read_to_its_end_by_obstore() -> None:
    def trickle(connection: socket.socket, _body: bytes) -> None:
        connection.sendall(_HEAD.format(etag=_MD5, size=len(_CONTENT)).encode())
        for at in range(0, len(_CONTENT), 2):
            connection.sendall(_CONTENT[at : at + 2])
            time.sleep(0.1)

    with (
        _served(trickle) as asked,
        _client(asked).read(ObjectInfo("run/k", 20, _MD5), 0, 20) as chunks,
    ):
        assert b"".join(chunks) == _CONTENT

    assert [_is_obstore(head) for head in asked] == [True]


def test_an_answer_that_stands_still_ends_with_the_read_timeout() -> None:
    done = threading.Event()

    def stop(connection: socket.socket, _body: bytes) -> None:
        connection.sendall(_HEAD.format(etag=_MD5, size=20).encode() + b"01")
        done.wait(30)

    with _served(stop) as asked:
        client = _client(asked)
        with (
            pytest.raises(Exception, match="Read timeout") as caught,
            client.read(ObjectInfo("run/k", 20, _MD5), 0, 20),
        ):
            pass
        done.set()

    assert client.retryable(caught.value) is True
    assert "read_timeout 0.5 s" in client.translate(caught.value, "Cannot fetch 'k'").message
    assert [_is_obstore(head) for head in asked] == [True]


def test_a_service_that_is_silent_about_a_small_body_is_found_out_soon() -> None:
    done = threading.Event()
    began = time.monotonic()

    def wait(_connection: socket.socket, _body: bytes) -> None:
        done.wait(60)

    with _served(wait) as asked:
        with pytest.raises(Exception, match="Read timeout"):
            _client(asked).put("run/k", HeldBody(b"small"))
        took = time.monotonic() - began
        done.set()

    assert [_is_obstore(head) for head in asked] == [True, False]
    assert took < 30


def test_a_body_on_a_slow_line_is_sent_to_its_end_by_obstore() -> None:
    body = os.urandom(_LARGE)

    def read_slowly(connection: socket.socket, begun: bytes) -> None:
        count = pause = len(begun)
        while count < _LARGE:
            piece = connection.recv(1 << 16)
            count += len(piece)
            if count - pause > 200_000:
                time.sleep(0.1)
                pause = count
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        connection.sendall(_HEAD.format(etag=etag, size=0).encode())

    with _served(read_slowly) as asked:
        info = _client(asked).put("run/k", HeldBody(body))

    assert info.size == _LARGE
    assert [_is_obstore(head) for head in asked] == [True]


def test_credentials_that_take_long_hold_up_no_other_location(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"
    os.mkfifo(told)
    (tmp_path / "config").write_text(f"[profile slow]\ncredential_process = /bin/cat {told}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    slow = open_store("s3+https://a.example/bucket/x?profile=slow").target
    other = open_store("s3+https://b.example/bucket/x").target
    waiting = threading.Thread(target=connection_for, args=(slow,), daemon=True)
    waiting.start()

    with told.open("w") as stream:  # which ends its wait when the credentials are asked for
        going_on = threading.Thread(target=connection_for, args=(other,), daemon=True)
        going_on.start()
        going_on.join(20)
        assert not going_on.is_alive()
        assert waiting.is_alive()
        json.dump({"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b"}, stream)
    waiting.join(20)

    assert connection_for(slow).credentials.access_key == "a"
