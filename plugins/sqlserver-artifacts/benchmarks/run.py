"""Speed and memory beside the peer, the bare driver and MLflow's local files, in one run.

    nox -s bench -- sqlserver-artifacts [--repeat 3] [--scale 1.0] [--only large,small,…]

Every measurement is a process of its own; the systems take turns, so that a machine that slows
down slows them all. Medians. The tables are Markdown: docs/performance.md holds one run of them.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
SYSTEMS = {
    "plugin": "plugin",
    "peer": "mlflow-dbstore 1.0.1",
    "driver": "bare driver",
    "digest": "driver with SHA-256",
    "local": "local files",
}
# A digest is a matter of large files: for small ones the calls are what costs.
LARGE = tuple(SYSTEMS)
SMALL = tuple(system for system in SYSTEMS if system != "digest")
MIB = 1 << 20
# The figures that were wanted of this plugin.
WANTED = "at least 0.8 of the bare driver for the large file, 5 times the peer for the small files"


class Result(NamedTuple):
    """Medians of one measurement."""

    seconds: float
    growth: int


class Bench:
    """One database, all systems."""

    def __init__(self, url: str, folder: Path, repeat: int) -> None:
        self._url = url
        self._folder = folder
        self._repeat = repeat
        self.results: dict[tuple[str, str], Result] = {}

    def measure(self, title: str, verb: str, *arguments: str, systems: tuple[str, ...]) -> None:
        """Measure one verb with every system in turn, several times."""
        found = defaultdict(list)
        for turn in range(self._repeat):
            # In another order each time, the same in each run: what one leaves behind in caches and
            # in memory is not the same one's gain or loss every time.
            order = random.Random(f"{title} {turn}")
            for system in order.sample(systems, len(systems)):
                if verb in {"put_file", "put_folder"}:  # a new folder each time: nothing replaced
                    chosen = [arguments[0], f"{arguments[1]}{turn}"]
                elif verb == "get":
                    target = self._folder / "fetched"
                    shutil.rmtree(target, ignore_errors=True)
                    target.mkdir()
                    chosen = [arguments[0].replace("#", str(turn)), str(target)]
                else:
                    chosen = [arguments[0].replace("#", str(turn))]
                found[system].append(child(system, self._url, self._folder, verb, *chosen))
                print(".", end="", file=sys.stderr, flush=True)
        for system, answers in found.items():
            self.results[title, system] = Result(
                statistics.median(item["seconds"] for item in answers),
                int(statistics.median(item["growth"] for item in answers)),
            )


def child(system: str, url: str, folder: Path, verb: str, *arguments: str) -> dict[str, float]:
    """Run one measurement in a process."""
    environment = {**os.environ, "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
    program = [sys.executable, "-W", "ignore", str(HERE / "measure.py")]
    done = subprocess.run(
        [*program, system, url, str(folder), verb, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{system} {verb} failed:\n{done.stderr[-3000:]}")
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def make_file(path: Path, size: int) -> Path:
    """Write a file that no compression shrinks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        for start in range(0, size, MIB):
            stream.write(os.urandom(min(MIB, size - start)))
    return path


def make_folder(path: Path, count: int, size: int) -> Path:
    """Write many small files."""
    for number in range(count):
        make_file(path / f"file-{number:05}.bin", size)
    return path


def compare(url: str, folder: Path, options: argparse.Namespace) -> dict[tuple[str, str], Result]:
    """Run all comparisons on one database."""
    bench = Bench(url, folder, options.repeat)
    scale = options.scale
    if "large" in options.only:
        large = make_file(folder / "in/large.bin", int(256 * MIB * scale))
        bench.measure("256 MB up", "put_file", str(large), "large", systems=LARGE)
        bench.measure("256 MB down", "get", "large#/large.bin", systems=LARGE)
    if "small" in options.only:
        small = make_folder(folder / "in/small", int(2_000 * scale), 10_000)
        bench.measure("2,000 x 10 KB up", "put_folder", str(small), "small", systems=SMALL)
        bench.measure("2,000 x 10 KB down", "get", "small#", systems=SMALL)
    if "many" in options.only:
        many = make_folder(folder / "in/many", int(10_000 * scale), 100)
        for turn in range(options.repeat):
            for system in SMALL:
                child(system, url, folder, "put_folder", str(many), f"many{turn}")
        bench.measure("list 10,000", "list", "many#", systems=SMALL)
        without_peer = tuple(system for system in SMALL if system != "peer")
        bench.measure("delete 10,000", "delete", "many#", systems=without_peer)
    print(file=sys.stderr)
    return bench.results


def print_comparison(title: str, results: dict[tuple[str, str], Result]) -> None:
    """Print seconds, memory and ratios."""
    print(f"\n### {title}\n")
    compared = ("driver", "digest", "peer")
    ratios = " | ".join(f"{SYSTEMS[system]} / plugin" for system in compared)
    print(f"| | {' | '.join(SYSTEMS.values())} | {ratios} |")
    print(f"|---|{'---:|' * (len(SYSTEMS) + len(compared))}")
    for name in dict.fromkeys(name for name, _ in results):
        cells = []
        for system in SYSTEMS:
            result = results.get((name, system))
            cells.append(f"{result.seconds:.2f} s, {result.growth / MIB:.0f} MiB" if result else "")
        own = results[name, "plugin"].seconds
        for system in compared:
            other = results.get((name, system))
            cells.append(f"**{other.seconds / own:.2f}**" if other else "")
        print(f"| {name} | {' | '.join(cells)} |")


