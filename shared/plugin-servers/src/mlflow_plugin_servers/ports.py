"""Free ports on loopback."""

from __future__ import annotations

import contextlib
import random
import socket
from pathlib import Path

__all__ = ["LOOPBACK", "free_port", "listened_on"]

LOOPBACK = "127.0.0.1"

_LOWEST = 10_240
_DEFAULT_EPHEMERAL_START = 32_768
_RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")
# The system's own randomness: a test run that seeds `random` must not make two runs choose the same ports.
_CHOICE = random.SystemRandom()


def free_port(tries: int = 200) -> int:
    """Find a port that nobody listens on, outside the range that outgoing connections take theirs from.

    Inside that range a port is not safe while its server is down for a moment: any outgoing connection may be
    given it, and a client that keeps trying to reconnect over loopback may even be connected to itself.

    Args:
        tries: How many ports are looked at before the choice is left to the system.

    Returns:
        The port. Nothing reserves it: who starts a server on it must be ready to take another.
    """
    end = _ephemeral_start()
    for _ in range(tries if end > _LOWEST else 0):
        port = _CHOICE.randrange(_LOWEST, end)
        if _bind(port):
            return port
    return _bind(0)


def listened_on(port: int) -> bool:
    """Tell whether a server listens on a port already.

    Args:
        port: The port on loopback.

    Returns:
        Whether another one cannot; connections that are just dying there do not matter.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return False


def _ephemeral_start() -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(_RANGE_FILE.read_text(encoding="ascii").split()[0])
    return _DEFAULT_EPHEMERAL_START


def _bind(port: int) -> int:
    """Return the bound port, 0 when it is taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return 0
        return int(probe.getsockname()[1])
