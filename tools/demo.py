"""The demo: a real MLflow server, and every plugin's step through it, ending in a table.

Runs inside the clean environment that `nox -s demo` makes from the wheels. A plugin takes part by a
file `examples/demo_step.py` in its folder, with one function `run(demo: Demo) -> None`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from discover import ROOT, plugins

if TYPE_CHECKING:
    from collections.abc import Iterator

_START_SECONDS = 90
_STOP_SECONDS = 15


@dataclass(frozen=True)
class Row:
    """One line of the closing table.

    Attributes:
        what: What was done, as "64 MB file logged".
        where: Where it lies now.
        bytes: Size, or None where there is none.
        seconds: Duration, or None.
        chunks: Pieces in the database, or None.
        digest: What was compared, as "SHA-256 equal".
    """

    what: str
    where: str
    bytes: int | None = None
    seconds: float | None = None
    chunks: int | None = None
    digest: str = ""


@dataclass
class Demo:
    """What a step gets: a server, a folder, and a place to say what it did.

    Attributes:
        tracking_uri: URL of the running MLflow server.
        folder: Where files may stay, for a look afterwards.
        look: URLs worth opening, below the server's.
        settings: Environment that the server runs with, to start it again.
    """

    tracking_uri: str
    folder: Path
    console: Console
    settings: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    look: list[str] = field(default_factory=list)

    @contextmanager
    def task(self, title: str) -> Iterator[None]:
        """Show that something is going on, and how long it took."""
        started = time.monotonic()
        self.console.print(f"· {title} …")
        yield
        self.console.print(f"  [green]done[/] in {time.monotonic() - started:.1f} s")

    def record(self, row: Row) -> None:
        """Add a line to the closing table."""
        self.rows.append(row)


@contextmanager
def mlflow_server(folder: Path, port: int, settings: dict[str, str]) -> Iterator[str]:
    """Run `mlflow server` on loopback until the block ends; its process group goes with it."""
    log = (folder / "server.log").open("wb")
    process = subprocess.Popen(
        _server_command(folder, port),
        env={**os.environ, **settings},
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_healthy(process, url, Path(log.name))
        yield url
    finally:
        _stop(process)
        log.close()


def _server_command(folder: Path, port: int) -> list[str]:
    return [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host=127.0.0.1",
        f"--port={port}",
        "--workers=1",
        f"--backend-store-uri=sqlite:///{folder / 'tracking.db'}",
        f"--artifacts-destination={folder / 'unused'}",
    ]


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
    message = f"mlflow server did not answer at {url}/health; it said:\n{tail}"
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _run_step(name: str, path: Path, demo: Demo) -> None:
    spec = importlib.util.spec_from_file_location(f"demo_step_{name.replace('-', '_')}", path)
    if spec is None or spec.loader is None:
        message = f"{path} cannot be imported"
        raise RuntimeError(message)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.run(demo)


def _table(demo: Demo) -> Table:
    table = Table(title="What went where", title_justify="left", show_lines=False)
    table.add_column("what", overflow="fold")
    table.add_column("where", overflow="fold")
    for title in ("bytes", "seconds", "chunks"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("digests", overflow="fold")
    for row in demo.rows:
        table.add_row(
            row.what,
            row.where,
            "" if row.bytes is None else f"{row.bytes:,}",
            "" if row.seconds is None else f"{row.seconds:.2f}",
            "" if row.chunks is None else f"{row.chunks:,}",
            row.digest,
        )
    return table


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _print_how_to_look_again(demo: Demo, port: int) -> None:
    settings = " ".join(f"{name}={value}" for name, value in demo.settings.items())
    program = _shown(Path(sys.executable).parent / "mlflow")
    store = f"sqlite:///{demo.folder / 'tracking.db'}"
    demo.console.print("\nThe server is stopped. To look at the run again:\n")
    command = f"{settings} {program} server --port {port} --backend-store-uri {store}"
    # Not wrapped: it is to be pasted.
    print(f"  {command}\n")
    for path in demo.look:
        print(f"  http://127.0.0.1:{port}{path}")
    print(f"\nFiles to open: {_shown(demo.folder)}/")


def main() -> int:
    """Run every plugin's step; 1 if one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "reports" / "demo")
    folder = parser.parse_args().output.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Into a file or a pipe as wide as the table; a terminal knows its own width.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    port = _free_port()
    # A server opens SQLite files only in folders that its operator names.
    settings = {"MLFLOW_SQLSERVER_SQLITE_FOLDERS": str(folder)}
    demo = Demo(f"http://127.0.0.1:{port}", folder, console, settings)
    started = time.monotonic()
    with ExitStack() as stack:
        with demo.task("start mlflow server, with a SQLite tracking store"):
            stack.enter_context(mlflow_server(folder, port, settings))
        for item in plugins():
            path = item.folder / "examples" / "demo_step.py"
            if path.exists():
                console.print(f"\n[bold]{item.name}[/]: {item.description}")
                _run_step(item.short, path, demo)
    console.print()
    console.print(_table(demo))
    (folder / "summary.json").write_text(
        json.dumps([asdict(row) for row in demo.rows], indent=2), encoding="utf-8"
    )
    _print_how_to_look_again(demo, port)
    console.print(f"\n[green]All of it worked[/], in {time.monotonic() - started:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