def huge(places: dict[str, str], folder: Path, scale: float) -> None:
    """Send and fetch a file that must not fit anybody's memory."""
    size = int(2048 * MIB * scale)
    path = make_file(folder / "in/huge.bin", size)
    print(f"\n### A file of {size / (1 << 30):.1f} GiB\n")
    print("| database | up | memory growth | down | memory growth |")
    print("|---|---:|---:|---:|---:|")
    for name, url in places.items():
        up = child("plugin", url, folder, "put_file", str(path), "huge")
        target = folder / "huge-fetched"
        target.mkdir()
        down = child("plugin", url, folder, "get", "huge/huge.bin", str(target))
        shutil.rmtree(target)
        child("plugin", url, folder, "delete", "huge")
        print(
            f"| {name} | {up['seconds']:.1f} s, {size / MIB / up['seconds']:.0f} MiB/s "
            f"| {up['growth'] / MIB:.0f} MiB | {down['seconds']:.1f} s, "
            f"{size / MIB / down['seconds']:.0f} MiB/s | {down['growth'] / MIB:.0f} MiB |",
            flush=True,
        )


def round_trips(servers: dict[str, object], folder: Path) -> None:
    """Count how often the wire changes direction, by a proxy before the server."""
    from mlflow_plugin_servers.proxy import Proxy

    small = make_folder(folder / "in/trips", 2_000, 10_000)
    print("\n### Round trips on the wire for 2,000 files of 10 KB\n")
    print("| server | connect and first use | up | list | down |")
    print("|---|---:|---:|---:|---:|")
    for name, server in servers.items():
        with server.fresh_database() as direct, Proxy(server.port) as proxy:  # type: ignore[attr-defined]
            url = direct.replace(f":{server.port}/", f":{proxy.port}/")  # type: ignore[attr-defined]
            counts = []
            for verb, arguments in (
                ("list", ["none"]),
                ("put_folder", [str(small), "small"]),
                ("list", ["small"]),
                ("get", ["small", str(folder / f"trips-{name}")]),
            ):
                (folder / f"trips-{name}").mkdir(exist_ok=True)
                before = proxy.round_trips
                child("plugin", url, folder, verb, *arguments)
                counts.append(proxy.round_trips - before)
            warm = counts[0]
            again = counts[2] - 1  # a second process: connecting, and the tables are there
            print(
                f"| {name} | {warm} | {counts[1] - again} | 1 | {counts[3] - again} |", flush=True
            )


def imports(repeat: int = 9) -> None:
    """Measure what loading the entry point costs beyond MLflow."""
    program = (
        "import time\n"
        "import mlflow.store.artifact.artifact_repo, mlflow.exceptions\n"
        "started = time.perf_counter()\n"
        "import mlflow_sqlserver_artifacts.repository\n"
        "print(time.perf_counter() - started)\n"
    )
    seconds = []
    for _ in range(repeat):
        environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
        # The plugin's own entry points would be loaded by `import mlflow` itself.
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _without_entry_points() + program],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        seconds.append(float(done.stdout.split()[-1]))
    print(f"\nImport of the entry module beyond MLflow: {statistics.median(seconds) * 1000:.1f} ms")


def _without_entry_points() -> str:
    return (
        "import importlib.metadata as metadata\n"
        "found = metadata.entry_points\n"
        "metadata.entry_points = lambda **names: (\n"
        "    [] if names.get('group', '').startswith('mlflow.') else found(**names))\n"
    )


@contextlib.contextmanager
def databases(folder: Path) -> Iterator[tuple[dict[str, str], dict[str, object]]]:
    """Start the servers; yields locations and servers."""
    from mlflow_plugin_servers.mariadb import mariadb
    from mlflow_plugin_servers.postgresql import postgresql

    with postgresql(durable=True) as first, mariadb() as second, contextlib.ExitStack() as stack:
        places = {
            "SQLite": f"sqlite:///{folder / 'bench.db'}",
            "PostgreSQL": stack.enter_context(first.fresh_database()),
            "MariaDB": stack.enter_context(second.fresh_database()),
        }
        yield places, {"PostgreSQL": first, "MariaDB": second}


def main() -> None:
    """Run it all and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="sizes, for a quick look")
    parser.add_argument("--only", default="imports,trips,large,small,many,huge")
    options = parser.parse_args()
    options.only = set(options.only.split(","))
    python, processors = platform.python_version(), os.cpu_count()
    print(
        f"{dt.datetime.now(tz=dt.timezone.utc):%Y-%m-%d}, {processors} processors, "
        f"Python {python}. Wanted: {WANTED}."
    )
    with tempfile.TemporaryDirectory(prefix="mlflow-bench-") as name:
        folder = Path(name)
        if "imports" in options.only:
            imports()
        with databases(folder) as (places, servers):
            if "trips" in options.only:
                round_trips(servers, folder)
            for title in ("SQLite", "PostgreSQL"):
                if options.only & {"large", "small", "many"}:
                    print_comparison(title, compare(places[title], folder / title, options))
            if "huge" in options.only:
                huge(places, folder, options.scale)


if __name__ == "__main__":
    main()
