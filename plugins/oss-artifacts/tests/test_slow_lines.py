"""A line that is slow and alive is not given up after the time for a connection attempt."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest
import urllib3

from mlflow_oss_artifacts import failures
from mlflow_oss_artifacts.transport import Transport, TransportOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.enable_socket

_SIZE = 24 << 20


class _SlowReader(threading.Thread):
    """Takes two requests on one connection; begins to read a body only after a pause."""

    def __init__(self, pause: float) -> None:
        super().__init__(daemon=True)
        self.pause = pause
        self.taken: list[int] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(30)
        self.port = self._listener.getsockname()[1]

    def run(self) -> None:
        connected, _ = self._listener.accept()
        connected.settimeout(30)
        with self._listener, connected, connected.makefile("rb") as reader:
            for _ in range(2):
                length = 0
                while (line := reader.readline()).strip():
                    if line.lower().startswith(b"content-length"):
                        length = int(line.partition(b":")[2])
                time.sleep(self.pause)
                self.taken.append(len(reader.read(length)))
                if self.taken[-1] < length:
                    return
                connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture
def reader(request: pytest.FixtureRequest) -> Iterator[_SlowReader]:
    found = _SlowReader(request.param)
    found.start()
    yield found
    found.join(timeout=60)
    assert not found.is_alive()


@pytest.mark.parametrize("reader", [0.6], indirect=True)
@pytest.mark.parametrize("through_proxy", [False, True])
def test_a_body_may_be_taken_more_slowly_than_a_connection_is_made(
    reader: _SlowReader, through_proxy: bool
) -> None:
    there = f"http://127.0.0.1:{reader.port}"
    url = "http://oss.example" if through_proxy else there
    proxy = there if through_proxy else "none"
    transport = Transport(url, TransportOptions(1, 0.2, 30, proxy=proxy))

    # The second one goes on the connection of the first.
    for _ in range(2):
        answer = transport.send("PUT", f"{url}/key", {}, bytes(_SIZE))
        answer.drain_conn()
        answer.release_conn()
        assert answer.status == 200
    transport.close()
    reader.join(timeout=60)

    assert reader.taken == [_SIZE, _SIZE]


@pytest.mark.parametrize("reader", [1.0], indirect=True)
def test_a_line_that_takes_nothing_is_given_up_after_the_time_for_answers(
    reader: _SlowReader,
) -> None:
    url = f"http://127.0.0.1:{reader.port}"
    transport = Transport(url, TransportOptions(1, 30, 0.2, proxy="none"))

    with pytest.raises(urllib3.exceptions.HTTPError) as caught:
        transport.send("PUT", f"{url}/key", {}, bytes(_SIZE))
    transport.close()

    assert failures.from_exception(caught.value).kind == "timeout"
