"""The servers for people: `python -m mlflow_plugin_servers postgresql` runs one until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

from mlflow_plugin_servers.catalog import SERVERS
from mlflow_plugin_servers.errors import ServerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlflow_plugin_servers.binaries import Binaries

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for.

    Args:
        arguments: The command line; this process's own by default.

    Returns:
        The exit code: 1 when a server cannot be had.
    """
    chosen = _parser().parse_args(arguments)
    try:
        if chosen.command == "prepare":
            return _prepare(chosen.names or list(SERVERS))
        return _serve(
            chosen.command, port=chosen.port, durable=chosen.durable, options=dict(chosen.option)
        )
    except ServerUnavailableError as error:
        _print(str(error), error=True)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mlflow_plugin_servers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in SERVERS:
        server = commands.add_parser(name, help=f"run {name} until Ctrl-C")
        server.add_argument("--port", type=int, help="port on loopback (default: a free one)")
        server.add_argument(
            "--durable", action="store_true", help="wait for the disk, as production does"
        )
        server.add_argument(
            "--option",
            type=_option,
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a setting of the server; may be given more than once",
        )
    prepare = commands.add_parser(
        "prepare", help="fetch or install what is missing, try it, and say how long it took"
    )
    prepare.add_argument(
        "names", nargs="*", choices=[*SERVERS, []], metavar="NAME", help="kinds (default: all)"
    )
    return parser


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        message = f"{text!r} does not have the form NAME=VALUE"
        raise argparse.ArgumentTypeError(message)
    return name, value


def _serve(name: str, *, port: int | None, durable: bool, options: dict[str, str]) -> int:
    ended = threading.Event()
    # Before the server starts, so that an impatient Ctrl-C is a KeyboardInterrupt and cleans up as well.
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    began = time.monotonic()
    try:
        with SERVERS[name].run(
            port=port, durable=durable, options=options, required=True
        ) as server:
            _print(
                f"{name} runs as process {server.pid} (started in {time.monotonic() - began:.1f} s)"
            )
            _print(f"  application  {server.uri}")
            _print(f"  administrator  {server.admin_uri}")
            _print(f"  log  {server.log_path}")
            _print("Ctrl-C ends it and removes its data.")
            while not ended.wait(1.0):
                if server.pid is None:
                    _print(f"{name} ended:\n{server.log}", error=True)
                    return 1
    except KeyboardInterrupt:
        _print("")
    _print(f"{name} ended, its data is removed")
    return 0


def _prepare(names: Sequence[str]) -> int:
    rows = [("server", "version", "origin", "MB", "start", "where")]
    failed = 0
    for name in names:
        try:
            programs = SERVERS[name].prepare(required=True)
            began = time.monotonic()
            with SERVERS[name].run():
                seconds = time.monotonic() - began
        except ServerUnavailableError as error:
            failed += 1
            rows.append((name, "-", "-", "-", "-", str(error).splitlines()[0]))
        else:
            rows.append(
                (
                    name,
                    *_facts(programs),
                    f"{seconds:.1f} s",
                    str(next(iter(programs.programs.values()))),
                )
            )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        _print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
    return 1 if failed else 0


def _facts(programs: Binaries) -> tuple[str, str, str]:
    size = sum(path.stat().st_size for path in programs.programs.values())
    return programs.version, programs.origin, f"{size / 1e6:.0f}"


def _print(text: str, *, error: bool = False) -> None:
    stream = sys.stderr if error else sys.stdout
    stream.write(text + "\n")
    stream.flush()


if __name__ == "__main__":
    sys.exit(main())
