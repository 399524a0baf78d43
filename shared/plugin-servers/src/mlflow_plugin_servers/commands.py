"""What the command line can do, once its words are read."""

from __future__ import annotations

import shlex
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from mlflow_plugin_servers.catalog import SERVERS
from mlflow_plugin_servers.errors import ServerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlflow_plugin_servers.catalog import Entry
    from mlflow_plugin_servers.server import Server

__all__ = ["prepare", "say", "serve"]


def serve(name: str, wishes: Mapping[str, Any]) -> int:
    """Run a server until it is asked to end.

    Args:
        name: Kind of server.
        wishes: What its `run` is given.

    Returns:
        The exit code: 1 when the server ended by itself.

    Raises:
        ServerUnavailableError: It cannot be had or does not start.
    """
    ended = threading.Event()
    # Before the server starts, so that an impatient Ctrl-C is a KeyboardInterrupt and cleans up as well.
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    began = time.monotonic()
    try:
        with SERVERS[name].run(**wishes, required=True) as server:
            say(
                f"{name} runs as process {server.pid} (started in {time.monotonic() - began:.1f} s)"
            )
            _describe(server)
            say("Ctrl-C ends it and removes its data.")
            while not ended.wait(1.0):
                if server.pid is None:
                    say(f"{name} ended:\n{server.log}", error=True)
                    return 1
    except KeyboardInterrupt:
        say("")
    say(f"{name} ended, its data is removed")
    return 0


def _describe(server: Server) -> None:
    for fact, value in {**server.facts(), "log": str(server.log_path)}.items():
        say(f"  {fact}  {value}")
    for variable, value in server.environment.items():
        say(f"  export {variable}={shlex.quote(value)}")


def prepare(names: Sequence[str], *, tried: bool = True) -> int:
    """Make sure that servers can be had, try each, and print a table of what there is.

    Args:
        names: Kinds of servers.
        tried: Whether each is started.

    Returns:
        The exit code: 1 when one of them cannot be had.
    """
    rows = [("server", "version", "origin", "MB", "start", "where")]
    failed = 0
    for name in names:
        entry = SERVERS[name]
        # On the other stream, for some are built for minutes and a person wants to know which.
        say(f"preparing {name}", error=True)
        try:
            programs = entry.prepare(required=True)
            start = f"{_seconds_to_start(entry):.1f} s" if tried else "not tried"
        except ServerUnavailableError as error:
            failed += 1
            say(f"{name} cannot be had: {error}", error=True)
            rows.append((name, "-", "-", "-", "-", str(error).splitlines()[0]))
        else:
            size, where = f"{programs.size / 1e6:.0f}", str(programs.where)
            rows.append((name, programs.version, programs.origin, size, start, where))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 1 if failed else 0


def _seconds_to_start(entry: Entry) -> float:
    began = time.monotonic()
    with entry.run():
        return time.monotonic() - began


def say(text: str, *, error: bool = False) -> None:
    """Print something at once.

    Args:
        text: What to print.
        error: Whether it goes to standard error.
    """
    stream = sys.stderr if error else sys.stdout
    stream.write(text + "\n")
    stream.flush()
