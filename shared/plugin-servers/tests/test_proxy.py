"""The proxy that behaves as badly as a network can, before a real echo server."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest
from echoing import echo
from waiting import eventually

from mlflow_plugin_servers.ports import LOOPBACK, free_port
from mlflow_plugin_servers.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def echo_port() -> Iterator[int]:
    with echo() as port:
        yield port


@pytest.fixture
def proxy(echo_port: int) -> Iterator[Proxy]:
    with Proxy(echo_port) as made:
        yield made


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    with _connect(proxy) as made:
        yield made


def _connect(proxy: Proxy, timeout: float = 10.0) -> socket.socket:
    return socket.create_connection((LOOPBACK, proxy.port), timeout=timeout)


def _exactly(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = client.recv(count - len(data))
        if not piece:
            break
        data += piece
    return data


def _echo(client: socket.socket, data: bytes) -> bytes:
    client.sendall(data)
    return _exactly(client, len(data))


def test_without_a_fault_everything_passes_both_ways_unchanged(
    proxy: Proxy, client: socket.socket
) -> None:
    data = bytes(range(256)) * 4096
    sender = threading.Thread(target=client.sendall, args=(data,))
    sender.start()

    assert _exactly(client, len(data)) == data
    sender.join()
    assert (proxy.sent, proxy.received) == (len(data), len(data))


def test_the_end_of_one_direction_is_passed_on_while_the_other_stays_open(
    client: socket.socket,
) -> None:
    client.sendall(b"last words")
    client.shutdown(socket.SHUT_WR)

    assert _exactly(client, 100) == b"last words"


def test_a_delay_adds_to_each_way_of_each_round_trip(proxy: Proxy, client: socket.socket) -> None:
    proxy.delay = 0.1
    began = time.monotonic()

    assert _echo(client, b"x") == b"x"

    assert time.monotonic() - began >= 0.2


def test_a_delay_leaves_the_rate_as_it_is(proxy: Proxy, client: socket.socket) -> None:
    proxy.delay = 0.1
    data = b"x" * (4 << 20)
    sender = threading.Thread(target=client.sendall, args=(data,))
    began = time.monotonic()
    sender.start()

    assert len(_exactly(client, len(data))) == len(data)
    sender.join()
    # Block after block, waited for one by one, this would take over 12 seconds.
    assert time.monotonic() - began < 5


def test_a_rate_is_kept(proxy: Proxy, client: socket.socket) -> None:
    proxy.rate = 1_000_000
    began = time.monotonic()

    assert len(_echo(client, b"x" * 300_000)) == 300_000

    assert time.monotonic() - began >= 0.29


def test_a_cut_resets_the_open_connections_and_takes_new_ones(
    proxy: Proxy, client: socket.socket
) -> None:
    assert _echo(client, b"x") == b"x"

    proxy.cut()

    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with _connect(proxy) as again:
        assert _echo(again, b"y") == b"y"
    assert (proxy.cuts, proxy.connections) == (1, 2)


def test_a_cut_in_mid_upload_comes_after_exactly_the_bytes_that_were_asked_for(
    proxy: Proxy, client: socket.socket
) -> None:
    proxy.cut_after(100_000)

    with pytest.raises(OSError):  # noqa: PT011  (a reset or a broken pipe, as the moment has it)
        for _ in range(10_000):
            client.sendall(b"x" * 10_000)

    assert proxy.sent == 100_000
    with _connect(proxy) as again:
        assert _echo(again, b"y") == b"y"


def test_a_cut_in_mid_download_counts_the_answers(proxy: Proxy, client: socket.socket) -> None:
    assert _echo(client, b"x" * 1000) == b"x" * 1000
    proxy.cut_after(500, answers=True)

    with pytest.raises(ConnectionResetError):
        for _ in range(3):
            _echo(client, b"x" * 499)

    assert proxy.received == 1500


@pytest.mark.parametrize("answers", [False, True])
def test_exactly_one_byte_is_corrupted(
    proxy: Proxy, client: socket.socket, *, answers: bool
) -> None:
    proxy.corrupt_after(5, answers=answers)

    assert _echo(client, b"0123456789") == b"01234" + bytes([ord("5") ^ 0xFF]) + b"6789"
    assert _echo(client, b"0123456789") == b"0123456789"


def test_a_service_that_is_down_resets_old_and_new_connections_until_it_is_healed(
    proxy: Proxy, client: socket.socket
) -> None:
    assert _echo(client, b"x") == b"x"

    proxy.refuse()

    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with pytest.raises(ConnectionResetError), _connect(proxy) as refused:
        refused.recv(1)
    proxy.heal()
    with _connect(proxy) as again:
        assert _echo(again, b"y") == b"y"


def test_a_stalled_connection_is_silent_and_goes_on_when_healed(
    proxy: Proxy, client: socket.socket
) -> None:
    proxy.stall()
    client.sendall(b"x")
    client.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.recv(1)

    proxy.heal()

    client.settimeout(10)
    assert client.recv(1) == b"x"


def test_round_trips_are_counted_and_not_packets(proxy: Proxy, client: socket.socket) -> None:
    for _ in range(5):
        _echo(client, b"question")
    client.sendall(b"a" * 1000)
    client.sendall(b"b" * 1000)
    _exactly(client, 2000)

    assert 6 <= proxy.round_trips <= 7


def test_a_server_that_is_not_there_is_a_reset() -> None:
    with (
        Proxy(free_port()) as proxy,
        pytest.raises(ConnectionResetError),
        _connect(proxy) as client,
    ):
        client.recv(1)


def test_a_closed_proxy_lets_nobody_in_and_leaves_no_thread(
    echo_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    proxy = Proxy(echo_port)
    with _connect(proxy) as client:
        proxy.close()
        proxy.close()

        with contextlib.suppress(ConnectionResetError):
            assert client.recv(1) == b""
    with pytest.raises(ConnectionError):
        _connect(proxy)
    assert eventually(lambda: all(thread.name != "tcp-proxy" for thread in threading.enumerate()))
    assert not caplog.records
