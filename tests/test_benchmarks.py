"""What is measured is what happened: with systems of which it is known."""

from __future__ import annotations

import http.server
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.comparison import Bench, Result, print_comparison
from benchmarks.files import MIB, make_file, make_folder
from benchmarks.objects import Benchmark, Place, main

if TYPE_CHECKING:
    from collections.abc import Iterator

# Keeps files in a folder, asks its place once for each file, and is what its name says.
_SYSTEMS = """
import os, shutil, time, urllib.request
from pathlib import Path

class Folder:
    def __init__(self, name, place, folder):
        self.name, self.place = name, place
        self.root = Path(os.environ["ROOT"], name)

    def ask(self, count=1):
        for _ in range(count if self.place.startswith("http") else 0):
            urllib.request.urlopen(self.place).read()

    def warm(self):
        self.ask(3)

    def put_file(self, path, folder):
        self.ask()
        if self.name == "hungry":
            os.urandom(200 << 20)
        if self.name == "slow":
            time.sleep(0.4)
        (self.root / folder).mkdir(parents=True)
        shutil.copy(path, self.root / folder / path.name)

    def put_folder(self, path, folder):
        self.ask(len(os.listdir(path)))
        shutil.copytree(path, self.root / folder)

    def get(self, path, target):
        self.ask()
        if (self.root / path).is_file():
            shutil.copy(self.root / path, target)
        else:
            shutil.copytree(self.root / path, target / path)
            if self.name == "forgetful":
                next((target / path).iterdir()).unlink()

    def list(self, folder):
        self.ask()
        return len(os.listdir(self.root / folder)) - (self.name == "forgetful")

    def delete(self, folder):
        if self.name == "forgetful":
            raise NotImplementedError
        self.ask()
        shutil.rmtree(self.root / folder)

make = Folder
"""


@pytest.fixture
def systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a plugin's benchmark."""
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    (folder / "systems.py").write_text(_SYSTEMS)
    monkeypatch.setenv("ROOT", str(tmp_path / "root"))
    return folder


def test_seconds_and_memory_are_those_of_the_verb_alone(systems: Path, tmp_path: Path) -> None:
    bench = Bench(systems, "nowhere", tmp_path / "work", repeat=1)
    file = make_file(tmp_path / "file", 10)

    bench.measure("up", "put_file", str(file), "f", systems=("quick", "slow", "hungry"))

    found = {system: result for (_, system), result in bench.results.items()}
    assert 0.4 <= found["slow"].seconds < 5
    assert found["quick"].seconds < 0.3
    assert 180 * MIB < found["hungry"].growth < 400 * MIB
    assert found["quick"].growth < 50 * MIB


def test_each_turn_stores_into_a_folder_of_its_own_and_fetches_from_it(
    systems: Path, tmp_path: Path
) -> None:
    bench = Bench(systems, "nowhere", tmp_path / "work", repeat=2)
    for turn in range(2):
        make_folder(tmp_path / f"in/{turn}", 3 + turn, 10)

    bench.measure("up", "put_folder", str(tmp_path / "in/#"), "f", systems=("a",))
    bench.measure("down", "get", "f#", systems=("a",))

    assert {path.name for path in (tmp_path / "root/a").iterdir()} == {"f0", "f1"}
    assert bench.results["down", "a"].files == 3
    assert not (tmp_path / "work/fetched").exists()


def test_who_lists_or_fetches_too_few_is_not_counted_and_who_cannot_is_left_blank(
    systems: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def places(_folder: Path) -> Iterator[list[Place]]:
        yield [Place("A folder", "nowhere")]

    columns = {"plugin": "plugin", "forgetful": "old one"}
    benchmark = Benchmark(systems, places, columns, ("forgetful",), "json", "speed")

    main(benchmark, ["--repeat", "1", "--scale", "0.002", "--only", "small,trips,latency"])

    printed = capsys.readouterr().out
    lines = {line.split(" | ")[0].strip("| "): line.split(" | ") for line in printed.splitlines()}
    assert "Sizes and numbers of files times 0.002. Wanted: speed." in printed
    assert "MiB" in lines["1,000 x 10 KB up"][2]
    assert "**" in lines["1,000 x 10 KB up"][3]
    for verb in ("down", "listed", "deleted"):
        assert "MiB" in lines[f"1,000 x 10 KB {verb}"][1]
        assert "MiB" not in lines[f"1,000 x 10 KB {verb}"][2]
    assert "forgetful, 1,000 x 10 KB listed: 1 of 2 files" in printed
    assert "forgetful, 1,000 x 10 KB down: 1 of 2 files" in printed
    # There is no server whose wire could be looked at.
    assert "round trips" not in printed
    assert "away" not in printed


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_round_trips_are_counted_without_those_of_connecting_and_latency_is_felt(
    systems: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def places(_folder: Path) -> Iterator[list[Place]]:
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answer) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            port = server.server_address[1]
            yield [Place("HTTP", f"http://127.0.0.1:{port}/", port)]
            server.shutdown()
            thread.join()

    benchmark = Benchmark(systems, places, {"plugin": "plugin"}, (), "json", "speed")

    main(benchmark, ["--repeat", "1", "--scale", "0.005", "--only", "trips,latency,huge"])

    printed = capsys.readouterr().out
    assert "| 1 KB up | 1 |" in printed
    assert "| 100 x 1 KB up | 100 |" in printed
    assert "| 100 deleted | 1 |" in printed
    up = next(line for line in printed.splitlines() if line.startswith("| 1,000 x 10 KB up"))
    # Five files one after another, each a connection and a request: 20 ms for either.
    assert float(up.split("|")[2].split()[0]) >= 5 * 0.02
    assert "HTTP: a file of 0.0 GiB" in printed
    assert printed.rstrip().endswith("MiB |")


def test_a_measurement_that_fails_ends_the_benchmark_with_what_it_said(
    systems: Path, tmp_path: Path
) -> None:
    bench = Bench(systems, "nowhere", tmp_path / "work", repeat=1)

    with pytest.raises(SystemExit, match="(?s)plugin get failed:.*FileNotFoundError"):
        bench.measure("down", "get", "not there", systems=("plugin",))


def test_an_unknown_scenario_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    benchmark = Benchmark(Path(), contextmanager(lambda _: iter(())), {}, (), "json", "speed")

    with pytest.raises(SystemExit):
        main(benchmark, ["--only", "tiny"])
    assert "--only: tiny; known are imports, trips, small" in capsys.readouterr().err


def test_ratios_are_the_others_seconds_by_the_plugins(capsys: pytest.CaptureFixture[str]) -> None:
    results = {("up", "plugin"): Result(2.0, 3 * MIB), ("up", "peer"): Result(5.0, MIB)}

    print_comparison("A place", results, {"plugin": "plugin", "peer": "old one"}, ("peer",))

    assert capsys.readouterr().out.splitlines()[1:] == [
        "### A place",
        "",
        "| | plugin | old one | old one / plugin |",
        "|---|---:|---:|---:|",
        "| up | 2.00 s, 3 MiB | 5.00 s, 1 MiB | **2.50** |",
    ]
