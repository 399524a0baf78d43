"""The proxy for people: `python -m mlflow_plugin_servers proxy --to PORT`, and what is typed while it runs."""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import shlex
import signal
import sys
from typing import TYPE_CHECKING

from mlflow_plugin_servers.commands import say
from mlflow_plugin_servers.ports import LOOPBACK
from mlflow_plugin_servers.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["obey", "proxy"]

_HELP = """\
delay SECONDS                   each byte travels so long, each way
rate BYTES                      at most so many bytes per second, each way; 0 for as many as it can
cut                             reset all open connections now
cut-after COUNT [answers]       reset them once, after so many more bytes (of the answers: towards the client)
corrupt-after COUNT [answers]   change the byte behind so many, once
refuse                          reset each connection as soon as it is made
stall                           pass nothing on and close nothing
heal                            take all of it back
status                          what passed so far"""


def proxy(program: str, arguments: Sequence[str]) -> int:
    """Run a proxy until Ctrl-C.

    Args:
        program: How it is called, for the help.
        arguments: What stands behind that.

    Returns:
        The exit code.
    """
    chosen = _parser(program).parse_args(arguments)
    try:
        made = Proxy(chosen.to, chosen.host, chosen.port)
    except OSError as error:
        say(f"cannot listen on {LOOPBACK}:{chosen.port}: {error}", error=True)
        return 1
    with made:
        made.delay, made.rate = chosen.delay, chosen.rate
        for word in ("cut-after", "corrupt-after"):
            count = vars(chosen)[word.replace("-", "_")]
            if count is not None:
                obey(made, f"{word} {count}{' answers' if chosen.answers else ''}")
        for word in ("refuse", "stall"):
            if vars(chosen)[word]:
                obey(made, word)
        say(f"{LOOPBACK}:{made.port} leads to {chosen.host}:{chosen.to}")
        say("Type help for what it can do to connections; Ctrl-C ends it.")
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with contextlib.suppress(KeyboardInterrupt):
            _listen_to_person(made)
        say(_status(made))
    return 0


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program, description=f"Pass TCP connections on, as badly as is asked for. {__doc__}"
    )
    parser.add_argument("--to", type=int, required=True, help="port of the server")
    parser.add_argument("--host", default=LOOPBACK, help=f"its machine (default: {LOOPBACK})")
    parser.add_argument(
        "--port", type=int, default=0, help="port to listen on (default: a free one)"
    )
    parser.add_argument("--delay", type=float, default=0.0, help="seconds each way", metavar="S")
    parser.add_argument(
        "--rate", type=int, default=0, help="bytes per second each way", metavar="N"
    )
    parser.add_argument("--cut-after", type=int, help="reset once after N bytes", metavar="N")
    parser.add_argument("--corrupt-after", type=int, help="change the byte behind N", metavar="N")
    parser.add_argument("--answers", action="store_true", help="count N towards the client")
    parser.add_argument("--refuse", action="store_true", help="reset each connection at once")
    parser.add_argument("--stall", action="store_true", help="pass nothing on, close nothing")
    return parser


def obey(made: Proxy, line: str) -> str:
    """Do what a person typed.

    Args:
        made: The proxy.
        line: Such as `delay 0.1`.

    Returns:
        What to answer; empty for nothing.
    """
    try:
        return _obey(made, *shlex.split(line))
    except (TypeError, ValueError):
        return f"not understood: {line.strip()}\n{_HELP}"


def _obey(made: Proxy, word: str = "", value: str = "", side: str = "") -> str:
    if word in {"cut-after", "corrupt-after"} and side in {"", "answers"}:
        act = made.cut_after if word == "cut-after" else made.corrupt_after
        act(int(value), answers=bool(side))
    elif side or (value and word not in {"delay", "rate"}):
        raise ValueError
    elif word == "delay":
        made.delay = max(0.0, float(value))
    elif word == "rate":
        made.rate = max(0, int(value))
    elif word in {"cut", "refuse", "stall", "heal"}:
        getattr(made, word)()
    elif word == "status":
        return _status(made)
    elif word == "help":
        return _HELP
    elif word:
        raise ValueError
    return ""


def _status(made: Proxy) -> str:
    return (
        f"{made.connections} connections, {made.round_trips} round trips, {made.sent} bytes sent, "
        f"{made.received} received, {made.cuts} cuts; delay {made.delay:g} s, rate {made.rate or 'as it can'}"
    )


def _listen_to_person(made: Proxy) -> None:
    """Obey until Ctrl-C; whoever runs it in the background has nothing to type."""
    typed = b""
    heard = [sys.stdin.fileno()]
    while True:
        # With a limit, for a signal may come in the moment before the wait, where it wakes nobody.
        if not select.select(heard, [], [], 1.0)[0]:
            continue
        # Past the buffer of Python, where a second line would wait unseen.
        data = os.read(heard[0], 4096)
        if not data:
            heard = []
        *lines, typed = (typed + data).split(b"\n")
        for line in lines:
            answer = obey(made, line.decode("utf-8", "replace"))
            if answer:
                say(answer)
