"""Speed and memory beside the peer, the bare driver and MLflow's local files, in one run.

    nox -s bench -- sqlserver-artifacts [--repeat 3] [--scale 1.0] [--only large,small,…]

Every measurement is a process of its own; the systems take turns, so that a machine that slows
down slows them all. Medians. The tables are Markdown: docs/performance.md holds one run of them.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2] / "tools"))

from benchmarks import comparison  # noqa: E402  # tools/ is not a package on the path
from benchmarks.comparison import Bench, Results, print_comparison  # noqa: E402
from benchmarks.files import MIB, make_file, make_folder  # noqa: E402
from benchmarks.imports import print_import  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

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
COMPARED = ("driver", "digest", "peer")
# The figures that were wanted of this plugin.
WANTED = "at least 0.8 of the bare driver for the large file, 5 times the peer for the small files"


def child(system: str, url: str, folder: Path, verb: str, *arguments: str) -> dict[str, float]:
    """Run one measurement in a process."""
    return comparison.child(str(HERE), system, url, str(folder), verb, *arguments)


def compare(url: str, folder: Path, options: argparse.Namespace) -> Results:
    """Run all comparisons on one database."""
    bench = Bench(HERE, url, folder, options.repeat)
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
            print_import("mlflow_sqlserver_artifacts.repository")
        with databases(folder) as (places, servers):
            if "trips" in options.only:
                round_trips(servers, folder)
            for title in ("SQLite", "PostgreSQL"):
                if options.only & {"large", "small", "many"}:
                    results = compare(places[title], folder / title, options)
                    print_comparison(title, results, SYSTEMS, COMPARED)
            if "huge" in options.only:
                huge(places, folder, options.scale)


if __name__ == "__main__":
    main()
