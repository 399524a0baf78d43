"""The demo: a real MLflow server, and every plugin's step through it, ending in a table.

Runs inside the clean environment that `nox -s demo` makes from the wheels. A plugin takes part by a
file `examples/demo_step.py` in its folder:

    SERVERS = ("s3",)          # kinds of shared/plugin-servers that have to run; a literal

    def environment(demo: Demo) -> dict[str, str]:
        # What MLflow's server has to run with, and this process during the step.
        return {"AWS_ACCESS_KEY_ID": demo.server("s3").access.access_key, …}

    def run(demo: Demo) -> None:
        bucket = demo.server("s3").create_bucket("models")
        logged = demo_model.log(demo, "models in S3", f"s3+http://…/{bucket.name}/demo")
        …                      # demo_model.py has the rest of what every step does
        demo.record(Row("logged", "where it is", bytes=…, seconds=…))

Only `run` has to be there. What all steps log is in demo_model.py: one model, a plot and a file of 64
MB, made once. What a step needs besides the plugin stands in the plugin's dependency group `demo`.
Where a server cannot be had on this machine the steps that ask for it are left out by name, unless
MLFLOW_PLUGIN_SERVERS_REQUIRE names it, as it does in CI.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shlex
import shutil
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

import demo_model
import demo_needs
import demo_server
from discover import ROOT, Distribution, plugins

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType


@dataclass(frozen=True)
class Row:
    """One line of the closing table.

    Attributes:
        what: What was done, as "64 MB file logged".
        where: Where it lies now.
        bytes: Size, or None where there is none.
        seconds: Duration, or None.
        chunks: Pieces that it is kept in, or None.
        digest: What was compared, as "SHA-256 equal".
        plugin: Whose step it was; `Demo.record` knows.
    """

    what: str
    where: str
    bytes: int | None = None
    seconds: float | None = None
    chunks: int | None = None
    digest: str = ""
    plugin: str = ""


@dataclass
class Demo:
    """What a step gets: servers, a folder, a model, and a place to say what it did.

    Attributes:
        tracking_uri: URL of the running MLflow server.
        folder: Where files may stay, for a look afterwards.
        settings: Environment of MLflow's server for those that look again.
        servers: The running servers by kind, or why there is none.
        rows: Lines of the closing table.
        look: URLs worth opening, below the server's.
        plugin: Whose step it is now.
    """

    tracking_uri: str
    folder: Path
    console: Console
    settings: dict[str, str]
    servers: dict[str, Any] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    look: list[str] = field(default_factory=list)
    plugin: str = ""

    @cached_property
    def trained(self) -> demo_model.Trained:
        """The model that every step logs."""
        with self.task("train a classifier on scikit-learn's breast cancer data"):
            return demo_model.train(self.folder)

    def server(self, kind: str) -> Any:  # noqa: ANN401  # each kind has a class of its own
        """Return a running server that the step asked for by `SERVERS`."""
        return self.servers[kind]

    @contextmanager
    def task(self, title: str) -> Iterator[None]:
        """Show that something is going on, and how long it took."""
        started = time.monotonic()
        self.console.print(f"· {title} …")
        yield
        self.console.print(f"  [green]done[/] in {time.monotonic() - started:.1f} s")

    def record(self, row: Row) -> None:
        """Add a line to the closing table."""
        self.rows.append(replace(row, plugin=self.plugin))


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


@dataclass(frozen=True)
class Step:
    """One plugin's part in the demo.

    Attributes:
        plugin: The plugin.
        module: Its `examples/demo_step.py`.
    """

    plugin: Distribution
    module: ModuleType

    @property
    def servers(self) -> tuple[str, ...]:
        """The kinds of servers that have to run."""
        return demo_needs.servers_of(self.plugin.folder)

    def missing(self, demo: Demo) -> str:
        """Say why the step cannot be run here; empty where it can."""
        whys = [found for kind in self.servers if isinstance(found := demo.server(kind), str)]
        return "; ".join(whys)

    def environment(self, demo: Demo) -> dict[str, str]:
        """Return what the plugin needs to run with; nothing where it does not say."""
        asked = getattr(self.module, "environment", None)
        return dict(asked(demo)) if asked else {}

    def run(self, demo: Demo) -> None:
        """Run the step in its environment, or add a line that says why not."""
        demo.plugin = self.plugin.name
        demo.console.print(f"\n[bold]{self.plugin.name}[/]: {self.plugin.description}")
        if why := self.missing(demo):
            demo.console.print(f"  [yellow]left out[/]: {why}")
            demo.record(Row("left out", why))
            return
        before, look = dict(os.environ), list(demo.look)
        os.environ.update(self.environment(demo))
        try:
            self.module.run(demo)
        finally:
            os.environ.clear()
            os.environ.update(before)
        if self.servers:
            # What it stored goes with its servers; nobody could look at it later.
            demo.look[:] = look


def steps(root: Path = ROOT, shorts: Sequence[str] = ()) -> list[Step]:
    """Find the plugins that take part.

    Args:
        root: The repository.
        shorts: Plugins to take; all of them by default.
    """
    return [
        Step(item, _module(item.short, path))
        for item in plugins(root)
        if (path := item.folder / demo_needs.STEP).exists() and (not shorts or item.short in shorts)
    ]


def _module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"demo_step_{name.replace('-', '_')}", path)
    if spec is None or spec.loader is None:
        message = f"{path} cannot be imported"
        raise RuntimeError(message)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _table(demo: Demo) -> Table:
    table = Table(title="What went where", title_justify="left", show_lines=False)
    table.add_column("what", overflow="fold")
    table.add_column("where", overflow="fold")
    for title in ("bytes", "seconds", "chunks"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("digests", overflow="fold")
    plugin = ""
    for row in demo.rows:
        if row.plugin != plugin:
            plugin = row.plugin
            table.add_section()
            table.add_row(f"[bold]{plugin}[/]")
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


def look_again(demo: Demo, port: int) -> str:
    """Return the command that starts the server once more, fit to be pasted into a shell."""
    store = f"sqlite:///{demo.folder / 'tracking.db'}"
    program = _shown(Path(sys.executable).parent / "mlflow")
    command = [program, "server", "--port", str(port), "--backend-store-uri", store]
    settings = [f"{name}={shlex.quote(value)}" for name, value in demo.settings.items()]
    return " ".join([*settings, *map(shlex.quote, command)])


def _print_how_to_look_again(demo: Demo, port: int) -> None:
    demo.console.print("\nThe server is stopped. To look at the run again:\n")
    # Not wrapped: it is to be pasted.
    print(f"  {look_again(demo, port)}\n")
    for path in demo.look:
        print(f"  http://127.0.0.1:{port}{path}")
    print(f"\nFiles to open: {_shown(demo.folder)}/")


def main() -> int:
    """Run every plugin's step; 1 if one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plugins", nargs="*", help="plugins that take part (default: all)")
    parser.add_argument("--output", type=Path, default=ROOT / "reports" / "demo")
    chosen = parser.parse_args()
    folder = chosen.output.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Into a file or a pipe as wide as the table; a terminal knows its own width.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    demo_server.heed_signals()
    found = steps(shorts=chosen.plugins)
    port = demo_server.free_port()
    url = f"http://127.0.0.1:{port}"
    demo = Demo(url, folder, console, {})
    started = time.monotonic()
    with ExitStack() as stack:
        for kind in dict.fromkeys(kind for step in found for kind in step.servers):
            with demo.task(f"start {kind}"):
                demo.servers[kind] = demo_server.other(kind, stack)
        environment: dict[str, str] = {}
        for step in found:
            if not step.missing(demo):
                own = step.environment(demo)
                environment |= own
                # The other servers are gone when somebody looks again, and their keys are secrets.
                demo.settings |= {} if step.servers else own
        with demo.task("start mlflow server, with a SQLite tracking store"):
            command = _server_command(folder, port)
            log = folder / "server.log"
            stack.enter_context(demo_server.running(command, url, log, environment))
        for step in found:
            step.run(demo)
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
