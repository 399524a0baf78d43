"""Servers for the length of a block, on loopback, that are ended however the block ends."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import ExitStack
    from pathlib import Path
    from types import FrameType

_START_SECONDS = 90
_STOP_SECONDS = 15
# Below the ports that outgoing connections are given, which anybody may take at any moment.
_PORTS = (10_240, 32_768)


def heed_signals() -> None:
    """Make SIGTERM and SIGINT leave through the blocks that are open, in the background too."""

    def leave(number: int, _frame: FrameType | None) -> None:
        # The second one must not disturb what the first one began.
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    choice = random.SystemRandom()
    while True:
        port = choice.randrange(*_PORTS)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


def other(kind: str, stack: ExitStack) -> Any:  # noqa: ANN401  # each kind has a class of its own
    """Start a server of shared/plugin-servers, until the stack is closed.

    Args:
        kind: Its name there.
        stack: Stops it.

    Returns:
        The server, or the reason why there is none on this machine.

    Raises:
        ServerUnavailableError: There is none, and MLFLOW_PLUGIN_SERVERS_REQUIRE names it.
    """
    from mlflow_plugin_servers import catalog, errors

    try:
        return stack.enter_context(catalog.acquire(kind))
    except errors.ServerUnavailableError as error:
        if catalog.required(kind):
            raise
        return f"no {kind}: {error}"


@contextmanager
def running(
    command: Sequence[str], url: str, log: Path, environment: Mapping[str, str]
) -> Iterator[int]:
    """Run a server until the block ends; its process group goes with it.

    Args:
        command: What starts it.
        url: Answers 200 below `/health` when it is ready.
        log: File for what it says.
        environment: Added to this process's own.

    Yields:
        Its process number.

    Raises:
        RuntimeError: It does not answer; the end of its log is in the message.
    """
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_until_healthy(process, url, log)
            yield process.pid
        finally:
            _stop(process)


def _wait_until_healthy(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:  # noqa: S310  # our own
                if answer.status == 200:  # noqa: PLR2004  # HTTP's OK
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    message = f"the server did not answer at {url}/health; it said:\n{tail}"
    raise RuntimeError(message)


def _stop(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
