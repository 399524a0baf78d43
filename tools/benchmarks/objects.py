"""All scenarios of a store of files, for one plugin beside others.

    # plugins/s3-artifacts/benchmarks/run.py
    import sys
    from contextlib import contextmanager
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parents[3] / "tools"))
    from benchmarks.objects import Benchmark, Place, main

    @contextmanager
    def places(folder):
        from mlflow_plugin_servers.s3 import s3
        with s3() as server, server.fresh_bucket() as bucket:
            url = f"{server.endpoint}/{bucket.name}"
            yield [Place("SeaweedFS", url, server.port, bucket.environment)]

    if __name__ == "__main__":
        main(Benchmark(
            folder=Path(__file__).parent,     # with systems.py
            places=places,
            systems={"plugin": "plugin", "mlflow": "MLflow's S3", "boto3": "boto3"},
            compared=("mlflow", "boto3"),     # ratios: their seconds by the plugin's
            entry="mlflow_s3_artifacts.repository",
            wanted="at least 6 times MLflow's own S3 repository for 1,000 small files up",
        ))

`make(name, place, folder)` in systems.py gets a place's `url`, with the proxy's port in it where
latency is added or round trips are counted; so do the values of its `environment`.

| `--only` | what is measured |
|---|---|
| imports | what the entry module costs beyond MLflow |
| trips | round trips on the wire for each operation, of every system |
| small | 1,000 x 10 KB up, down, listed, deleted |
| many | 10,000 x 1 KB, the same |
| latency | 1,000 x 10 KB, the same, with 10 ms more each way |
| large | 1 GiB up and down; and up again unchanged, for stores that find that out (`again=True`) |
| huge | 4 GiB up and down: memory |
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.comparison import Bench, print_comparison
from benchmarks.files import MIB, make_file, make_folder
from benchmarks.imports import print_import

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

SCENARIOS = ("imports", "trips", "small", "many", "latency", "large", "huge")
LATENCY_SECONDS = 0.010
_KB = 1_000
_VERBS = (("up", "put_folder"), ("down", "get"), ("listed", "list"), ("deleted", "delete"))


@dataclass(frozen=True)
class Place:
    """Where the systems keep their files.

    Attributes:
        name: Heading of its tables.
        url: What `make` gets.
        port: The server's on loopback, as it stands in the URL; None where there is no server.
        environment: Added to that of each measurement: credentials and endpoints.
    """

    name: str
    url: str
    port: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def through(self, port: int) -> Place:
        """Return the same place behind a proxy."""

        def moved(text: str) -> str:
            return text.replace(f":{self.port}", f":{port}")

        environment = {name: moved(value) for name, value in self.environment.items()}
        return replace(self, url=moved(self.url), port=port, environment=environment)


@dataclass(frozen=True)
class Benchmark:
    """What is measured of one plugin.

    Attributes:
        folder: The folder of its systems.py.
        places: Starts servers for the length of a block.
        systems: What the columns are called; "plugin" is one.
        compared: Systems whose seconds are divided by the plugin's.
        entry: The module that its entry point names.
        wanted: The figures that were wanted, printed first.
        left_out: Systems that a scenario does without, where they would take an hour.
        huge: Systems whose memory is measured with a file of 4 GiB.
        again: Whether an unchanged file is stored once more.
    """

    folder: Path
    places: Callable[[Path], AbstractContextManager[Sequence[Place]]]
    systems: Mapping[str, str]
    compared: Sequence[str]
    entry: str
    wanted: str
    left_out: Mapping[str, Sequence[str]] = field(default_factory=dict)
    huge: Sequence[str] = ("plugin",)
    again: bool = False

    def of(self, scenario: str) -> tuple[str, ...]:
        """Return the systems that take part in a scenario."""
        out = self.left_out.get(scenario, ())
        return tuple(system for system in self.systems if system not in out)


def main(benchmark: Benchmark, arguments: Sequence[str] | None = None) -> None:
    """Run it and print Markdown; the command line chooses.

    Args:
        benchmark: What is measured.
        arguments: The command line; this process's own by default.
    """
    options = _options(arguments)
    scale = "" if options.scale == 1 else f" Sizes and numbers of files times {options.scale:g}."
    print(
        f"{dt.datetime.now(tz=dt.timezone.utc):%Y-%m-%d}, {os.cpu_count()} processors, "
        f"Python {platform.python_version()}.{scale} Wanted: {benchmark.wanted}."
    )
    with tempfile.TemporaryDirectory(prefix="mlflow-bench-") as name:
        folder = Path(name)
        if "imports" in options.only:
            print_import(benchmark.entry)
        with benchmark.places(folder) as places:
            for place in places:
                _measure(benchmark, place, folder / "work", options)
                shutil.rmtree(folder / "work", ignore_errors=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="of all sizes, for a quick look")
    parser.add_argument("--only", default=",".join(SCENARIOS), help="scenarios, with commas")
    options = parser.parse_args(arguments)
    options.only = set(options.only.split(","))
    if unknown := options.only - set(SCENARIOS):
        parser.error(f"--only: {', '.join(sorted(unknown))}; known are {', '.join(SCENARIOS)}")
    return options


def _measure(benchmark: Benchmark, place: Place, folder: Path, options: argparse.Namespace) -> None:
    if "trips" in options.only and place.port is not None:
        trips(benchmark, place, folder / "trips", options.scale)
    bench = _bench(benchmark, place, folder, options)
    if "small" in options.only:
        _folders(bench, benchmark.of("small"), (1_000, 10 * _KB), options, "")
    if "many" in options.only:
        _folders(bench, benchmark.of("many"), (10_000, _KB), options, "")
    if "large" in options.only:
        _large(bench, benchmark, folder, options)
    _print(benchmark, bench, place.name)
    if "latency" in options.only and place.port is not None:
        from mlflow_plugin_servers.proxy import Proxy

        with Proxy(place.port) as proxy:
            proxy.delay = LATENCY_SECONDS
            far = _bench(benchmark, place.through(proxy.port), folder / "far", options)
            _folders(far, benchmark.of("latency"), (1_000, 10 * _KB), options, "far ")
        _print(benchmark, far, f"{place.name}, {LATENCY_SECONDS * 1000:.0f} ms away each way")
    if "huge" in options.only:
        huge(benchmark, bench, place, folder, options.scale)


def _print(benchmark: Benchmark, bench: Bench, title: str) -> None:
    if not bench.results:
        return
    print(file=sys.stderr)
    print_comparison(title, bench.results, benchmark.systems, benchmark.compared)
    if bench.notes:
        print("\nNot counted: " + "; ".join(bench.notes) + ".")


def _bench(benchmark: Benchmark, place: Place, folder: Path, options: argparse.Namespace) -> Bench:
    folder.mkdir(parents=True, exist_ok=True)
    return Bench(benchmark.folder, place.url, folder, options.repeat, place.environment)


def _folders(
    bench: Bench,
    systems: Sequence[str],
    shape: tuple[int, int],
    options: argparse.Namespace,
    prefix: str,
) -> None:
    """Measure a folder of files; each turn has contents of its own."""
    count, size = shape
    name = f"{prefix.strip()}{size}x"
    files = max(1, int(count * options.scale))
    for turn in range(options.repeat):
        make_folder(bench.folder / f"in/{name}{turn}", files, size)
    for title, verb in _VERBS:
        what = f"{name}#" if verb != "put_folder" else str(bench.folder / f"in/{name}#")
        own = (what, name) if verb == "put_folder" else (what,)
        line = f"{count:,} x {size // _KB} KB {title}"
        bench.measure(line, verb, *own, systems=systems)
        if verb in {"get", "list"}:
            bench.expect(line, files)
    shutil.rmtree(bench.folder / "in")


def _large(bench: Bench, benchmark: Benchmark, folder: Path, options: argparse.Namespace) -> None:
    systems = benchmark.of("large")
    for turn in range(options.repeat):
        make_file(folder / f"in/large{turn}.bin", int(1024 * MIB * options.scale))
    path = str(folder / "in/large#.bin")
    bench.measure("1 GiB up", "put_file", path, "large", systems=systems)
    if benchmark.again:
        bench.measure("1 GiB up again, unchanged", "put_file", path, "again", systems=systems)
    bench.measure("1 GiB down", "get", "large#/large#.bin", systems=systems)
    for turn in range(options.repeat):
        for system in systems:
            for name in ("large", "again") if benchmark.again else ("large",):
                bench.once(system, "delete", f"{name}{turn}")
    shutil.rmtree(folder / "in")


def huge(benchmark: Benchmark, bench: Bench, place: Place, folder: Path, scale: float) -> None:
    """Send and fetch a file that must not fit anybody's memory."""
    size = int(4096 * MIB * scale)
    path = make_file(folder / "in/huge.bin", size)
    print(f"\n### {place.name}: a file of {size / (1 << 30):.1f} GiB\n")
    print("| | up | memory growth | whole process | down | memory growth | whole process |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for system in benchmark.huge:
        cells = []
        for verb, *arguments in (("put_file", str(path), "huge"), ("get", "huge/huge.bin")):
            found = bench.once(system, verb, *arguments)
            if found is None:
                cells.append(" |  | ")
                continue
            cells.append(
                f"{found['seconds']:.1f} s, {size / MIB / found['seconds']:.0f} MiB/s "
                f"| {found['growth'] / MIB:.0f} MiB | {found['peak'] / MIB:.0f} MiB"
            )
        print(f"| {benchmark.systems[system]} | {' | '.join(cells)} |", flush=True)
        bench.once(system, "delete", "huge")
    shutil.rmtree(folder / "in")


def trips(benchmark: Benchmark, place: Place, folder: Path, scale: float) -> None:
    """Count how often the wire changes direction, by a proxy before the server.

    Over plain HTTP that is one for each request; one more for a request that waits for
    "100 Continue". What connecting takes is measured alone and taken off.
    """
    from mlflow_plugin_servers.proxy import Proxy

    one = make_file(folder / "in/one.bin", _KB)
    hundred = make_folder(folder / "in/hundred", 100, _KB)
    large = make_file(folder / "in/large.bin", max(1, int(64 * MIB * scale)))
    operations = (
        ("1 KB up", "put_file", str(one), "one"),
        ("1 KB down", "get", "one/one.bin"),
        ("100 x 1 KB up", "put_folder", str(hundred), "hundred"),
        ("100 listed", "list", "hundred"),
        ("100 x 1 KB down", "get", "hundred"),
        ("100 deleted", "delete", "hundred"),
        (f"{64 * scale:g} MiB up", "put_file", str(large), "large"),
        (f"{64 * scale:g} MiB down", "get", "large/large.bin"),
    )
    systems = benchmark.of("trips")
    print(f"\n### {place.name}: round trips on the wire\n")
    print(f"| | {' | '.join(benchmark.systems[system] for system in systems)} |")
    print(f"|---|{'---:|' * len(systems)}")
    with Proxy(place.port or 0) as proxy:
        far = place.through(proxy.port)
        bench = Bench(benchmark.folder, far.url, folder, 1, far.environment)

        def count(system: str, verb: str, *arguments: str) -> int | None:
            before = proxy.round_trips
            found = bench.once(system, verb, *arguments)
            return None if found is None else proxy.round_trips - before

        connecting = {system: count(system, "nothing") or 0 for system in systems}
        for title, verb, *arguments in operations:
            cells = []
            for system in systems:
                taken = count(system, verb, *arguments)
                cells.append("" if taken is None else f"{taken - connecting[system]:,}")
            print(f"| {title} | {' | '.join(cells)} |", flush=True)
        for system in systems:
            for name in ("one", "large"):
                bench.once(system, "delete", name)
    shutil.rmtree(folder / "in")
