"""Free ports."""

from __future__ import annotations

import random
import socket
from pathlib import Path

import pytest

from mlflow_plugin_servers.ports import LOOPBACK, free_port

pytestmark = pytest.mark.enable_socket


def test_a_free_port_can_be_listened_on() -> None:
    with socket.socket() as server:
        server.bind((LOOPBACK, free_port()))


def test_a_free_port_is_not_one_that_an_outgoing_connection_may_take() -> None:
    first = int(
        Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0]
    )

    assert all(free_port() < first for _ in range(20))


def test_two_runs_with_the_same_random_seed_choose_different_ports() -> None:
    state = random.getstate()
    ports = set()
    for _ in range(5):
        random.setstate(state)
        ports.add(free_port())

    assert len(ports) > 1


def test_when_no_port_of_the_quiet_range_is_tried_the_system_chooses_one() -> None:
    assert free_port(tries=0) > 0
