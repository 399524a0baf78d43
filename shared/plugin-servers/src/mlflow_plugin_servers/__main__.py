"""The servers for people: `python -m mlflow_plugin_servers postgresql` runs one until Ctrl-C."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from mlflow_plugin_servers import commands
from mlflow_plugin_servers.catalog import REQUIRE_VARIABLE, SERVERS, required
from mlflow_plugin_servers.errors import ServerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_PROGRAM = "python -m mlflow_plugin_servers"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for.

    Args:
        arguments: The command line; this process's own by default.

    Returns:
        The exit code: 1 when a server cannot be had.
    """
    chosen = _commands().parse_args(arguments)
    try:
        if chosen.command == "prepare":
            return _prepare(chosen.rest)
        if chosen.command == "proxy":
            from mlflow_plugin_servers.proxy_commands import proxy

            return proxy(f"{_PROGRAM} proxy", chosen.rest)
        return _serve(chosen.command, chosen.rest)
    except ServerUnavailableError as error:
        commands.say(str(error), error=True)
        return 1


def _commands() -> argparse.ArgumentParser:
    """Read the first word alone: what may follow it is known to the module of that kind, and that is costly to load."""
    parser = argparse.ArgumentParser(prog=_PROGRAM, description=__doc__)
    parser.add_argument(
        "command",
        choices=[*SERVERS, "prepare", "proxy"],
        metavar="COMMAND",
        help=f"a server to run until Ctrl-C ({', '.join(SERVERS)}); prepare: fetch or install what is missing, try it, "
        "and say how long it took; proxy: stand before a port and delay, throttle, cut or corrupt what passes. "
        "COMMAND --help says more.",
    )
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="…", help=argparse.SUPPRESS)
    return parser


def _prepare(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog=f"{_PROGRAM} prepare")
    parser.add_argument(
        "names", nargs="*", type=_kind, metavar="NAME", help=f"{', '.join(SERVERS)} (default: all)"
    )
    parser.add_argument(
        "--required",
        action="store_true",
        help=f"only those of them that {REQUIRE_VARIABLE} names; nothing where it is not set",
    )
    parser.add_argument(
        "--untried", action="store_true", help="fetch, install and build, and start none of them"
    )
    chosen = parser.parse_args(arguments)
    names = chosen.names or list(SERVERS)
    if chosen.required:
        names = [name for name in names if required(name)]
    return commands.prepare(names, tried=not chosen.untried)


def _kind(text: str) -> str:
    if text not in SERVERS:
        message = f"{text!r} is none of {', '.join(SERVERS)}"
        raise argparse.ArgumentTypeError(message)
    return text


def _serve(name: str, arguments: Sequence[str]) -> int:
    entry = SERVERS[name]
    parser = argparse.ArgumentParser(
        prog=f"{_PROGRAM} {name}", description=f"Run {name} until Ctrl-C."
    )
    parser.add_argument("--port", type=int, help="port on loopback (default: a free one)")
    parser.add_argument(
        "--option",
        dest="options",
        type=_option,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the server; may be given more than once",
    )
    entry.arguments(parser)
    wishes = vars(parser.parse_args(arguments))
    return commands.serve(name, {**wishes, "options": dict(wishes["options"])})


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        message = f"{text!r} does not have the form NAME=VALUE"
        raise argparse.ArgumentTypeError(message)
    return name, value


if __name__ == "__main__":
    sys.exit(main())
